// Losses on the pairs of a batch, and the one on centres of classes.
#include <cmath>

#include "audit/losses/rows.h"
#include "autograd/ops.h"
#include "base/error.h"
#include "fr/loss/center_loss.h"
#include "fr/loss/lifted_loss.h"
#include "fr/loss/margin_based_loss.h"
#include "fr/loss/pair_loss.h"

namespace fr::audit {
namespace {

std::vector<Input> embeddings(Size s) { return {{"x", {s.N, s.D}}}; }

// Distances about 1, whatever D is.
std::vector<Input> near_embeddings(Size s) {
  const double most = std::sqrt(1.8 / double(s.D));
  return {{"x", {s.N, s.D}, -most, most}};
}

Tensor labels_of(const Var& x, int64_t (*label)(int64_t n)) {
  std::vector<int64_t> all;
  for (int64_t n = 0; n < x.dim(0); ++n) all.push_back(label(n));
  return Tensor::from(all, {x.dim(0)}).to(x.device());
}
// Classes 0 1 0 1 2 2 3 3 4 4 ...: pairs that are neighbours and pairs that are not.
Tensor crossed(const Var& x) {
  return labels_of(x, [](int64_t n) { return n < 4 ? n % 2 : n / 2; });
}

Var similarities(const Var& x) {
  const Var e = l2_normalize(x);
  return matmul(e, e, false, true);
}

void add_contrastive(std::vector<LossRow>& rows) {
  const Title title{"contrastive", "d^2 or max(m - d, 0)^2", "Hadsell et al. 2006, Eq. 4", "contrastive"};
  const auto add = [&](const char* name, const char* equation, const Contrastive& options) -> LossRow& {
    rows.push_back({.title = {name, equation, title.reference, title.page},
                    .inputs = near_embeddings,
                    .loss = [options](const Vars& v) {
                      return contrastive_loss(squared_distances(v[0]), crossed(v[0]), options);
                    }});
    return rows.back();
  };
  const Tensor two = sine({2, 4}, 0.4, 0.3, 1.7);
  using Form = Contrastive::Form;
  using Weights = Contrastive::Weights;
  add("contrastive m=1", "d^2 or max(m - d, 0)^2", {Form::distance, Weights::balanced, 1}).stated = {
      {{two}, 0.240434464900}};
  add("contrastive m=2", "d^2 or max(m - d, 0)^2", {Form::distance, Weights::pairs, 2}).stated = {
      {{two}, 1.433881600448}};
  add("contrastive squared", "d^2 or max(m - d^2, 0)", {Form::squared, Weights::balanced, 2});
}

void add_triplet(std::vector<LossRow>& rows) {
  rows.push_back(
      {.title = {"triplet m=0.5", "max(0, d2_ap - d2_an + m)", "Schroff et al. 2015, Eq. 3", "triplet"},
       .inputs = embeddings,
       .loss =
           [](const Vars& v) {
             return triplet_loss(squared_distances(l2_normalize(v[0])), crossed(v[0]), {0.5});
           },
       .stated = {{{Tensor::from<double>({1, 0, 0.8, 0.6, 0.6, 0.8, 0, 1}, {4, 2})}, 0.45}}});
}

// Six embeddings of three numbers.
Tensor six() { return sine({6, 3}, 1, 0.2, 1.9); }
Tensor number(double value) { return Tensor::full({1}, value, DType::float64); }

void add_lifted(std::vector<LossRow>& rows) {
  const char *reference = "Song et al. 2016, Eq. 4", *page = "lifted";
  const auto scaled = [](Size s) { return std::vector<Input>{{"x", {s.N, s.D}}, {"scale", {1}, 8, 16}}; };
  rows.push_back({.title = {"lifted, distance", "max(0, J)^2, a = -|x_i - x_j|", reference, page},
                  .inputs = embeddings,
                  .loss =
                      [](const Vars& v) {
                        return lifted_distance(squared_distances(l2_normalize(v[0])), crossed(v[0]), 1);
                      },
                  .stated = {{{six()}, 4.505034168552}}});
  rows.push_back(
      {.title = {"lifted, cosine", "max(0, J)^2, a = scale <x_i, x_j>", reference, page},
       .inputs = scaled,
       .loss = [](const Vars& v) { return lifted_cosine(similarities(v[0]), v[1], crossed(v[0]), 0); },
       .stated = {{{six(), number(12)}, 20.127770019464}}});
  rows.push_back({.title = {"lifted, euclid_scaled", "max(0, J)^2, a = -scale |x_i - x_j|", reference, page},
                  .inputs = scaled,
                  .loss =
                      [](const Vars& v) {
                        const Var d2 = squared_distances(l2_normalize(v[0]));
                        return lifted_distance(mul(d2, mul(v[1], v[1])), crossed(v[0]), 1);
                      },
                  // dscale is a difference of distances that all are about sqrt(2) scale: digits cancel.
                  .float_tolerance = 5e-5});
}

void add_margin_based(std::vector<LossRow>& rows) {
  using Sampling = MarginPairs::Sampling;
  const auto add = [&](const char* name, const char* reference, Sampling sampling) -> LossRow& {
    rows.push_back({.title = {name, "max(0, alpha - y (s_ij - beta))", reference, "margin_based"},
                    .inputs =
                        [](Size s) {
                          return std::vector<Input>{{"x", {s.N, s.D}, -0.3, 1}, {"beta", {1}, 0.3, 0.6}};
                        },
                    .loss =
                        [sampling](const Vars& v) {
                          MarginPairs o;
                          o.sampling = sampling, o.D = double(v[0].dim(1));
                          o.key = {3, Purpose::pairs, 1, 0};
                          return margin_based(similarities(v[0]), v[1], crossed(v[0]), o);
                        }});
    return rows.back();
  };
  add("margin-based, modified", "Smirnov et al. 2017, Eq. 2-5", Sampling::modified);
  add("margin-based, distance", "Wu et al. 2017", Sampling::distance);
  add("margin-based, hardest", "Smirnov et al. 2017, Eq. 2", Sampling::hardest).stated = {
      {{six(), number(0.5)}, 0.358315990475}};
}

// Two rows of a class one after the other; all numbers of the centre of class j are j.
Var center_loss(const Var& x, CenterOptions::Form form) {
  const int64_t M = x.dim(0) / 2 + 1, D = x.dim(1);
  Numbers center;
  for (int64_t i = 0; i < M * D; ++i) center.push_back(double(i / D));
  CenterOptions options;
  options.form = form;
  CenterTerm term(options, M, D);
  *term.buffers().at(0).second = Tensor::from(center, {M, D}, x.dtype(), x.device());
  return term.loss(x, labels_of(x, [](int64_t n) { return n / 2; }), 0);
}
void add_center(std::vector<LossRow>& rows) {
  const Tensor three = Tensor::from<double>({1, 0, 0, 2, 2, 1}, {3, 2});
  for (const auto form : {CenterOptions::Form::mean, CenterOptions::Form::sum}) {
    const bool mean = form == CenterOptions::Form::mean;
    rows.push_back({.title = {mean ? "center" : "center, sum", mean ? "|x - c_y|^2 / 2N" : "|x - c_y|^2 / 2",
                              "Wen et al. 2016, Eq. 2-3", "center"},
                    .inputs = embeddings,
                    .loss = [form](const Vars& v) { return center_loss(v[0], form); },
                    .stated = {{{three}, mean ? 1.0 : 3.0}}});
  }
}

}  // namespace

std::vector<LossRow> batch_rows() {
  std::vector<LossRow> rows;
  add_center(rows);
  add_contrastive(rows);
  add_triplet(rows);
  add_lifted(rows);
  add_margin_based(rows);
  return rows;
}

}  // namespace fr::audit
