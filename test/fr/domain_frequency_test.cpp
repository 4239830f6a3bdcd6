// The domain frequency indicator: figures, brute force, its moving mean, warm-up, refresh and what it refuses.
#include "fr/balancing/domain_frequency.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "test/fr/oracle.h"
#include "test/fr/thrown.h"

namespace fr::test {
namespace {

using Options = DomainFrequencyOptions;

Options literal(int64_t K, double scale) {
  return {.neighbours = K, .scale = scale, .eps = 5.5, .warmup = 0};
}

// In double.
struct Indicator : DomainFrequencyIndicator {
  Indicator(const Options& o, int64_t classes, double logit_scale = 64)
      : DomainFrequencyIndicator(o, classes, logit_scale) {
    for (const auto& [name, buffer] : buffers()) *buffer = buffer->to(DType::float64);
  }
  std::vector<double> buffer(const std::string& name) {
    for (const auto& [n, tensor] : buffers())
      if (n == name) return tensor->host<double>();
    return {};
  }
};

Tensor all(int64_t M) {
  std::vector<int64_t> labels;
  for (int64_t m = 0; m < M; ++m) labels.push_back(m);
  return labels_of(labels);
}

// IC of class j as its equation stands.
double compactness(const std::vector<double>& w, int64_t M, int64_t D, int64_t j, int64_t K, double s) {
  const auto dot = [&](int64_t a, int64_t b) {
    double sum = 0;
    for (int64_t d = 0; d < D; ++d) sum += w[size_t(a * D + d)] * w[size_t(b * D + d)];
    return sum;
  };
  std::vector<double> cosines;
  for (int64_t l = 0; l < M; ++l)
    if (l != j) cosines.push_back(dot(j, l) / std::sqrt(dot(j, j) * dot(l, l)));
  std::sort(cosines.begin(), cosines.end(), std::greater<>());
  double sum = 0;
  for (int64_t k = 0; k < K; ++k) sum += std::exp(s * cosines[size_t(k)]);
  return std::log(sum);
}

TEST(DomainFrequency, Oracle) {
  const Tensor w = sine({6, 4}, 1, 0.4, 1.3);
  const auto ic = [&](double s, int64_t K) {
    Indicator d(literal(K, s), 6);
    d.update(w, all(6), 0);
    return d.buffer("ic");
  };
  expect_close(ic(1, 2), {1.235688672, 1.095342777, 1.243142256, 1.143015316, 1.106865007, 1.336494304},
               1e-9);
  expect_close(ic(30, 2),
               {22.239629245, 14.991998648, 17.988574929, 17.937500416, 16.042068235, 22.241659209}, 1e-9);
  expect_close(ic(64, 3),
               {47.444539201, 31.978449593, 38.268387604, 38.266531011, 34.222170049, 47.444541011}, 1e-9);
  Indicator d(literal(2, 30), 6);
  d.update(w, all(6), 0);
  expect_close(d.buffer("dfi"), {.247306281, .366862360, .305749623, .306620202, .342848560, .247283710},
               1e-9);
  EXPECT_EQ(d.buffer("eps"), std::vector{5.5});
}

// Every K up to more than there are classes; only the classes of the batch are measured.
TEST(DomainFrequency, BruteForce) {
  constexpr int64_t M = 13, D = 5;
  const Tensor w = random_tensor({M, D}, 1);
  for (int64_t K = 1; K <= M + 2; ++K) {
    Indicator d(literal(K, 7), M);
    EXPECT_EQ(d.neighbours(), std::min(K, M - 1));
    d.update(w, labels_of({4, 11, 4, 0}), 0);
    const std::vector<double> dfi = d.buffer("dfi"), ic = d.buffer("ic");
    for (int64_t j = 0; j < M; ++j) {
      const bool measured = j == 0 || j == 4 || j == 11;
      const double expected =
          measured ? std::max(compactness(w.host<double>(), M, D, j, std::min(K, M - 1), 7), 0.1) : 0;
      EXPECT_NEAR(ic[size_t(j)], expected, 1e-12) << K << ", class " << j;
      EXPECT_NEAR(dfi[size_t(j)], measured ? std::clamp(5.5 / expected, 0.1, 10.0) : 1, 1e-12);
    }
    expect_close(d.of(labels_of({11, 4, 11})).host<double>(), {dfi[11], dfi[4], dfi[11]}, 0);
  }
}

TEST(DomainFrequency, Off) {
  for (const auto& [K, M] : {std::pair<int64_t, int64_t>{0, 4}, {5, 1}}) {
    Indicator d(literal(K, 1), M);
    d.update(random_tensor({M, 3}, 1), all(M), 0);
    EXPECT_EQ(d.buffer("dfi"), std::vector<double>(size_t(M), 1));
    EXPECT_EQ(d.measure(random_tensor({M, 3}, 1)).dfi.host<double>(), std::vector<double>(size_t(M), 1));
  }
}

// Equal weights push the class itself out of its own nearest: K of the others are left whatever the order.
TEST(DomainFrequency, Ties) {
  const Tensor w = Tensor::full({7, 3}, 0.5, DType::float64);
  Indicator d(literal(3, 2), 7);
  d.update(w, all(7), 0);
  expect_close(d.buffer("ic"), std::vector<double>(7, std::log(3.0) + 2), 1e-12);
}

TEST(DomainFrequency, UsualNeighbours) {
  const auto usual = [](int64_t classes) { return neighbours_of({}, classes); };
  EXPECT_EQ(usual(1), 0);
  EXPECT_EQ(usual(3), 2);
  EXPECT_EQ(usual(200), 3);
  EXPECT_EQ(usual(1000), 10);
  EXPECT_EQ(usual(10000), 100);
  EXPECT_EQ(usual(85742), 100);
  EXPECT_EQ(neighbours_of({.neighbours = 6000}, 10572), 6000);
}

// IC of bounds: opposite weights are held at 0.1, and the DFI within 0.1 and 10.
TEST(DomainFrequency, Bounds) {
  const Tensor w = Tensor::from<double>({1, 0, -1, 0}, {2, 2});
  Indicator d({.neighbours = 1, .scale = 3, .eps = 5.5, .warmup = 0}, 2);
  d.update(w, all(2), 0);
  EXPECT_EQ(d.buffer("ic"), (std::vector{0.1, 0.1}));
  EXPECT_EQ(d.buffer("dfi"), (std::vector{10.0, 10.0}));
  Indicator low({.neighbours = 1, .scale = 90, .eps = 5.5, .warmup = 0}, 2);
  low.update(Tensor::from<double>({1, 0, 1, 0}, {2, 2}), all(2), 0);
  EXPECT_EQ(low.buffer("dfi"), (std::vector{0.1, 0.1}));
}

// eps: the first mean, then the moving one; a class counts once however many rows it has. Then the DFI is near 1 on average.
TEST(DomainFrequency, AutoEps) {
  constexpr int64_t M = 9, D = 4;
  Indicator d({.neighbours = 3, .warmup = 2, .epoch_steps = 2}, M, 10);
  double eps = 0;
  for (int64_t step = 0; step < 12; ++step) {
    const Tensor w = random_tensor({M, D}, 20 + uint64_t(step));
    d.update(w, labels_of({2, 7, 2, 2}), step);
    const auto ic = [&](int64_t j) { return compactness(w.host<double>(), M, D, j, 3, 10); };
    const double mean = (ic(2) + ic(7)) / 2;
    if (step >= 4) eps = eps == 0 ? mean : 0.99 * eps + 0.01 * mean;
    EXPECT_NEAR(d.buffer("eps")[0], eps, 1e-12) << step;
    EXPECT_NEAR(d.buffer("dfi")[7], step < 4 ? 1 : eps / ic(7), 1e-12) << step;
    EXPECT_EQ(d.buffer("dfi")[0], 1);
  }
}

TEST(DomainFrequency, TheStepOfARecordingIsRead) {
  Indicator d({.neighbours = 2, .warmup = 1, .epoch_steps = 5}, 4, 10);
  StepState state;
  const Tensor w = random_tensor({4, 3}, 1);
  for (const uint64_t step : {4, 5}) {
    state.step = step;
    d.update(w, all(4), {0, &state});
    EXPECT_EQ(d.buffer("eps")[0] > 0, step == 5);
  }
}

TEST(DomainFrequency, Refresh) {
  Options o{.neighbours = 2, .scale = 10, .eps = 5.5, .refresh = 3, .warmup = 0};
  Indicator d(o, 6), every(literal(2, 10), 6);
  std::vector<double> last(6, 1);
  for (int64_t step = 0; step < 7; ++step) {
    const Tensor w = random_tensor({6, 4}, 1 + uint64_t(step));
    every.update(w, all(6), step);
    d.refresh(w, step), d.update(w, labels_of({1}), step);
    if (step % 3 == 0) last = every.buffer("dfi");
    EXPECT_EQ(d.buffer("dfi"), last) << step;
    every.refresh(w, step);  // nothing to do where every step measures
  }
}

// What a report shows leaves the indicator as it is.
TEST(DomainFrequency, Measure) {
  const Tensor w = random_tensor({6, 4}, 1);
  Indicator d({.neighbours = 2, .warmup = 9}, 6, 10);
  d.update(w, labels_of({1}), 0);
  const auto measured = d.measure(w);
  EXPECT_EQ(d.buffer("eps"), std::vector{0.0});
  EXPECT_EQ(d.buffer("dfi"), std::vector<double>(6, 1));
  double mean = 0;
  for (const double ic : measured.ic.host<double>()) mean += ic / 6;
  EXPECT_NEAR(measured.eps, mean, 1e-12);
  EXPECT_NEAR(measured.dfi.host<double>()[4], mean / measured.ic.host<double>()[4], 1e-12);
}

TEST(DomainFrequency, Refusals) {
  const auto refusal = [](const Options& o) {
    return thrown<std::invalid_argument>([&] { DomainFrequencyIndicator(o, 5, 64); });
  };
  EXPECT_EQ(refusal({}), "nothing");
  EXPECT_EQ(refusal({.neighbours = -2}), "domain frequency: expected neighbours >= 0, got -2");
  EXPECT_EQ(refusal({.scale = 0}), "domain frequency: expected a scale > 0, got 0");
  EXPECT_EQ(refusal({.eps = -1}), "domain frequency: expected eps > 0, or 0 for auto, got -1");
  EXPECT_EQ(refusal({.refresh = 0}), "domain frequency: expected a refresh every 1 or more steps, got 0");
  EXPECT_EQ(refusal({.warmup = -1}),
            "domain frequency: expected a warm-up >= 0 of epochs of 1 or more steps, got -1 and 1");
  EXPECT_EQ(thrown<std::invalid_argument>([] { DomainFrequencyIndicator({}, 0, 64); }),
            "domain frequency: expected classes, got 0");
  DomainFrequencyIndicator d({}, 5, 64);
  EXPECT_EQ(thrown<std::invalid_argument>([&] {
              d.update(Tensor::zeros({4, 3}), all(4), 0);
            }),
            "domain frequency: expected weights (5,D), got (4,3)");
  EXPECT_EQ(thrown<std::invalid_argument>([&] {
              d.update(Tensor::zeros({5, 3}), labels_of({2, 5}), 0);
            }),
            "domain frequency: label 5 of 5 classes");
}

}  // namespace
}  // namespace fr::test
