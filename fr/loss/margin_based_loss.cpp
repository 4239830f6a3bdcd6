#include "fr/loss/margin_based_loss.h"

#include <cmath>

#include "autograd/ops/check.h"
#include "fr/loss/pair_op.h"

namespace fr {
namespace {

void check_options(const MarginPairs& o) {
  FR_CHECK(o.margin >= 0 && std::isfinite(o.margin), "margin_based: expected a margin >= 0, got ", o.margin);
  if (o.sampling != MarginPairs::Sampling::distance) return;
  FR_CHECK(o.D >= 2, "margin_based: sampling by distance needs D >= 2, got ", o.D);
  FR_CHECK(o.cutoff > 0 && o.cutoff < o.loss_cutoff && o.loss_cutoff < 2,
           "margin_based: expected 0 < cutoff < loss cutoff < 2, got ", o.cutoff, " and ", o.loss_cutoff);
}

// All but what the batch adds: D and the key.
MarginPairs pairs_of(const MarginBasedOptions& o) {
  MarginPairs pairs;
  pairs.sampling = o.sampling, pairs.margin = o.margin;
  pairs.cutoff = o.cutoff, pairs.loss_cutoff = o.loss_cutoff;
  return pairs;
}

}  // namespace

// Similarities and the boundary -> margin-based loss.        s (N,N), boundary (1), labels (N) -> y ()
//   forward, backward   margin_pairs in tensor/pair_loss.h: the kernel gives y, dy/ds and dy/dboundary
// Saves the two derivatives.
Var margin_based(const Var& s, const Var& boundary, const Tensor& labels, const MarginPairs& options,
                 Tensor* chosen) {
  check_pairs("margin_based", s, labels);
  check_inputs("margin_based", {{"s", s, Is::wide}, {"boundary", boundary, Is::wide}});
  check_shape("margin_based", "boundary", boundary, {1});
  check_options(options);
  const Tensor &sv = s.value(), picked(s.shape(), DType::int64, s.device());
  const Tensor loss = like(sv, {}), ds = like(sv, s.shape()), dboundary = like(sv, {1});
  with_kernels(loss, [&](const auto& k) {
    k.margin_pairs(loss.data(), ds.data(), dboundary.data(), picked.data(), sv.data(),
                   boundary.value().data(), labels.data(), options, s.dim(0));
  });
  if (chosen) *chosen = picked;
  return loss_with_derivatives("margin_based", loss, {s, boundary}, {ds, dboundary});
}

MarginBasedTerm::MarginBasedTerm(const MarginBasedOptions& options) : options_(options) {
  FR_CHECK(options.margin >= 0 && options.margin <= 1, "margin-based loss: expected a margin in [0, 1], got ",
           options.margin);
  FR_CHECK(std::abs(options.boundary) <= 1 - options.margin,
           "margin-based loss: expected a boundary in [-1 + margin, 1 - margin], got ", options.boundary,
           " with margin ", options.margin);
  check_options(pairs_of(options));
  boundary_ = &add_parameter("boundary", {1}, Init::constant(options.boundary));
  boundary_->decay_multiplier = 0;
}

Var MarginBasedTerm::loss(const Var& embedding, const Tensor& labels, const StepAt&) {
  const Var e = l2_normalize(embedding);
  const RandomState& state = random_state();
  MarginPairs pairs = pairs_of(options_);
  pairs.D = double(e.dim(1));
  pairs.key = {state.seed, Purpose::pairs, state.step, 0, state.step_at};
  return margin_based(matmul(e, e, false, true), boundary_->var, labels, pairs);
}

void MarginBasedTerm::keep_in_bounds() {
  const Tensor& boundary = boundary_->var.value();
  const double most = 1 - options_.margin;
  with_kernels(boundary, [&](const auto& k) { k.clamp(boundary.data(), boundary.data(), -most, most, 1); });
}

}  // namespace fr
