// Losses on the scores of classes.
#include "audit/formulas.h"
#include "audit/losses/rows.h"
#include "autograd/ops.h"
#include "base/error.h"
#include "fr/loss/margin_loss.h"

namespace fr::audit {
namespace {

MarginOptions scaled_by_norm(const Margin& margin, MarginGradient gradient = MarginGradient::exact) {
  MarginOptions o;
  o.margin = margin, o.scale = LogitScale::embedding_norm, o.gradient = gradient;
  return o;
}
MarginOptions scaled_by(double s, const Margin& margin, MarginGradient gradient = MarginGradient::exact) {
  MarginOptions o;
  o.margin = margin, o.s = s, o.gradient = gradient;
  return o;
}
std::function<Var(const Vars&)> margin_loss(const MarginOptions& options) {
  return [options](const Vars& v) { return margin_cross_entropy(v[0], v[1], labels(v[0], v[1]), options); };
}

void add_softmax(std::vector<LossRow>& rows) {
  rows.push_back(
      {.title = {"softmax", "z = <w, x> + b", "Liu et al. 2017, Eq. 3-4", "softmax"},
       .inputs = classes_and_bias,
       .loss =
           [](const Vars& v) { return softmax_cross_entropy(linear(v[0], v[1], v[2]), labels(v[0], v[1])); },
       .stated = at_sines(0.568237530864, {Tensor::from<double>({0.1, -0.2, 0.05}, {3})})});
  rows.push_back(
      {.title = {"modified softmax", "z = |x| cos(theta)", "Liu et al. 2017, Eq. 5", "modified_softmax"},
       .inputs = classes,
       .loss = margin_loss(scaled_by_norm({})),
       .stated = at_sines(0.596245491019)});
}

// The stated loss for m = 1..4 without annealing and with lambda = 5.
void add_a_softmax(std::vector<LossRow>& rows) {
  const struct {
    int m;
    double lambda;
    std::vector<Stated> stated;
  } cases[] = {{1, 0, at_sines(0.596245491019)}, {2, 0, at_sines(1.461946738784)}, {3, 0, {}},
               {4, 0, at_sines(4.040100063458)}, {1, 5, at_sines(0.596245491019)}, {2, 5, {}},
               {3, 5, at_sines(0.858530727232)}, {4, 5, at_sines(0.975967041304)}};
  for (const auto& c : cases) {
    const Margin margin{Margin::Kind::a_softmax, double(c.m), c.lambda};
    const auto add = [&](MarginGradient mode, const std::string& suffix, std::string gradient,
                         Formula formula) {
      rows.push_back(
          {.title = {cat("A-Softmax m=", c.m, " lambda=", c.lambda, suffix),
                     c.lambda > 0 ? "h = (lambda cos + psi_m)/(1 + lambda)" : "h = psi_m(theta)",
                     c.lambda > 0 ? "Liu et al. 2017, Eq. 7, App. G" : "Liu et al. 2017, Eq. 7", "a_softmax"},
           .inputs = classes,
           .loss = margin_loss(scaled_by_norm(margin, mode)),
           .stated = c.stated,
           .gradient = std::move(gradient),
           .formula = std::move(formula)});
    };
    add(MarginGradient::exact, "", "", {});
    if (c.m < 4) continue;
    add(MarginGradient::detached, " detached", "h' = 1", detached_by_norm(psi_target(c.m, c.lambda)));
    add(MarginGradient::caffe_normalised, " caffe", "of the authors' Caffe layer", caffe(c.m, c.lambda));
  }
}

void add_fixed_scale(std::vector<LossRow>& rows) {
  rows.push_back({.title = {"NormFace s=10", "z = s cos(theta)", "Wang et al. 2017, Eq. 6", "normface"},
                  .inputs = classes,
                  .loss = margin_loss(scaled_by(10, {})),
                  .stated = at_sines(0.488842688314)});
  rows.push_back(
      {.title = {"CosFace s=30 m=0.35", "h = cos(theta) - m", "Wang et al. 2018, Eq. 4", "cosface"},
       .inputs = classes,
       .loss = margin_loss(scaled_by(30, {Margin::Kind::cosface, 0.35})),
       .stated = at_sines(7.654848002742)});
}

}  // namespace

std::vector<LossRow> class_rows() {
  std::vector<LossRow> rows;
  add_softmax(rows);
  add_a_softmax(rows);
  add_fixed_scale(rows);
  return rows;
}

}  // namespace fr::audit
