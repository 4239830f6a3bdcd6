// Every kind of margin: finite differences with respect to all that is trained, and what must always hold.
#include "autograd/gradient_check.h"
#include "autograd/ops.h"
#include "test/fr/oracle.h"

namespace fr::test {
namespace {

constexpr int64_t kN = 9, kM = 7, kD = 5;

Tensor features() { return random_tensor({kN, kD}, 1); }
Tensor weights() { return random_tensor({kM, kD}, 2); }
Tensor labels() { return random_labels(kN, kM, 3); }
bool has_class_margin(const MarginOptions& o) {
  return o.margin.kind != Margin::Kind::none && o.margin.kind != Margin::Kind::a_softmax;
}
LossAndGradients run(const MarginOptions& options) {
  return run_margin(features(), weights(), labels(), options);
}

void expect_same(const LossAndGradients& a, const LossAndGradients& b, const std::string& what) {
  EXPECT_EQ(a.loss, b.loss) << what;
  EXPECT_EQ(a.dx, b.dx) << what;
  EXPECT_EQ(a.dw, b.dw) << what;
}
void expect_near(const LossAndGradients& a, const LossAndGradients& b, const std::string& what) {
  EXPECT_NEAR(a.loss, b.loss, 1e-12) << what;
  expect_close(a.dx, b.dx, 1e-12, what);
  expect_close(a.dw, b.dw, 1e-12, what);
}

std::string error_of(const MarginOptions& options) {
  std::vector<Tensor> leaves = {features(), weights()};
  if (options.scale == LogitScale::fixed) leaves.push_back(Tensor::from<double>({options.s}, {1}));
  const Tensor y = labels();
  const auto f = [&](const std::vector<Var>& v) {
    MarginOptions o = options;
    if (v.size() == 3) o.trained_scale = v[2];
    return margin_cross_entropy(v[0], v[1], y, o);
  };
  return gradient_error(f, leaves);
}

TEST(MarginFamily, FiniteDifferences) {
  for (auto& [name, options] : every_margin(7)) {
    EXPECT_EQ(error_of(options), "") << name;
    if (!has_class_margin(options)) continue;
    MarginOptions per_class = options;
    per_class.class_margin = Tensor::from<double>({0, 0.5, 1, 1.5, 0.3, 0.9, 1.2}, {kM});
    EXPECT_EQ(error_of(per_class), "") << name << " with class margins";
  }
}

// A trained scale of the same value changes nothing but that it has a gradient.
TEST(MarginFamily, TrainedScaleIsTheScale) {
  for (const MarginOptions& options : {normface(7), cosface(30, 0.35), arcface(30, 0.5)})
    expect_same(run(trained(options)), run(options), "trained");
}

// h' = 1 whatever the margin: the gradient of scores moved by a constant at the label.
TEST(MarginFamily, DetachedIsTheGradientWithAConstantMargin) {
  const Tensor x = features(), w = weights(), y = labels();
  for (auto& [name, options] : every_margin(7)) {
    MarginOptions detached = options;
    detached.gradient = MarginGradient::detached;
    const LossAndGradients r = run(detached);
    const Var xv(x.clone(), true), wv(w.clone(), true);
    const std::vector<double> c = linear(l2_normalize(Var(x)), l2_normalize(Var(w))).value().host<double>();
    std::vector<double> shift(c.size(), 0);
    for (int64_t n = 0; n < kN; ++n) {
      const size_t at = size_t(n * kM + y.host<int64_t>()[size_t(n)]);
      shift[at] = margin_value(options.margin, c[at]).h - c[at];
    }
    const auto norm = [](const Var& v, Shape shape) {
      return reshape(unary(reduce(unary(v, Unary::square), Reduce::sum, 1), Unary::sqrt), shape);
    };
    Var z = add(linear(l2_normalize(xv), l2_normalize(wv)), Var(Tensor::from(shift, {kN, kM})));
    z = options.scale == LogitScale::fixed ? affine(z, options.s, 0) : mul(z, norm(xv, {kN, 1}));
    if (options.scale == LogitScale::both_norms) z = mul(z, norm(wv, {1, kM}));
    const Var loss = softmax_cross_entropy(z, y);
    backward(loss);
    expect_near(r, {loss.value().item(), 0, xv.grad().host<double>(), wv.grad().host<double>()}, name);
  }
}

// m = 1 for any lambda: softmax without bias, whose class weights keep their lengths.
TEST(MarginFamily, LSoftmaxWithMOneIsSoftmax) {
  const Var x(features(), true), w(weights(), true);
  const Var loss = softmax_cross_entropy(linear(x, w), labels());
  backward(loss);
  const LossAndGradients softmax{loss.value().item(), 0, x.grad().host<double>(), w.grad().host<double>()};
  for (double lambda : {0.0, 5.0, 1000.0}) expect_near(run(l_softmax(1, lambda)), softmax, "m = 1");
}

TEST(MarginFamily, NoMarginIsNormFaceToTheBit) {
  const LossAndGradients expected = run(normface(30));
  using Rule = Margin::Rule;
  expect_same(run(cosface(30, 0)), expected, "CosFace");
  for (Rule rule : {Rule::threshold, Rule::easy_margin, Rule::none})
    expect_same(run(arcface(30, 0, rule)), expected, "ArcFace");
  for (Margin::Guard guard : {Margin::Guard::none, Margin::Guard::monotone})
    expect_same(run(combined(30, 1, 0, 0, guard)), expected, "combined");
}

TEST(MarginFamily, CombinedHoldsCosFaceAndArcFace) {
  expect_same(run(combined(30, 1, 0, 0.35)), run(cosface(30, 0.35)), "CosFace");
  expect_same(run(combined(30, 1, 0.5, 0)), run(arcface(30, 0.5, Margin::Rule::none)), "ArcFace");
}

TEST(MarginFamily, FactorsOfTheClassMargin) {
  for (auto& [name, options] : every_margin(30)) {
    if (!has_class_margin(options)) continue;
    MarginOptions per_class = options;
    per_class.class_margin = Tensor::full({kM}, 1, DType::float64);
    expect_same(run(per_class), run(options), name);
    per_class.class_margin = Tensor::full({kM}, 0, DType::float64);
    expect_same(run(per_class), run(normface(30)), name + " times 0");
  }
}

// The factor of the label counts, and no other.
TEST(MarginFamily, ClassMarginIsReadAtTheLabel) {
  MarginOptions per_class = cosface(30, 0.1);
  per_class.class_margin = Tensor::from<double>({9, 3, 9, 9}, {4});
  const Tensor x = random_tensor({3, kD}, 1), w = random_tensor({4, kD}, 2), y = labels_of({1, 1, 1});
  const LossAndGradients a = run_margin(x, w, y, per_class), b = run_margin(x, w, y, cosface(30, 0.1 * 3));
  expect_same(a, b, "3 m");
}

// With a fixed scale no length matters, so no gradient points along x_n or w_m.
TEST(MarginFamily, FixedScaleGradientsAreOrthogonal) {
  const auto along = [](const std::vector<double>& a, const std::vector<double>& b, size_t row) {
    double sum = 0;
    for (size_t d = row * kD; d < (row + 1) * kD; ++d) sum += a[d] * b[d];
    return sum;
  };
  for (auto& [name, options] : every_margin(30)) {
    if (options.scale != LogitScale::fixed) continue;
    const LossAndGradients r = run(options);
    for (size_t n = 0; n < kN; ++n) EXPECT_NEAR(along(r.dx, features().host<double>(), n), 0, 1e-12) << name;
    for (size_t m = 0; m < kM; ++m) EXPECT_NEAR(along(r.dw, weights().host<double>(), m), 0, 1e-12) << name;
  }
}

// Probabilities add up to 1: sum_m d_nm = 0, whatever the target function.
TEST(MarginFamily, GradientsOfTheScoresSumToZero) {
  for (auto& [name, options] : every_margin(30)) {
    const Tensor c = linear(l2_normalize(Var(features())), l2_normalize(Var(weights()))).value();
    const Tensor y = labels(), scale = Tensor::full({kN}, 30, DType::float64),
                 one = Tensor::full({kN}, 1, DType::float64);
    const Tensor loss = like(one, {kN}), lse = like(one, {kN}), h = like(one, {kN}), dh = like(one, {kN}),
                 d = like(one, {kN});
    const Kernels<double>& k = kernels<double>();
    k.margin_softmax_forward(loss.data(), lse.data(), h.data(), dh.data(), c.data(), scale.data(), nullptr,
                             y.data(), options.margin, nullptr, kN, kM);
    k.margin_softmax_backward(c.data(), nullptr, d.data(), nullptr, one.data(), c.data(), scale.data(),
                              nullptr, lse.data(), h.data(), dh.data(), one.data(), y.data(), kN, kM);
    const std::vector<double> g = c.host<double>();
    for (size_t n = 0; n < kN; ++n) {
      double sum = 0;
      for (size_t m = 0; m < kM; ++m) sum += g[n * kM + m];
      EXPECT_NEAR(sum, 0, 1e-12) << name;
    }
  }
}

// The lengths of class weights count for L-Softmax: its prediction is that of the scores.
TEST(MarginFamily, PredictionOfBothNorms) {
  Tensor w = weights();
  w.as<double>()[0] *= 50;
  MarginOutput output;
  margin_cross_entropy(Var(features()), Var(w), labels(), l_softmax(4, 5), &output);
  Tensor expected({kN}, DType::int64);
  kernels<double>().argmax_rows(expected.data(), linear(Var(features()), Var(w)).value().data(), kN, kM);
  EXPECT_EQ(output.prediction.host<int64_t>(), expected.host<int64_t>());
}

TEST(MarginFamily, Errors) {
  const auto fails = [&](const MarginOptions& options) { EXPECT_THROW(run(options), std::invalid_argument); };
  const auto with_class_margin = [](MarginOptions o, int64_t M, DType type = DType::float64) {
    o.class_margin = Tensor::full({M}, 1, type);
    return o;
  };
  fails(arcface(30, -0.1));
  fails(arcface(30, 3.2));
  fails(combined(30, 0, 0.4, 0.15));
  fails(combined(30, 1, NAN, 0));
  fails(with_class_margin(a_softmax(4, 5), kM));
  fails(with_class_margin(normface(30), kM));
  fails(with_class_margin(cosface(30, 0.35), kM + 1));
  fails(with_class_margin(cosface(30, 0.35), kM, DType::float32));
  fails(trained(normface(30), DType::float32));
  fails(trained(a_softmax(4, 5)));
  MarginOptions lengths = cosface(30, 0.35), caffe = l_softmax(4, 5);
  lengths.scale = LogitScale::both_norms, caffe.gradient = MarginGradient::caffe_normalised;
  fails(lengths);
  fails(caffe);
}

}  // namespace
}  // namespace fr::test
