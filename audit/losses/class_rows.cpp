// Losses on the scores of classes.
#include <cmath>
#include <numbers>

#include "audit/formulas.h"
#include "audit/losses/rows.h"
#include "autograd/ops.h"
#include "base/error.h"
#include "fr/loss/class_cross_entropy.h"
#include "fr/loss/margin_loss.h"

namespace fr::audit {
namespace {

std::vector<Input> with(std::vector<Input> inputs, const Input& another) {
  inputs.push_back(another);
  return inputs;
}

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
MarginOptions scaled_by_norms(const Margin& margin) {
  MarginOptions o;
  o.margin = margin, o.scale = LogitScale::both_norms;
  return o;
}
std::function<Var(const Vars&)> margin_loss(const MarginOptions& options) {
  return [options](const Vars& v) { return margin_cross_entropy(v[0], v[1], labels(v[0], v[1]), options); };
}

void add_softmax(std::vector<LossRow>& rows) {
  rows.push_back(
      {.title = {"softmax", "z = <w, x> + b", "Liu et al. 2017, Eq. 3-4", "softmax"},
       .inputs = classes_and_bias,
       .loss = [](const Vars& v) { return class_cross_entropy(v[0], v[1], v[2], labels(v[0], v[1])); },
       .stated = at_sines(0.568237530864, {Tensor::from<double>({0.1, -0.2, 0.05}, {3})})});
  rows.push_back(
      {.title = {"modified softmax", "z = |x| cos(theta)", "Liu et al. 2017, Eq. 5", "modified_softmax"},
       .inputs = classes,
       .loss = margin_loss(scaled_by_norm({})),
       .stated = at_sines(0.596245491019)});
  rows.push_back({.title = {"modified softmax caffe", "z = |x| cos(theta)", "Liu et al. 2017, Eq. 5",
                            "modified_softmax"},
                  .inputs = classes,
                  .loss = margin_loss(scaled_by_norm({}, MarginGradient::caffe_normalised)),
                  .stated = at_sines(0.596245491019),
                  .gradient = "of the authors' Caffe layer",
                  .formula = caffe(1, 0)});
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

void add_l_softmax(std::vector<LossRow>& rows) {
  const char* reference = "Liu et al. 2016, Eq. 4-7";
  rows.push_back({.title = {"L-Softmax m=2 lambda=0", "z = |w| |x| psi_m(theta)", reference, "l_softmax"},
                  .inputs = classes,
                  .loss = margin_loss(scaled_by_norms({Margin::Kind::a_softmax, 2, 0}))});
  rows.push_back(
      {.title = {"L-Softmax m=4 lambda=5", "h = (lambda cos + psi_m)/(1 + lambda)", reference, "l_softmax"},
       .inputs = classes,
       .loss = margin_loss(scaled_by_norms({Margin::Kind::a_softmax, 4, 5})),
       .stated = at_sines(1.138961520872)});
}

void add_scales(std::vector<LossRow>& rows) {
  rows.push_back({.title = {"NormFace, s trained", "z = s cos(theta)", "Wang et al. 2017, Eq. 6", "normface"},
                  .inputs =
                      [](Size s) {
                        return with(classes(s), {"s", {1}, 8, 12});
                      },
                  .loss =
                      [](const Vars& v) {
                        MarginOptions o;
                        o.trained_scale = v[2];
                        return margin_cross_entropy(v[0], v[1], labels(v[0], v[1]), o);
                      },
                  .stated = at_sines(0.488842688314, {Tensor::full({1}, 10, DType::float64)})});
  rows.push_back(
      {.title = {"L2-Softmax", "z = <w, alpha x / |x|> + b", "Ranjan et al. 2017, Eq. 3", "l2_softmax"},
       .inputs =
           [](Size s) {
             return with(classes_and_bias(s), {"alpha", {1}, 12, 20});
           },
       .loss =
           [](const Vars& v) {
             const Var u = mul(l2_normalize(v[0]), v[3]);
             return class_cross_entropy(u, v[1], v[2], labels(v[0], v[1]));
           },
       .stated = at_sines(0.887813615658, {Tensor::from<double>({0.1, -0.2, 0.05}, {3}),
                                           Tensor::full({1}, 16, DType::float64)})});
}

void add_cosface(std::vector<LossRow>& rows) {
  const Margin margin{Margin::Kind::cosface, 0.35};
  const Title title{"CosFace s=30 m=0.35", "h = cos(theta) - m", "Wang et al. 2018, Eq. 4", "cosface"};
  rows.push_back({.title = title,
                  .inputs = classes,
                  .loss = margin_loss(scaled_by(30, margin)),
                  .stated = at_sines(7.654848002742)});
  rows.push_back({.title = {"CosFace s=64 m=0.35", title.equation, title.reference, title.page},
                  .inputs = classes,
                  .loss = margin_loss(scaled_by(64, margin))});
  rows.push_back({.title = {"CosFace, m of each class", "h = cos(theta) - m_y", title.reference, title.page},
                  .inputs = classes,
                  .loss = [margin](const Vars& v) {
                    MarginOptions o = scaled_by(30, margin);
                    Numbers factor;
                    for (int64_t m = 0; m < v[1].dim(0); ++m) factor.push_back(double(m % 3) / 2);
                    o.class_margin = Tensor::from(factor, {v[1].dim(0)}, v[0].dtype(), v[0].device());
                    return margin_cross_entropy(v[0], v[1], labels(v[0], v[1]), o);
                  }});
}

void add_arcface(std::vector<LossRow>& rows) {
  const double m = 0.5;
  const auto add = [&](const char* name, Margin::Rule rule, MarginGradient mode) -> LossRow& {
    Margin margin{Margin::Kind::arcface, m};
    margin.rule = rule;
    rows.push_back({.title = {name, "h = cos(theta + m)", "Deng et al. 2019, Eq. 3", "arcface"},
                    .inputs = classes,
                    .loss = margin_loss(scaled_by(30, margin, mode)),
                    .stated = at_sines(8.664513821885)});
    return rows.back();
  };
  add("ArcFace s=30 m=0.5", Margin::Rule::threshold, MarginGradient::exact);
  add("ArcFace, easy margin", Margin::Rule::easy_margin, MarginGradient::exact);
  add("ArcFace, no rule", Margin::Rule::none, MarginGradient::exact);
  LossRow& row = add("ArcFace detached", Margin::Rule::threshold, MarginGradient::detached);
  row.gradient = "h' = 1";
  row.formula = detached_by_scale(30, [m](double theta) {
    return theta + m < std::numbers::pi ? std::cos(theta + m) : std::cos(theta) - m * std::sin(m);
  });
}

void add_combined(std::vector<LossRow>& rows) {
  const auto add = [&](const char* name, const Margin& margin, MarginGradient mode) -> LossRow& {
    rows.push_back({.title = {name, "h = cos(m1 theta + m2) - m3", "Deng et al. 2019, Eq. 4", "combined"},
                    .inputs = classes,
                    .loss = margin_loss(scaled_by(30, margin, mode))});
    return rows.back();
  };
  Margin margin{Margin::Kind::combined};
  margin.m1 = 0.9, margin.m2 = 0.4, margin.m3 = 0.15;
  add("CM(0.9, 0.4, 0.15)", margin, MarginGradient::exact).stated = at_sines(8.873148498200);
  LossRow& row = add("CM(0.9, 0.4, 0.15) detached", margin, MarginGradient::detached);
  row.gradient = "h' = 1";
  row.formula = detached_by_scale(30, [](double theta) { return std::cos(0.9 * theta + 0.4) - 0.15; });
  margin.m1 = 1.35, margin.guard = Margin::Guard::monotone;
  add("CM(1.35, 0.4, 0.15) monotone", margin, MarginGradient::exact);
}

// Two data sets, the larger half of the classes and the others. crossed: class 0 takes part for pictures of the second.
DatasetClasses two_datasets(const Tensor& labels, int64_t classes, bool crossed) {
  const int64_t second = (classes + 1) / 2;
  DatasetClasses datasets;
  datasets.offset = Tensor::from<int64_t>({0, second, classes}, {3}).to(labels.device());
  if (!crossed) return datasets;
  std::vector<int64_t> kept = labels.host<int64_t>();
  for (int64_t& label : kept) label = label < second ? classes : 0;
  datasets.kept = Tensor::from(kept, {labels.dim(0), 1}).to(labels.device());
  return datasets;
}

void add_dataset_aware(std::vector<LossRow>& rows) {
  const auto add = [&](const char* name, const char* equation, bool crossed, double value) {
    rows.push_back({.title = {name, equation, "arXiv 2101.05419", "dail"},
                    .inputs = classes,
                    .loss =
                        [crossed](const Vars& v) {
                          const Tensor of = labels(v[0], v[1]);
                          MarginOptions o = scaled_by(30, {Margin::Kind::arcface, 0.5});
                          o.datasets = two_datasets(of, v[1].dim(0), crossed);
                          return margin_cross_entropy(v[0], v[1], of, o);
                        },
                    .stated = at_sines(value)});
  };
  add("ArcFace, dataset-aware", "softmax over the classes of the picture's data set", false, 0);
  add("ArcFace, crossing dropout", "and over the kept ones of others", true, 2.015222177014);
}

}  // namespace

std::vector<LossRow> class_rows() {
  std::vector<LossRow> rows;
  add_softmax(rows);
  add_a_softmax(rows);
  add_l_softmax(rows);
  add_scales(rows);
  add_cosface(rows);
  add_arcface(rows);
  add_combined(rows);
  add_dataset_aware(rows);
  return rows;
}

}  // namespace fr::audit
