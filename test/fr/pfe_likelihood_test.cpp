// The mutual likelihood score and the loss of the uncertainty module: oracles, brute force, differences, properties.
#include "fr/pfe/likelihood.h"

#include <gtest/gtest.h>

#include "test/fr/oracle.h"
#include "test/fr/thrown.h"

namespace fr::test {
namespace {

struct Pair {
  Var mean_a, mean_b, log_a, log_b;
};
Var row(std::vector<double> v, bool trained = true) {
  return Var(Tensor::from(v, {1, int64_t(v.size())}), trained);
}
Var log_row(std::vector<double> v) {
  for (double& x : v) x = std::log(x);
  return row(v);
}
Pair oracle_pair() {
  return {row({.6, .8, 0}), row({0, .8, .6}), log_row({.01, .02, .04}), log_row({.02, .02, .01})};
}
Var score(const Pair& p) { return mutual_likelihood(p.mean_a, p.log_a, p.mean_b, p.log_b); }

// Figures of an independent implementation.
TEST(MutualLikelihood, Oracle) {
  const Pair p = oracle_pair();
  const Var s = score(p);
  EXPECT_NEAR(s.value().item(), -7.496232601743, 1e-9);
  EXPECT_NEAR(-2 * s.value().item() - 3 * std::log(2 * M_PI), 9.478834004258, 1e-9);
  backward(s, Tensor::full({1}, 1, DType::float64));
  expect_close(p.log_a.grad().host<double>(), {1.8333333333, -.25, 2.48}, 1e-9);
}

TEST(MutualLikelihood, OfRowsOnTheHost) {
  const std::vector<float> m1 = {.6f, .8f, 0}, m2 = {0, .8f, .6f}, v1 = {.01f, .02f, .04f},
                           v2 = {.02f, .02f, .01f};
  EXPECT_NEAR(mutual_likelihood(m1.data(), v1.data(), m2.data(), v2.data(), 3), -7.496232601743, 2e-6);
  const Tensor a = random_tensor({4, 37}, 1, DType::float32), b = random_tensor({4, 37}, 2, DType::float32);
  const std::vector<float> ma = a.host<float>(), mb = b.host<float>();
  std::vector<float> va(ma.size()), vb(ma.size());
  std::vector<double> la, lb;
  for (size_t i = 0; i < va.size(); ++i) {
    va[i] = 1e-6f * std::exp(3 * mb[i]), vb[i] = std::exp(ma[i]);
    la.push_back(std::log(double(va[i]))), lb.push_back(std::log(double(vb[i])));
  }
  const Var op = mutual_likelihood(Var(a.to(DType::float64)), Var(Tensor::from(la, {4, 37})),
                                   Var(b.to(DType::float64)), Var(Tensor::from(lb, {4, 37})));
  for (int64_t i = 0; i < 4; ++i) {
    const double got =
        mutual_likelihood(ma.data() + i * 37, va.data() + i * 37, mb.data() + i * 37, vb.data() + i * 37, 37);
    EXPECT_NEAR(got, op.value().host<double>()[size_t(i)], 1e-9 * std::abs(got));
    EXPECT_EQ(got, mutual_likelihood(mb.data() + i * 37, vb.data() + i * 37, ma.data() + i * 37,
                                     va.data() + i * 37, 37));
  }
}

// With one variance v for all, 2 v MLS = cosine + constant.
TEST(MutualLikelihood, IsALineOfTheCosineForOneVariance) {
  const Var a = l2_normalize(Var(random_tensor({20, 8}, 1))),
            b = l2_normalize(Var(random_tensor({20, 8}, 2)));
  const double v = 0.03;
  const Var one(Tensor::full({20, 8}, std::log(v), DType::float64));
  const std::vector<double> s = mutual_likelihood(a, one, b, one).value().host<double>(),
                            c = reduce(mul(a, b), Reduce::sum, 1).value().host<double>();
  for (size_t i = 1; i < s.size(); ++i) EXPECT_NEAR(2 * v * (s[i] - s[0]), c[i] - c[0], 1e-12);
}

struct Batch {
  Var mean, log_variance;
  Tensor labels;
};
Batch batch(int64_t N, int64_t D, int64_t classes) {
  return {Var(random_tensor({N, D}, 3), true), Var(random_tensor({N, D}, 4), true),
          random_labels(N, classes, 5)};
}

// Every ordered pair by itself.
TEST(LikelihoodLoss, IsTheMeanOverOrderedPairs) {
  const Batch b = batch(7, 5, 3);
  const std::vector<double> m = b.mean.value().host<double>(), s = b.log_variance.value().host<double>();
  const std::vector<int64_t> label = b.labels.host<int64_t>();
  double sum = 0, pairs = 0;
  for (size_t i = 0; i < 7; ++i)
    for (size_t j = 0; j < 7; ++j) {
      if (i == j || label[i] != label[j]) continue;
      ++pairs;
      for (size_t d = 0; d < 5; ++d) {
        const double v = std::exp(s[i * 5 + d]) + std::exp(s[j * 5 + d]), apart = m[i * 5 + d] - m[j * 5 + d];
        sum += apart * apart / (v + 1e-10) + std::log(v);
      }
    }
  ASSERT_GT(pairs, 4);
  EXPECT_NEAR(likelihood_loss(b.mean, b.log_variance, b.labels).value().item(), sum / pairs, 1e-12);
  const Pair p = oracle_pair();
  const Var both = reshape(concat_columns(p.mean_a, p.mean_b), {2, 3}),
            logs = reshape(concat_columns(p.log_a, p.log_b), {2, 3});
  EXPECT_NEAR(likelihood_loss(both, logs, labels_of({4, 4})).value().item(), 9.478834004258, 1e-7)
      << "1e-10 beside variances of 0.03";
}

// Central differences, h = 1e-6.
TEST(LikelihoodLoss, Gradient) {
  const Batch b = batch(6, 4, 2);
  backward(likelihood_loss(b.mean, b.log_variance, b.labels));
  for (const Var& x : {b.mean, b.log_variance}) {
    const std::vector<double> at = x.value().host<double>(), gradient = x.grad().host<double>();
    for (size_t i = 0; i < at.size(); ++i) {
      double* element = x.value().as<double>() + i;
      double side[2];
      for (const int k : {0, 1}) {
        *element = at[i] + (k ? 1e-6 : -1e-6);
        side[k] = likelihood_loss(b.mean, b.log_variance, b.labels).value().item();
      }
      *element = at[i];
      EXPECT_NEAR(gradient[i], (side[1] - side[0]) / 2e-6, 1e-7 * std::max(1.0, std::abs(gradient[i])));
    }
  }
}

TEST(LikelihoodLoss, WithoutPairsIsZero) {
  const Batch b = batch(3, 4, 1);
  const Var loss = likelihood_loss(b.mean, b.log_variance, labels_of({2, 0, 1}));
  EXPECT_EQ(loss.value().item(), 0);
  backward(loss);
  for (const double g : b.log_variance.grad().host<double>()) EXPECT_EQ(g, 0);
}

TEST(LikelihoodLoss, RefusesWhatDoesNotFit) {
  const Batch b = batch(3, 4, 1);
  const auto message = [](const auto& f) { return thrown<std::invalid_argument>(f); };
  EXPECT_EQ(message([&] {
              likelihood_loss(b.mean, Var(random_tensor({3, 5}, 1)), b.labels);
            }),
            "likelihood_loss: expected log_variance (3,4), got (3,5)");
  EXPECT_EQ(message([&] {
              likelihood_loss(b.mean, b.log_variance, labels_of({1, 2}));
            }),
            "likelihood_loss: expected labels int64 (3), got (2)");
  EXPECT_EQ(message([&] { likelihood_loss(Var(random_tensor({3}, 1)), b.log_variance, b.labels); }),
            "likelihood_loss: expected mean (N,D) of rank 2, got (3)");
  EXPECT_EQ(message([&] {
              mutual_likelihood(b.mean, b.log_variance, Var(random_tensor({2, 4}, 1)),
                                Var(random_tensor({2, 4}, 1)));
            }),
            "mutual_likelihood: expected the second mean (3,4), got (2,4)");
  EXPECT_EQ(message([&] {
              likelihood_loss(b.mean, Var(random_tensor({3, 4}, 1, DType::float32)), b.labels);
            }),
            "likelihood_loss: expected one element type, got float64 and float32");
}

}  // namespace
}  // namespace fr::test
