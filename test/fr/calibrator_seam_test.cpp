// A calibrator that knows more of a picture than its direction fits the interface: the discrepancy alignment operator, whose
// context is one number a row.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "fr/calibration/cosine.h"
#include "fr/calibration/inner_products.h"
#include "test/fr/calibrated_blocks.h"
#include "test/fr/random_rows.h"

namespace fr {
namespace {

// log DAO(f1,f2) = tau <f1,f2> + log(F(f1) + F(f2)),   F(f) = 1 / sum_i e^(tau s_i)
// s_i: the k largest cosines of f to the anchors.                 Context (N,1): log F
class Discrepancy : public Calibrator {
 public:
  Discrepancy(const EmbeddingView& anchors, int64_t k, double tau)
      : anchors_(unit_rows(anchors)), k_(k), tau_(tau) {}
  std::string name() const override { return "discrepancy"; }
  std::string score() const override { return "log DAO"; }
  CalibratedRows prepare(const EmbeddingView& e) const override {
    CalibratedRows r = unit_rows(e);
    r.C = 1;
    for (int64_t i = 0; i < r.N; ++i) {
      std::vector<float> s(size_t(anchors_.N));
      inner_products(s.data(), r.rows.data() + i * r.D, 1, anchors_.rows.data(), anchors_.N, r.D);
      std::sort(s.rbegin(), s.rend());
      double sum = 0;
      for (int64_t j = 0; j < k_; ++j) sum += std::exp(tau_ * s[size_t(j)]);
      r.context.push_back(float(-std::log(sum)));
    }
    return r;
  }
  void scores(float* out, const CalibratedRows& a, int64_t i, int64_t n, const CalibratedRows& b, int64_t j,
              int64_t m) const override {
    cosine_.scores(out, a, i, n, b, j, m);
    for (int64_t r = 0; r < n; ++r)
      for (int64_t c = 0; c < m; ++c)
        out[r * m + c] = float(combine(out[r * m + c], a.context[size_t(i + r)], b.context[size_t(j + c)]));
  }
  double score(const CalibratedRows& a, int64_t i, const CalibratedRows& b, int64_t j) const override {
    return combine(cosine_.score(a, i, b, j), a.context[size_t(i)], b.context[size_t(j)]);
  }

 private:
  double combine(double cosine, double log_f1, double log_f2) const {
    return tau_ * cosine + std::max(log_f1, log_f2) + std::log1p(std::exp(-std::abs(log_f1 - log_f2)));
  }
  CalibratedRows anchors_;
  int64_t k_;
  double tau_;
  Cosine cosine_;
};

// f1 = e0, f2 at cosine `c` to it; an anchor for each cosine in s1 that is at right angles to f2, and the other way round.
struct Scene {
  Rows pair, anchors;
};
Scene scene(double c, const std::vector<double>& s1, const std::vector<double>& s2) {
  const auto n = int64_t(s1.size() + s2.size());
  const double sine = std::sqrt(1 - c * c);
  Scene s{{std::vector<float>(size_t(2 * (n + 2)), 0), 2, n + 2},
          {std::vector<float>(size_t(n * (n + 2)), 0), n, n + 2}};
  s.pair.values[0] = 1, s.pair.values[size_t(n + 2)] = float(c), s.pair.values[size_t(n + 3)] = float(sine);
  for (int64_t k = 0; k < n; ++k) {
    float* row = s.anchors.values.data() + k * (n + 2);
    const bool first = k < int64_t(s1.size());
    const double x = first ? s1[size_t(k)] : 0, y = first ? -x * c / sine : s2[size_t(k) - s1.size()] / sine;
    row[0] = float(x), row[1] = float(y), row[2 + k] = float(std::sqrt(1 - x * x - y * y));
  }
  return s;
}

double dao(double c, const std::vector<double>& s1, const std::vector<double>& s2, double tau) {
  const Scene s = scene(c, s1, s2);
  const Discrepancy calibrator(s.anchors.view(), 4, tau);
  const CalibratedRows r = calibrator.prepare(s.pair.view());
  EXPECT_NEAR(block(calibrator, r, 0, 1, r, 1, 1)[0], calibrator.score(r, 0, r, 1), 1e-6);
  EXPECT_NEAR(calibrator.score(r, 1, r, 0), calibrator.score(r, 0, r, 1), 1e-12);
  return std::exp(calibrator.score(r, 0, r, 1));
}

const std::vector<double> kDense = {.52, .41, .40, .33}, kSparse = {.30, .28, .27, .20};

// Figures of an independent implementation, for four values of tau.
TEST(CalibratorSeam, DiscrepancyAlignment) {
  EXPECT_NEAR(dao(.45, kDense, kSparse, .5), .528788626598, 1e-6);
  EXPECT_NEAR(dao(.45, kDense, kSparse, 1), .559647393184, 1e-6);
  EXPECT_NEAR(dao(.45, kDense, kSparse, 2), .628354445512, 1e-6);
  EXPECT_NEAR(dao(.45, kDense, kSparse, 8), 1.358415719775, 1e-5);
  EXPECT_NEAR(dao(.45, kDense, kSparse, 0), .5, 1e-6);
}

// What cosine alone cannot do: a pair with the lower cosine comes first, since its pictures have fewer neighbours.
TEST(CalibratorSeam, DiscrepancyChangesTheOrder) {
  EXPECT_NEAR(dao(.45, kDense, kDense, 1), .516602642679, 1e-6);
  EXPECT_NEAR(dao(.40, kSparse, kSparse, 1), .573298500992, 1e-6);
}

TEST(CalibratorSeam, DiscrepancyInBlocks) {
  const Discrepancy calibrator(random_rows(3, 200, 24).view(), 10, 1);
  expect_blocks(calibrator, calibrator.prepare(random_rows(1, 40, 24).view()),
                calibrator.prepare(random_rows(2, 30, 24).view()));
}

}  // namespace
}  // namespace fr
