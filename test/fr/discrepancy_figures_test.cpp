// The figures of discrepancy alignment against their definitions, and the page.
#include "fr/calibration/discrepancy_figures.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "fr/calibration/anchors.h"
#include "fr/report/discrepancy_page.h"
#include "test/fr/page_checks.h"
#include "test/fr/random_rows.h"

namespace fr {
namespace {

TEST(DiscrepancyFigures, Overlap) {
  std::vector<double> a, b;
  for (int i = 0; i < 400; ++i) a.push_back(i), b.push_back(i + 200);
  EXPECT_NEAR(histogram_overlap(a, a), 1, 1e-12);
  EXPECT_NEAR(histogram_overlap(a, b), .5, .04);  // a bin is 15 wide
  EXPECT_EQ(histogram_overlap({0, 1}, {5, 6}), 0);
  EXPECT_EQ(histogram_overlap({3, 3}, {3}), 1);
  EXPECT_EQ(histogram_overlap({}, {1}), 0);
}

TEST(DiscrepancyFigures, RankCorrelation) {
  EXPECT_NEAR(rank_correlation({1, 2, 3, 4}, {10, 20, 300, 4000}), 1, 1e-12);
  EXPECT_NEAR(rank_correlation({1, 2, 3, 4}, {4, 3, 2, 1}), -1, 1e-12);
  // Ranks 0 .. 4 and 0.5 0.5 2 3 4: cov 9.5, variances 10 and 9.5.
  EXPECT_NEAR(rank_correlation({1, 2, 3, 4, 5}, {7, 7, 8, 9, 10}), 9.5 / std::sqrt(95.), 1e-12);
  EXPECT_TRUE(std::isnan(rank_correlation({1, 2}, {3, 3})));
}

// 40 people with 5 pictures each, half of them close to one another.
DiscrepancySample scene(bool means) {
  DiscrepancySample s;
  Random random({7, Purpose::test, 0, 0});
  std::vector<float> rows, centres;
  for (int p = 0; p < 40; ++p) {
    std::vector<double> centre;
    for (int d = 0; d < 12; ++d) centre.push_back(random.normal() + (p < 20 ? 2 : 0));
    centres.insert(centres.end(), centre.begin(), centre.end());
    s.people.push_back("p" + std::to_string(p));
    for (int n = 0; n < 5; ++n) {
      s.labels.push_back(p);
      for (const double c : centre) rows.push_back(float(c + .8 * random.normal()));
    }
  }
  s.rows = unit_rows({rows, 200, 12}), s.centres = unit_rows({centres, 40, 12}).rows;
  s.means = means, s.s = 16;
  return s;
}

TEST(DiscrepancyFigures, AgainstTheirDefinitions) {
  const DiscrepancySample s = scene(false);
  const Rows anchors = random_rows(3, 100, 12);
  const AnchorDiscrepancy ida({anchors.values, 100, 12}, 5, 1);
  const DiscrepancyFigures f = discrepancy_figures(s, ida);
  EXPECT_EQ(f.N, 200);
  EXPECT_EQ(f.M, 40);
  ASSERT_EQ(f.middle.size(), 39u);
  const CalibratedRows centres = ida.prepare({s.centres, 40, 12});
  const CalibratedRows rows = ida.prepare({s.rows.rows, 200, 12});
  for (const int64_t i : {0, 77, 199}) {
    double sum = 0, own = 0;
    for (int64_t j = 0; j < 40; ++j) {
      const double c = cosine(&s.rows.rows[size_t(i * 12)], &s.centres[size_t(j * 12)], 12);
      if (j == s.labels[size_t(i)])
        own = c;
      else
        sum += std::exp(16 * c);
    }
    EXPECT_NEAR(f.cosine[size_t(i)], own, 1e-6);
    EXPECT_NEAR(f.log_odds[size_t(i)], 16 * own - std::log(sum), 1e-4);
    EXPECT_NEAR(f.calibrated[size_t(i)], ida.score(rows, i, centres, s.labels[size_t(i)]), 1e-6);
  }
  EXPECT_EQ(f.unsure.size(), 40u);
  EXPECT_EQ(f.sure.size(), 40u);
  double least = 0, most = -1e9;
  for (const int64_t i : f.sure) least = std::min(least, f.log_odds[size_t(i)]);
  for (const int64_t i : f.unsure) most = std::max(most, f.log_odds[size_t(i)]);
  EXPECT_LE(most, least);
  for (size_t rank = 0; rank < 39; ++rank) {
    EXPECT_LE(f.low[rank], f.middle[rank]);
    EXPECT_LE(f.middle[rank], f.high[rank]);
    EXPECT_LE(f.middle[rank], f.middle[rank == 0 ? 0 : rank - 1]);
  }
}

// Where half of the people lie close together, a cosine says little of the probability, and less their density says more.
TEST(DiscrepancyFigures, AlignmentFollowsTheProbability) {
  const DiscrepancySample s = scene(false);
  const AnchorDiscrepancy ida({s.centres, 40, 12, s.people}, 5, 1);
  const DiscrepancyFigures f = discrepancy_figures(s, ida);
  EXPECT_GT(f.rank_calibrated, f.rank_cosine + .05);
  EXPECT_LT(f.overlap_calibrated, f.overlap_cosine);
}

TEST(DiscrepancyFigures, APictureIsLeftOutOfItsOwnMean) {
  DiscrepancySample s = scene(true);
  std::vector<double> rest(12, 0.0);
  for (int64_t i = 1; i < 5; ++i)
    for (int64_t d = 0; d < 12; ++d) rest[size_t(d)] += s.rows.rows[size_t(i * 12 + d)];
  const std::vector<float> mean(rest.begin(), rest.end());
  const DiscrepancyFigures f = discrepancy_figures(s, AnchorDiscrepancy({s.centres, 40, 12}, 5, 1));
  EXPECT_NEAR(f.cosine[0], cosine(s.rows.rows.data(), mean.data(), 12), 1e-6);
}

TEST(DiscrepancyFigures, Page) {
  const DiscrepancySample s = scene(true);
  const AnchorDiscrepancy ida({s.centres, 40, 12}, 5, 1);
  const std::string page = discrepancy_page(discrepancy_figures(s, ida), ida.score());
  expect_well_formed(page);
  EXPECT_EQ(occurrences(page, "<figure>"), 5u);
  for (const char* words : {"Sorted cosines", "Probability against cosine", "k = 5", "Common area"})
    EXPECT_TRUE(contains(page, words)) << words;
}

}  // namespace
}  // namespace fr
