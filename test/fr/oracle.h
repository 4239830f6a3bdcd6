// Shared by the tests of fr/: the fixture of the oracles, figures against figures, one run of the margin op.
#pragma once
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "base/philox.h"
#include "fr/loss/margin_loss.h"

namespace fr::test {

// a sin(b + c n), the way the fixtures are made.
inline Tensor sine(Shape shape, double a, double b, double c) {
  std::vector<double> v(static_cast<size_t>(elements(shape)));
  for (size_t n = 0; n < v.size(); ++n) v[n] = a * std::sin(b + c * double(n));
  return Tensor::from(v, std::move(shape));
}
inline Tensor f1_x() { return sine({2, 4}, 2, 0.3, 1.7); }
inline Tensor f1_w() { return sine({3, 4}, 1, 1.1, 0.9); }
// |x_n| of each row.
inline std::vector<double> row_norms(const Tensor& x) {
  const std::vector<double> v = x.host<double>();
  std::vector<double> norm(size_t(x.dim(0)), 0);
  for (size_t i = 0; i < v.size(); ++i) norm[i / size_t(x.dim(1))] += v[i] * v[i];
  for (double& n : norm) n = std::sqrt(n);
  return norm;
}
inline Tensor labels_of(const std::vector<int64_t>& v) { return Tensor::from(v, {int64_t(v.size())}); }

inline Tensor random_tensor(Shape shape, uint64_t seed, DType type = DType::float64) {
  Random random({seed, Purpose::test, 0, 0});
  std::vector<double> v(static_cast<size_t>(elements(shape)));
  for (double& x : v) x = random.normal();
  return Tensor::from(v, std::move(shape), type);
}
inline Tensor random_labels(int64_t N, int64_t M, uint64_t seed) {
  Random random({seed, Purpose::test, 1, 0});
  std::vector<int64_t> v(static_cast<size_t>(N));
  for (int64_t& x : v) x = random.below(uint32_t(M));
  return labels_of(v);
}

inline void expect_close(const std::vector<double>& got, const std::vector<double>& expected,
                         double tolerance, const std::string& what = "") {
  ASSERT_EQ(got.size(), expected.size()) << what;
  for (size_t i = 0; i < got.size(); ++i)
    EXPECT_TRUE(std::abs(got[i] - expected[i]) <= tolerance)
        << what << " [" << i << "]: expected " << expected[i] << ", got " << got[i];
}

// Largest difference over the largest expected value.
inline double relative_error(const std::vector<double>& got, const std::vector<double>& expected) {
  double error = 0, size = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    const double e = std::abs(got[i] - expected[i]);
    error = e > error || std::isnan(e) ? e : error;
    size = std::max(size, std::abs(expected[i]));
  }
  return size > 0 ? error / size : error;
}

struct LossAndGradients {
  double loss = 0, ds = 0;  // ds: of a trained scale
  std::vector<double> dx, dw;
};

inline LossAndGradients run_margin(const Tensor& x, const Tensor& w, const Tensor& labels,
                                   const MarginOptions& options) {
  const Var xv(x.clone(), true), wv(w.clone(), true);
  const Var loss = margin_cross_entropy(xv, wv, labels, options);
  LossAndGradients r;
  r.loss = loss.value().item();
  backward(loss);
  r.dx = xv.grad().host<double>(), r.dw = wv.grad().host<double>();
  if (options.trained_scale) r.ds = options.trained_scale.grad().item();
  return r;
}

inline MarginOptions a_softmax(int m, double lambda, MarginGradient gradient = MarginGradient::exact) {
  MarginOptions o;
  o.margin = {Margin::Kind::a_softmax, double(m), lambda};
  o.scale = LogitScale::embedding_norm, o.gradient = gradient;
  return o;
}
inline MarginOptions cosface(double s, double m) {
  MarginOptions o;
  o.margin = {Margin::Kind::cosface, m, 0};
  o.s = s;
  return o;
}

inline MarginOptions normface(double s) {
  MarginOptions o;
  o.s = s;
  return o;
}
inline MarginOptions modified_softmax() {
  MarginOptions o;
  o.scale = LogitScale::embedding_norm;
  return o;
}
inline MarginOptions l_softmax(int m, double lambda) {
  MarginOptions o = a_softmax(m, lambda);
  o.scale = LogitScale::both_norms;
  return o;
}
inline MarginOptions arcface(double s, double m, Margin::Rule rule = Margin::Rule::threshold) {
  MarginOptions o = normface(s);
  o.margin = {.kind = Margin::Kind::arcface, .m = m, .rule = rule};
  return o;
}
inline MarginOptions combined(double s, double m1, double m2, double m3,
                              Margin::Guard guard = Margin::Guard::none) {
  MarginOptions o = normface(s);
  o.margin = {.kind = Margin::Kind::combined, .m1 = m1, .m2 = m2, .m3 = m3, .guard = guard};
  return o;
}
// The same with s as a trained number, fresh: its gradient starts empty.
inline MarginOptions trained(MarginOptions o, DType type = DType::float64) {
  o.trained_scale = Var(Tensor::from<double>({o.s}, {1}, type), true);
  return o;
}

// Every kind of margin there is, by name.
struct NamedOptions {
  std::string name;
  MarginOptions options;
};
inline std::vector<NamedOptions> every_margin(double s) {
  using Rule = Margin::Rule;
  std::vector<NamedOptions> all = {
      {"modified softmax", modified_softmax()},
      {"softmax without bias", l_softmax(1, 0)},
      {"NormFace", normface(s)},
      {"CosFace", cosface(s, 0.35)},
      {"ArcFace", arcface(s, 0.5)},
      {"ArcFace, easy margin", arcface(s, 0.5, Rule::easy_margin)},
      {"ArcFace, no rule", arcface(s, 0.5, Rule::none)},
      {"combined", combined(s, 0.9, 0.4, 0.15)},
      {"combined (1, m2, m3)", combined(s, 1, 0.4, 0.15)},
      {"combined (1.35, 0, 0), guarded", combined(s, 1.35, 0, 0, Margin::Guard::monotone)},
      {"combined (1, m2, m3), guarded", combined(s, 1, 0.8, 0.1, Margin::Guard::monotone)}};
  for (int m = 2; m <= 4; ++m)
    for (double lambda : {0.0, 5.0}) {
      all.push_back(
          {"A-Softmax m " + std::to_string(m) + " lambda " + std::to_string(lambda), a_softmax(m, lambda)});
      all.push_back(
          {"L-Softmax m " + std::to_string(m) + " lambda " + std::to_string(lambda), l_softmax(m, lambda)});
    }
  return all;
}

}  // namespace fr::test
