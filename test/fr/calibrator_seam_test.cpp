// A calibrator that knows more of a picture than its direction fits the interface: probabilistic embeddings, whose rows hold a
// mean and a variance side by side.
#include <gtest/gtest.h>

#include <cmath>

#include "fr/calibration/cosine.h"
#include "test/fr/calibrated_blocks.h"
#include "test/fr/random_rows.h"

namespace fr {
namespace {

// Mutual likelihood score -1/2 sum_l [(mu1l - mu2l)^2 / v + log v] - D/2 log 2 pi, v = var1l + var2l.
// Embeddings (N,2D): mean, variance. Context (N,D): the variances.
class MutualLikelihood : public Calibrator {
 public:
  std::string name() const override { return "mutual_likelihood"; }
  std::string score() const override { return "log likelihood"; }
  CalibratedRows prepare(const EmbeddingView& e) const override {
    const int64_t D = e.D / 2;
    std::vector<float> means, variances;
    for (int64_t i = 0; i < e.N; ++i) {
      const auto row = e.values.begin() + i * e.D;
      means.insert(means.end(), row, row + D), variances.insert(variances.end(), row + D, row + e.D);
    }
    CalibratedRows r = unit_rows({means, e.N, D});
    r.C = D, r.context = std::move(variances);
    return r;
  }
  void scores(float* out, const CalibratedRows& a, int64_t i, int64_t n, const CalibratedRows& b, int64_t j,
              int64_t m) const override {
    for (int64_t r = 0; r < n; ++r)
      for (int64_t c = 0; c < m; ++c) out[r * m + c] = float(score(a, i + r, b, j + c));
  }
  double score(const CalibratedRows& a, int64_t i, const CalibratedRows& b, int64_t j) const override {
    double sum = double(a.D) * std::log(2 * M_PI);
    for (int64_t l = 0; l < a.D; ++l) {
      const auto p = size_t(i * a.D + l), q = size_t(j * a.D + l);
      const double v = double(a.context[p]) + b.context[q], apart = double(a.rows[p]) - b.rows[q];
      sum += apart * apart / v + std::log(v);
    }
    return -0.5 * sum;
  }
};

TEST(CalibratorSeam, MutualLikelihood) {
  const MutualLikelihood calibrator;
  const Rows x{{.6f, .8f, 0, .01f, .02f, .04f, 0, .8f, .6f, .02f, .02f, .01f}, 2, 6};
  const CalibratedRows r = calibrator.prepare(x.view());
  EXPECT_EQ(r.D, 3);
  EXPECT_EQ(r.C, 3);
  EXPECT_NEAR(calibrator.score(r, 0, r, 1), -7.496232601743, 2e-6);
}

TEST(CalibratorSeam, MutualLikelihoodInBlocks) {
  const MutualLikelihood calibrator;
  Rows x = random_rows(1, 40, 24);
  for (size_t i = 0; i < x.values.size(); ++i)
    if (i % 24 >= 12) x.values[i] = 0.1f + std::abs(x.values[i]);
  const CalibratedRows r = calibrator.prepare(x.view());
  expect_blocks(calibrator, r, r);
}

}  // namespace
}  // namespace fr
