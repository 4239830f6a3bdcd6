// What the margin-based loss chooses: figures of an independent implementation, frequencies of the draws against their
// probabilities, bounds between two choices.
#include <set>

#include "fr/loss/margin_based_loss.h"
#include "tensor/mined_function.h"
#include "test/fr/mined.h"

namespace fr::test {
namespace {

using S = MarginPairs::Sampling;

std::string name_of(S sampling) { return cat("sampling ", int(sampling)); }

Tensor similarities(const Tensor& x) {
  const Var e = l2_normalize(Var(x));
  return matmul(e, e, false, true).value();
}

// How often each pair (N,N) is chosen in all steps.
std::vector<double> choices(const Tensor& s, const Tensor& labels, MarginPairs options, uint64_t steps) {
  std::vector<double> sum(size_t(s.size()), 0);
  const Var boundary(Tensor::full({1}, 0.5, s.dtype()));
  for (options.key = {.seed = 5, .purpose = Purpose::pairs}; options.key.step < steps; ++options.key.step) {
    Tensor chosen;
    margin_based(Var(s), boundary, labels, options, &chosen);
    const int64_t* c = chosen.data();
    for (size_t i = 0; i < sum.size(); ++i) sum[i] += double(c[i]);
  }
  return sum;
}

// Row `anchor` of the choices against probabilities p (N): none where p = 0, and chi-squared of at most 5 deviations above
// its mean, the degrees of freedom.
void expect_frequencies(const std::vector<double>& chosen, const std::vector<double>& p, double draws,
                        const std::string& what) {
  double chi_squared = 0, freedom = -1;
  for (size_t j = 0; j < p.size(); ++j) {
    if (p[j] * draws < 5) {
      EXPECT_LE(chosen[j], p[j] == 0 ? 0 : 20) << what << ", pair " << j;
      continue;
    }
    chi_squared += (chosen[j] - p[j] * draws) * (chosen[j] - p[j] * draws) / (p[j] * draws), ++freedom;
  }
  EXPECT_LE(chi_squared, freedom + 5 * std::sqrt(2 * std::max(freedom, 0.0)) + 1e-9) << what;
}

TEST(MarginBasedDraws, Hardest) {
  MarginPairs options;
  options.sampling = S::hardest;
  std::vector<double> expected(36, 0);
  for (const auto& [i, j] :
       {std::pair{0, 2}, {1, 3}, {2, 0}, {3, 1}, {0, 1}, {1, 2}, {2, 3}, {3, 4}, {4, 3}, {5, 3}})
    expected[size_t(6 * i + j)] = 1;
  EXPECT_EQ(choices(similarities(six_vectors()), labels_b(), options, 1), expected);
}

// p = v / sum v of the printed violations; (4,5) and (5,4) are far enough above the boundary.
TEST(MarginBasedDraws, ByViolation) {
  constexpr double kDraws = 20000;
  const std::vector<std::vector<double>> v_negative = {{0, 0.374873, 0, 0, 0, 0},
                                                       {0.374873, 0, 0.385307, 0, 0, 0},
                                                       {0, 0.385307, 0, 0.454733, 0.114931, 0},
                                                       {0, 0, 0.454733, 0, 0.485090, 0.132133},
                                                       {0, 0, 0.114931, 0.485090, 0, 0},
                                                       {0, 0, 0, 0.132133, 0, 0}};
  const std::vector<double> chosen =
      choices(similarities(six_vectors()), labels_b(), MarginPairs{}, uint64_t(kDraws));
  const std::vector<int64_t> label = labels_b().host<int64_t>();
  for (size_t i = 0; i < 6; ++i) {
    std::vector<double> row(chosen.begin() + int64_t(6 * i), chosen.begin() + int64_t(6 * i + 6)),
        p = v_negative[i];
    for (size_t j = 0; j < 6; ++j) {
      if (label[j] != label[i]) continue;
      EXPECT_EQ(row[j], i != j && i < 4 ? kDraws : 0);
      row[j] = 0;
    }
    double sum = 0;
    for (const double v : p) sum += v;
    for (double& v : p) v /= sum;
    expect_frequencies(row, p, kDraws, cat("anchor ", i));
  }
}

// Several positives: those too are drawn by violation.
TEST(MarginBasedDraws, PositivesByViolation) {
  constexpr double kDraws = 20000;
  const Tensor s = Tensor::from<double>({1, 0.5, 0.2, 0.59, 0.9, 0.3}, {1, 6}),
               labels = labels_of({0, 0, 0, 0, 0, 1});
  std::vector<double> square;
  for (int i = 0; i < 6; ++i)
    for (const double v : s.host<double>()) square.push_back(v);
  const std::vector<double> chosen =
      choices(Tensor::from(square, {6, 6}), labels, MarginPairs{}, uint64_t(kDraws));
  const double sum = 0.1 + 0.4 + 0.01;
  expect_frequencies({chosen.begin(), chosen.begin() + 6}, {0, 0.1 / sum, 0.4 / sum, 0.01 / sum, 0, 0},
                     kDraws, "");
}

// log 1/q(d) straight from the distance.
double log_inverse_density(double d, double D) {
  return (2 - D) * std::log(d) + (3 - D) / 2 * std::log(1 - d * d / 4);
}

TEST(MarginBasedDraws, DistanceWeights) {
  MarginPairs options;
  options.sampling = S::distance;
  std::vector<double> s;
  for (int i = -200; i <= 200; ++i) s.push_back(i * 0.0049 + 0.001);  // none at a cutoff
  const auto N = int64_t(s.size());
  std::vector<int64_t> label(s.size(), 1);
  label[0] = 0;
  for (const double D : {4.0, 64.0, 512.0, 4096.0}) {
    options.D = D;
    const AnchorRow<double> row{s.data(), label.data(), N, 0, 0.5, options};
    for (int64_t j = 1; j < N; ++j) {
      const double d = std::sqrt(2 - 2 * s[size_t(j)]), log_weight = row.log_weight(j);
      if (d > 1.4) {
        EXPECT_EQ(log_weight, -INFINITY) << d;
        continue;
      }
      const double expected = log_inverse_density(std::max(d, 0.5), D);
      EXPECT_NEAR(log_weight, expected, 1e-10 * (1 + std::abs(expected))) << d;
    }
  }
}

// Every positive once, and as many negatives, drawn with p ~ 1/q(d). The negatives of D = 512 lie so far out that e^(log 1/q)
// itself would be 0 in float.
TEST(MarginBasedDraws, ByDistance) {
  constexpr uint64_t kSteps = 10000;
  const std::vector<int64_t> label = {0, 0, 0, 1, 2, 3, 4, 5};
  for (const double D : {8.0, 512.0}) {
    MarginPairs options;
    options.sampling = S::distance, options.D = D;
    const double low = D > 100 ? 0.03 : -0.2, step = D > 100 ? 0.0015 : 0.28;
    std::vector<double> row = {1, 0.3, 0.2}, square;
    for (int j = 0; j < 5; ++j) row.push_back(low + step * j);
    for (size_t i = 0; i < label.size(); ++i) square.insert(square.end(), row.begin(), row.end());
    const std::vector<double> chosen =
        choices(Tensor::from(square, {8, 8}), labels_of(label), options, kSteps);
    std::vector<double> p(8, 0), drawn(chosen.begin(), chosen.begin() + 8);
    double sum = 0, largest = -1e300;
    for (size_t j = 3; j < 8; ++j)
      largest = std::max(largest, log_inverse_density(std::max(std::sqrt(2 - 2 * row[j]), 0.5), D));
    for (size_t j = 3; j < 8; ++j) {
      const double d = std::sqrt(2 - 2 * row[j]);
      sum += p[j] = d < 1.4 ? std::exp(log_inverse_density(std::max(d, 0.5), D) - largest) : 0;
    }
    for (double& v : p) v /= sum;
    for (const size_t j : {0, 1, 2}) {
      EXPECT_EQ(drawn[j], j > 0 ? double(kSteps) : 0);
      drawn[j] = 0;
    }
    expect_frequencies(drawn, p, 2 * kSteps, cat("D ", D));
    for (size_t i = 24; i < 64; ++i) EXPECT_EQ(chosen[i], 0) << "an anchor without positives draws nothing";
  }
}

// Every draw has a number of its own.
TEST(MarginBasedDraws, AreIndependent) {
  std::set<float> all;
  for (int64_t i = 0; i < 30; ++i)
    for (int64_t t = 0; t < 11; ++t) all.insert(pair_uniform({.seed = 1, .purpose = Purpose::pairs}, i, t));
  EXPECT_EQ(all.size(), 330u);
}

// Four weights of which two are 0: where one interval ends the next weight that is not 0 begins.
TEST(MarginBasedDraws, Bounds) {
  const std::vector<double> w = {0, 1, 0, 1}, none(4, 0), bad = {1, 0, std::nan(""), 5};
  const auto draw = [](const std::vector<double>& all, float u) {
    return drawn(4, u, [&](int64_t j) { return all[size_t(j)]; });
  };
  EXPECT_EQ(draw(w, 0), 1);
  EXPECT_EQ(draw(w, 0.5f - 0x1p-24f), 1);
  EXPECT_EQ(draw(w, 0.5f), 3);
  EXPECT_EQ(draw(w, 1 - 0x1p-24f), 3);
  EXPECT_EQ(draw(none, 0), -1);
  EXPECT_EQ(draw(bad, 0), 2);
  const auto most = [](const std::vector<double>& all) {
    return heaviest(4, [&](int64_t j) { return all[size_t(j)]; });
  };
  EXPECT_EQ(most(w), 1);
  EXPECT_EQ(most(none), -1);
  EXPECT_EQ(most(bad), 2);
}

// The step moves the draw, wherever it lies.
TEST(MarginBasedDraws, AreAFunctionOfTheStep) {
  const Tensor s = random_tensor({40, 40}, 6), labels = random_labels(40, 9, 6);
  const Var boundary(Tensor::full({1}, 0.4, DType::float64));
  for (const S sampling : {S::modified, S::distance}) {
    std::vector<std::vector<int64_t>> all;
    const uint64_t second = 2;
    for (const PhiloxKey& key :
         {PhiloxKey{.seed = 1, .purpose = Purpose::pairs, .step = 1},
          PhiloxKey{.seed = 1, .purpose = Purpose::pairs, .step = 2},
          PhiloxKey{.seed = 1, .purpose = Purpose::pairs, .step = 1, .step_at = &second}}) {
      MarginPairs options;
      options.sampling = sampling, options.key = key;
      Tensor chosen;
      margin_based(Var(s), boundary, labels, options, &chosen);
      all.push_back(chosen.host<int64_t>());
    }
    EXPECT_NE(all[0], all[1]) << name_of(sampling);
    EXPECT_EQ(all[1], all[2]) << name_of(sampling);
  }
}

}  // namespace
}  // namespace fr::test
