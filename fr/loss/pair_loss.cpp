#include "fr/loss/pair_loss.h"

#include <algorithm>
#include <cmath>

#include "autograd/ops/check.h"
#include "fr/loss/pair_op.h"
#include "tensor/pair_function.h"

namespace fr {
namespace {

void check_options(const Contrastive& o) {
  FR_CHECK(o.margin > 0 && std::isfinite(o.margin), "contrastive_loss: expected a margin > 0, got ",
           o.margin);
}
void check_options(const Triplet& o) {
  FR_CHECK(o.margin >= 0 && std::isfinite(o.margin), "triplet_loss: expected a margin >= 0, got ", o.margin);
}

}  // namespace

// Squared distances between all rows.                        x (N,D) -> d2 (N,N)
//   forward    d2_ij = sum_d (x_id - x_jd)^2
//   backward   dx_id += sum_j 2 (dd2_ij + dd2_ji) (x_id - x_jd)
// Saves x.
Var squared_distances(const Var& x) {
  check_inputs("squared_distances", {{"x", x, Is::wide}});
  check_rank("squared_distances", "x (N,D)", x, 2);
  const int64_t N = x.dim(0), D = x.dim(1);
  Tensor d2 = like(x.value(), {N, N});
  with_kernels(d2, [&](const auto& k) { k.squared_distances_forward(d2.data(), x.value().data(), N, D); });
  return record("squared_distances", d2, {x}, [xs = Saved(x), N, D](Node& self) mutable {
    const Tensor dx = grad_of(self, 0);
    with_kernels(self.grad, [&](const auto& k) {
      k.squared_distances_backward(dx.data(), self.grad.data(), xs.take().data(), N, D);
    });
  });
}

Var contrastive_loss(const Var& d2, const Tensor& labels, const Contrastive& options) {
  check_pairs("contrastive_loss", d2, labels);
  check_options(options);
  const Tensor loss = like(d2.value(), {}), derivative = like(d2.value(), d2.shape());
  with_kernels(loss, [&](const auto& k) {
    k.contrastive(loss.data(), derivative.data(), d2.value().data(), labels.data(), options, d2.dim(0));
  });
  return loss_with_derivatives("contrastive_loss", loss, {d2}, {derivative});
}

Var triplet_loss(const Var& d2, const Tensor& labels, const Triplet& options) {
  check_pairs("triplet_loss", d2, labels);
  check_options(options);
  const Tensor loss = like(d2.value(), {}), derivative = like(d2.value(), d2.shape());
  with_kernels(loss, [&](const auto& k) {
    k.triplet(loss.data(), derivative.data(), d2.value().data(), labels.data(), options, d2.dim(0));
  });
  return loss_with_derivatives("triplet_loss", loss, {d2}, {derivative});
}

std::vector<SelectedTriplet> selected_triplets(const Tensor& d2, const Tensor& labels,
                                               const Triplet& options) {
  check_pairs("selected_triplets", Var(d2), labels);
  const int64_t N = d2.dim(0);
  const std::vector<double> all = d2.host<double>();
  const std::vector<int64_t> label = labels.host<int64_t>();
  std::vector<SelectedTriplet> selected;
  for (int64_t a = 0; a < N; ++a)
    for (int64_t p = 0; p < N; ++p) {
      const double* d2_a = all.data() + a * N;
      if (a == p || label[size_t(a)] != label[size_t(p)]) continue;
      const Negative<double> n = semi_hard_negative(d2_a, label.data(), a, p, N);
      if (n.number >= 0) selected.push_back({a, p, n.number, std::max(0.0, d2_a[p] - n.d2 + options.margin)});
    }
  return selected;
}

ContrastiveTerm::ContrastiveTerm(const ContrastiveOptions& options) : options_(options) {
  check_options(options);
}

Var ContrastiveTerm::loss(const Var& embedding, const Tensor& labels, const StepAt&) {
  const Var x = options_.features == Features::unit ? l2_normalize(embedding) : embedding;
  return contrastive_loss(squared_distances(x), labels, options_);
}

TripletTerm::TripletTerm(const TripletOptions& options) : options_(options) { check_options(options); }

Var TripletTerm::loss(const Var& embedding, const Tensor& labels, const StepAt&) {
  return triplet_loss(squared_distances(l2_normalize(embedding)), labels, options_);
}

}  // namespace fr
