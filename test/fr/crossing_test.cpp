// Crossing dropout's coins: which classes of other data sets take part is a fair draw, new at every step and for every row.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "fr/dail/leave_out.h"

namespace fr::test {
namespace {

constexpr double kGone = -std::numeric_limits<double>::infinity();

// Of each row: which of M classes take part.
std::vector<std::vector<bool>> taking_part(const std::vector<int64_t>& offset,
                                           const std::vector<int64_t>& labels, double keep, uint64_t step = 0,
                                           uint64_t seed = 1) {
  const auto N = int64_t(labels.size()), M = offset.back();
  DatasetClasses d;
  d.offset = Tensor::from(offset, {int64_t(offset.size())}), d.keep = keep;
  d.coins = {seed, Purpose::crossing, step};
  const Tensor z = Tensor::zeros({N, M}, DType::float64);
  leave_out(z, Tensor::from(labels, {N}), d);
  const std::vector<double> values = z.host<double>();
  std::vector<std::vector<bool>> rows(labels.size());
  for (size_t i = 0; i < values.size(); ++i) rows[i / size_t(M)].push_back(values[i] != kGone);
  return rows;
}

TEST(Crossing, OwnClassesAlwaysAndOthersAsOftenAsTheySay) {
  const std::vector<int64_t> offset = {0, 100, 5000, 10'000};
  const std::vector<int64_t> labels = {0, 99, 100, 4999, 5000, 9999, 50, 2500};
  for (double keep : {0.0, 1e-3, 0.05, 0.5, 0.9, 1.0}) {
    double kept = 0, foreign = 0;
    for (uint64_t step = 0; step < 20; ++step) {
      const auto rows = taking_part(offset, labels, keep, step);
      for (size_t n = 0; n < labels.size(); ++n) {
        const int64_t own = dataset_of(offset.data(), 3, labels[n]);
        for (int64_t m = 0; m < 10'000; ++m)
          if (m >= offset[size_t(own)] && m < offset[size_t(own) + 1])
            ASSERT_TRUE(rows[n][size_t(m)]) << "row " << n << ", class " << m;
          else
            kept += rows[n][size_t(m)], ++foreign;
      }
    }
    const double sigma = std::sqrt(foreign * keep * (1 - keep));
    EXPECT_NEAR(kept, keep * foreign, 4.5 * sigma) << keep;
  }
}

// Counts per row are binomial: mean F p and variance F p (1 - p). The coins of one class over the steps are fair too.
TEST(Crossing, CountsAreBinomialAndEveryClassHasItsTurn) {
  const std::vector<int64_t> offset = {0, 10, 2010}, labels(50, 3);
  const double p = 0.02, F = 2000;
  std::vector<double> counts, of_class(2000, 0);
  for (uint64_t step = 0; step < 40; ++step)
    for (const auto& row : taking_part(offset, labels, p, step)) {
      double count = 0;
      for (size_t m = 10; m < row.size(); ++m) count += row[m], of_class[m - 10] += row[m];
      counts.push_back(count);
    }
  double mean = 0, variance = 0, chi2 = 0;
  for (double c : counts) mean += c / double(counts.size());
  for (double c : counts) variance += (c - mean) * (c - mean) / double(counts.size() - 1);
  EXPECT_NEAR(mean, F * p, 4.5 * std::sqrt(F * p * (1 - p) / double(counts.size())));
  EXPECT_NEAR(variance, F * p * (1 - p), 4.5 * F * p * std::sqrt(2.0 / double(counts.size())));
  const double draws = double(counts.size());
  for (double c : of_class) chi2 += (c - draws * p) * (c - draws * p) / (draws * p * (1 - p));
  EXPECT_NEAR(chi2, F, 4.5 * std::sqrt(2 * F));
}

// Neighbours, rows and steps know nothing of each other.
TEST(Crossing, CoinsAreIndependent) {
  const std::vector<int64_t> offset = {0, 1, 6001}, labels = {0, 0};
  const double p = 0.3, n = 6000;
  const auto a = taking_part(offset, labels, p, 7), b = taking_part(offset, labels, p, 8),
             other = taking_part(offset, labels, p, 7, 2);
  double beside = 0, rows = 0, steps = 0, seeds = 0;
  for (size_t m = 1; m <= 6000; ++m) {
    beside += m > 1 && a[0][m] && a[0][m - 1], rows += a[0][m] && a[1][m], steps += a[0][m] && b[0][m];
    seeds += a[0][m] && other[0][m];
  }
  for (double both : {beside, rows, steps, seeds})
    EXPECT_NEAR(both, n * p * p, 4.5 * std::sqrt(n * p * p * (1 - p * p)) + 1);
}

TEST(Crossing, ADrawDependsOnItsKeyAlone) {
  const std::vector<int64_t> offset = {0, 3000, 9001};
  const auto a = taking_part(offset, {1, 8000, 2}, 0.1, 3), again = taking_part(offset, {1, 8000, 2}, 0.1, 3),
             first = taking_part(offset, {1}, 0.1, 3), later = taking_part(offset, {1, 8000, 2}, 0.1, 4);
  EXPECT_EQ(a, again);
  EXPECT_EQ(a[0], first[0]);
  EXPECT_NE(a[0], later[0]);
  EXPECT_NE(a[0], a[2]);
}

TEST(Crossing, UsualKeepIsAboutThirtyClasses) {
  EXPECT_DOUBLE_EQ(mean_foreign_classes({0, 3, 6}), 3);
  EXPECT_DOUBLE_EQ(mean_foreign_classes({0, 1, 4}), (1.0 * 3 + 3.0 * 1) / 4);
  EXPECT_DOUBLE_EQ(usual_keep({0, 100, 200}), 0.1);
  EXPECT_DOUBLE_EQ(usual_keep({0, 5000, 10'000}), 30.0 / 5000);
  EXPECT_DOUBLE_EQ(usual_keep({0, 200'000, 400'000}), 1e-4);
  EXPECT_DOUBLE_EQ(usual_keep({0, 5}), 0);
}

}  // namespace
}  // namespace fr::test
