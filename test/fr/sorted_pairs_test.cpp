// Figures of weighted pairs: all weights 1 are metrics.h to the last bit, integer weights are the list with repeated pairs.
#include "fr/protocol/sorted_pairs.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/philox.h"
#include "test/fr/random_pairs.h"
#include "test/fr/thrown.h"

namespace fr {
namespace {

const std::vector<double> kFar = {1e-1, 0, 1, 1e-2, 0.3, 0.5, 1e-4, 0.1};  // in no order

// Each pair as often as its weight says.
PairScores repeated(const PairScores& p, const std::vector<float>& weights) {
  PairScores out;
  for (size_t i = 0; i < weights.size(); ++i)
    for (int k = 0; k < int(weights[i]); ++k)
      out.scores.push_back(p.scores[i]), out.same.push_back(p.same[i]);
  return out;
}

void expect_metrics(const CurveFigures& f, const PairScores& list, double tolerance) {
  const ScoreView view{list.scores, list.same};
  EXPECT_NEAR(f.auc, auc(view), tolerance);
  EXPECT_NEAR(f.eer, eer(view), tolerance);
  const std::vector<OperatingPoint> points = tar_at_far(view, kFar);
  ASSERT_EQ(f.points.size(), points.size());
  for (size_t k = 0; k < points.size(); ++k) {
    EXPECT_EQ(f.points[k].far, kFar[k]);
    EXPECT_NEAR(f.points[k].tar, points[k].tar, tolerance) << kFar[k];
    EXPECT_NEAR(f.points[k].realised_far, points[k].realised_far, tolerance) << kFar[k];
    EXPECT_EQ(f.points[k].too_few_impostors, points[k].too_few_impostors);
  }
}

TEST(SortedPairs, OracleOfMetrics) {
  PairScores p = {{.2, .8, .9, .8, .7, .6, .55, .5, .4, .3}, {0, 1, 1, 0, 1, 1, 0, 1, 0, 0}, {}};
  give_people(p, 3);
  const SortedPairs s = sort_pairs(p);
  EXPECT_TRUE(std::is_sorted(s.pairs.scores.rbegin(), s.pairs.scores.rend()));
  EXPECT_EQ(s.genuine, 5);
  EXPECT_EQ(s.impostor, 5);
  const std::vector<double> far = {0, .1, .2, .4, .6, 1};
  const CurveFigures f = curve_figures(s, {}, far);
  EXPECT_NEAR(f.auc, .82, 1e-12);
  const double tar[] = {.2, .2, .8, 1, 1, 1};
  for (size_t k = 0; k < far.size(); ++k) EXPECT_NEAR(f.points[k].tar, tar[k], 1e-12) << far[k];
}

TEST(SortedPairs, WeightsOfOneAreMetricsToTheLastBit) {
  for (uint64_t seed = 1; seed <= 40; ++seed)
    for (int levels : {4, 21, 0}) {  // ties; none
      const PairScores p = random_pairs(seed, 200, levels);
      const SortedPairs s = sort_pairs(p);
      const std::vector<float> ones(200, 1);
      for (const CurveFigures& f : {curve_figures(s, {}, kFar), curve_figures(s, ones, kFar)}) {
        expect_metrics(f, p, 0);
        for (size_t k = 0; k < kFar.size(); ++k)
          EXPECT_EQ(f.points[k].threshold, tar_at_far({p.scores, p.same}, kFar[k]).threshold);
      }
    }
}

TEST(SortedPairs, IntegerWeightsAreRepeatedPairs) {
  for (uint64_t seed = 1; seed <= 60; ++seed)
    for (int levels : {5, 0}) {
      const SortedPairs s = sort_pairs(random_pairs(seed, 120, levels));
      Random random({seed, Purpose::test, 1, 0});
      std::vector<float> weights;
      for (int i = 0; i < 120; ++i) weights.push_back(float(random.below(4)));
      expect_metrics(curve_figures(s, weights, kFar), repeated(s.pairs, weights), 1e-12);
    }
}

TEST(SortedPairs, AReplicateOfOneKindHasNoFigures) {
  PairScores p = {{.9, .5, .1}, {1, 0, 0}, {}};
  give_people(p, 2);
  const SortedPairs s = sort_pairs(p);
  for (const std::vector<float>& w : {std::vector<float>{0, 1, 2}, std::vector<float>{3, 0, 0}}) {
    const CurveFigures f = curve_figures(s, w, kFar);
    EXPECT_TRUE(std::isnan(f.auc) && std::isnan(f.eer));
    ASSERT_EQ(f.points.size(), kFar.size());
    for (const OperatingPoint& q : f.points) EXPECT_TRUE(std::isnan(q.tar));
  }
}

TEST(SortedPairs, PeopleKeepTheirPairs) {
  const PairScores p = random_pairs(3, 150, 0);
  const SortedPairs s = sort_pairs(p);
  for (size_t i = 0; i < 150; ++i) {
    const auto at = size_t(std::find(p.scores.begin(), p.scores.end(), s.pairs.scores[i]) - p.scores.begin());
    EXPECT_EQ(s.pairs.same[i], p.same[at]);
    EXPECT_EQ(s.pairs.identities.a[i], p.identities.a[at]);
    EXPECT_EQ(s.pairs.identities.b[i], p.identities.b[at]);
  }
  EXPECT_EQ(s.pairs.identities.people, p.identities.people);
}

TEST(SortedPairs, AShortCurveKeepsEveryPoint) {
  const PairScores p = random_pairs(2, 300, 40);
  const std::vector<RocPoint> all = roc({p.scores, p.same}), kept = thinned_roc(sort_pairs(p));
  ASSERT_EQ(kept.size(), all.size());
  for (size_t i = 0; i < all.size(); ++i)
    EXPECT_TRUE(kept[i].far == all[i].far && kept[i].tar == all[i].tar &&
                kept[i].threshold == all[i].threshold);
}

// 100,000 pairs: a few thousand points of the curve itself, and the curve between two of them moves little.
TEST(SortedPairs, ALongCurveIsThinnedToExactPoints) {
  const PairScores p = random_pairs(2, 100000, 0);
  const std::vector<RocPoint> all = roc({p.scores, p.same}), kept = thinned_roc(sort_pairs(p));
  EXPECT_GT(kept.size(), 500u);
  EXPECT_LT(kept.size(), 6000u);
  EXPECT_EQ(kept.back().far, 1);
  EXPECT_EQ(kept.back().tar, 1);
  size_t at = 0;
  for (const RocPoint& k : kept) {
    const size_t from = at;
    while (at < all.size() && all[at].threshold != k.threshold) ++at;
    ASSERT_LT(at, all.size()) << "not a point of the curve";
    EXPECT_EQ(all[at].far, k.far);
    EXPECT_EQ(all[at].tar, k.tar);
    for (size_t i = from + 1; i < at; ++i) {  // left out
      EXPECT_LT(all[i].far - all[from].far, 0.002);
      EXPECT_LE(all[i].far, 1.02 * all[from].far);
      EXPECT_LT(all[i].tar - all[from].tar, 0.002);
    }
  }
}

TEST(SortedPairs, ScoresForHistograms) {
  const PairScores p = random_pairs(2, 1000, 0);
  const SortedPairs s = sort_pairs(p);
  for (PairKind kind : {PairKind::genuine, PairKind::impostor}) {
    std::vector<double> all;
    for (size_t i = 0; i < 1000; ++i)
      if (s.pairs.same[i] == (kind == PairKind::genuine)) all.push_back(s.pairs.scores[i]);
    EXPECT_EQ(spread_scores(s, kind, 1000), all);
    const std::vector<double> some = spread_scores(s, kind, 100);
    ASSERT_EQ(some.size(), 100u);
    for (size_t k = 0; k < 100; ++k) EXPECT_EQ(some[k], all[k * all.size() / 100]);
  }
}

TEST(SortedPairs, Faults) {
  PairScores p = {{.9, .5}, {1, 1}, {{0, 0}, {0, 0}, 1}};
  EXPECT_EQ(thrown<Error>([&] { sort_pairs(p); }),
            "pairs: needs genuine and impostor pairs, got 2 genuine and 0 impostor");
  p.same = {0, 0};
  EXPECT_EQ(thrown<Error>([&] { sort_pairs(p); }),
            "pairs: needs genuine and impostor pairs, got 0 genuine and 2 impostor");
  p.scores[1] = NAN;
  EXPECT_EQ(thrown<Error>([&] { sort_pairs(p); }), "pairs: the score of pair 1 is nan");
  p.same = {1};
  EXPECT_EQ(thrown<std::invalid_argument>([&] { sort_pairs(p); }),
            "pairs: 2 scores, 1 labels, 2 and 2 identities");
  EXPECT_EQ(thrown<Error>([&] { sort_pairs({}); }),
            "pairs: needs genuine and impostor pairs, got 0 genuine and 0 impostor");
  const SortedPairs s = sort_pairs({{.9, .5}, {1, 0}, {{0, 0}, {0, 1}, 2}});
  const std::vector<float> three(3, 1);
  const std::vector<double> none, bad = {-0.1};
  EXPECT_EQ(thrown<std::invalid_argument>([&] { curve_figures(s, three, none); }), "pairs: 2, but 3 weights");
  EXPECT_EQ(thrown<std::invalid_argument>([&] { curve_figures(s, {}, bad); }),
            "TAR@FAR: a false accept rate lies in [0, 1], got -0.1");
}

}  // namespace
}  // namespace fr
