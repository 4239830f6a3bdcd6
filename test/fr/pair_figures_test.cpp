// Figures of a list of scored pairs: values of metrics.h, intervals that cover, warnings, card, curves.
#include "fr/protocol/pair_figures.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "base/parallel.h"
#include "test/fr/figure_of.h"
#include "test/fr/random_pairs.h"
#include "test/fr/thrown.h"

namespace fr {
namespace {

ProtocolResult figures(const PairScores& pairs, const ProtocolOptions& options) {
  ProtocolResult result;
  add_pair_figures(result, pairs, options);
  return result;
}

ProtocolOptions quick(int64_t replicates = 200) {
  ProtocolOptions o;
  o.far = {1e-1, 1e-2, 1e-4}, o.card = {1e-2, 1e-6};
  o.bootstrap.replicates = replicates;
  return o;
}

TEST(PairFigures, ValuesAreThoseOfMetrics) {
  const PairScores p = random_pairs(1, 2000, 0, 40);
  const ScoreView view{p.scores, p.same};
  const ProtocolResult r = figures(p, quick());
  ASSERT_EQ(r.figures.size(), 5u);
  EXPECT_EQ(r.figures[0].key, "auc");
  EXPECT_EQ(r.figures[0].value, auc(view));
  EXPECT_EQ(r.figures[1].key, "eer");
  EXPECT_EQ(r.figures[1].value, eer(view));
  EXPECT_EQ(r.figures[2].key, "tar_at_far_1e-1");
  EXPECT_EQ(r.figures[2].name, "TAR at FAR 10 %");
  for (const auto& [key, far] :
       {std::pair{"tar_at_far_1e-1", 1e-1}, {"tar_at_far_1e-2", 1e-2}, {"tar_at_far_1e-4", 1e-4}})
    EXPECT_EQ(figure(r, key).value, tar_at_far(view, far).tar) << key;
  for (const Figure& f : r.figures) {
    EXPECT_TRUE(f.interval.known()) << f.key;
    EXPECT_LE(f.interval.low, f.value + 1e-12);
    EXPECT_GE(f.interval.high, f.value - 1e-12);
    EXPECT_LT(f.interval.low, f.interval.high) << f.key;
  }
}

TEST(PairFigures, CountsAndHistograms) {
  const PairScores p = random_pairs(1, 500, 0, 30);
  const ProtocolResult r = figures(p, quick(0));
  const auto genuine = std::count(p.same.begin(), p.same.end(), 1);
  EXPECT_EQ(r.counts,
            (std::vector<std::pair<std::string, int64_t>>{
                {"genuine pairs", genuine}, {"impostor pairs", 500 - genuine}, {"identities", 30}}));
  EXPECT_EQ(int64_t(r.genuine.size()), genuine);
  EXPECT_EQ(int64_t(r.impostor.size()), 500 - genuine);
}

TEST(PairFigures, IdentitiesAreThoseThatOccur) {
  PairScores p = {{.9, .1}, {1, 0}, {{5, 5}, {5, 2}, 100}};
  EXPECT_EQ(figures(p, quick(0)).counts[2].second, 2);
}

TEST(PairFigures, ThresholdCard) {
  const PairScores p = random_pairs(1, 2000, 0);
  const ProtocolResult r = figures(p, quick());
  ASSERT_EQ(r.card.size(), 2u);
  for (const CardRow& row : r.card) {
    const OperatingPoint point = tar_at_far({p.scores, p.same}, row.far);
    EXPECT_EQ(row.threshold, point.threshold);
    EXPECT_EQ(row.tar, point.tar);
    EXPECT_EQ(row.realised_far, point.realised_far);
    EXPECT_EQ(row.resolved, !point.too_few_impostors);
  }
  EXPECT_TRUE(r.card[0].resolved);
  EXPECT_FALSE(r.card[1].resolved);
  const Interval of_figure = figure(r, "tar_at_far_1e-2").interval;  // the same FAR, the same replicates
  EXPECT_EQ(r.card[0].tar_interval.low, of_figure.low);
  EXPECT_EQ(r.card[0].tar_interval.high, of_figure.high);
}

TEST(PairFigures, CurvesAreExactPoints) {
  const PairScores p = random_pairs(1, 400, 0);
  const ProtocolResult r = figures(p, quick(0));
  const std::vector<RocPoint> points = roc({p.scores, p.same});
  ASSERT_EQ(r.curves.size(), 2u);
  EXPECT_EQ(r.curves[0].kind, CurveKind::roc);
  EXPECT_EQ(r.curves[1].kind, CurveKind::det);
  ASSERT_EQ(r.curves[0].points.size(), points.size());
  for (size_t i = 0; i < points.size(); ++i) {
    EXPECT_EQ(r.curves[0].points[i], std::pair(points[i].far, points[i].tar));
    EXPECT_EQ(r.curves[1].points[i], std::pair(points[i].far, 1 - points[i].tar));
  }
}

// 50 impostor pairs: 1e-1 rests on 5 of them, 1e-2 on none.
TEST(PairFigures, WarningsWhereTheDataResolveTooLittle) {
  PairScores p;
  for (int i = 0; i < 60; ++i) p.scores.push_back(i < 50 ? i * .01 : .3 + i * .01), p.same.push_back(i >= 50);
  give_people(p, 10);
  ProtocolOptions o = quick(0);
  o.far = {0.5, 0.2, 0.1, 1e-2};
  const ProtocolResult r = figures(p, o);
  EXPECT_EQ(figure(r, "tar_at_far_5e-1").warning, "");
  EXPECT_EQ(figure(r, "tar_at_far_2e-1").warning, "");
  EXPECT_EQ(figure(r, "tar_at_far_1e-1").warning, "rests on 5 of 50 impostor pairs");
  EXPECT_EQ(figure(r, "tar_at_far_1e-2").warning, "not resolvable: 50 impostor pairs, none may be accepted");
  EXPECT_EQ(r.warnings, (std::vector<std::string>{
                            "TAR at FAR 10 %: rests on 5 of 50 impostor pairs",
                            "TAR at FAR 1 %: not resolvable: 50 impostor pairs, none may be accepted"}));
}

TEST(PairFigures, NoReplicatesNoIntervals) {
  const ProtocolResult r = figures(random_pairs(1, 100, 0), quick(0));
  for (const Figure& f : r.figures) EXPECT_FALSE(f.interval.known());
  EXPECT_TRUE(r.notes.empty());
}

TEST(PairFigures, TheNoteSaysHowManyReplicates) {
  EXPECT_EQ(figures(random_pairs(1, 100, 0), quick(30)).notes,
            std::vector<std::string>{"Intervals: 95 %, 30 bootstrap replicates over identities."});
}

TEST(PairFigures, FewerReplicatesOfManyPairs) {
  EXPECT_EQ(affordable_replicates(1000, 6000, 4000), 1000);
  EXPECT_EQ(affordable_replicates(1000, 8'000'000, 0), 250);
  EXPECT_EQ(affordable_replicates(1000, 15'664'000, 3531), 127);
  EXPECT_EQ(affordable_replicates(1000, 1'000'000'000, 3531), 100);
  EXPECT_EQ(affordable_replicates(30, 1'000'000'000, 3531), 30);
  EXPECT_EQ(affordable_replicates(0, 1'000'000'000, 3531), 0);
  EXPECT_EQ(affordable_replicates(7, 0, 0), 7);
}

TEST(PairFigures, NumberOfThreadsChangesNothing) {
  const PairScores p = random_pairs(1, 500, 0);
  const int before = threads();
  set_threads(1);
  const ProtocolResult one = figures(p, quick());
  set_threads(3);
  const ProtocolResult three = figures(p, quick());
  set_threads(before);
  for (size_t k = 0; k < one.figures.size(); ++k) {
    EXPECT_EQ(one.figures[k].interval.low, three.figures[k].interval.low);
    EXPECT_EQ(one.figures[k].interval.high, three.figures[k].interval.high);
  }
}

// New lists of people drawn from one distribution: about 95 of 100 intervals hold the true AUC. Each person has a level of its
// own, so pairs of a person are alike.
TEST(PairFigures, IntervalsCover) {
  constexpr int lists = 100, people = 60;
  const double truth =
      0.5 * std::erfc(-1 / std::sqrt(2.0) / std::sqrt(2.0));  // P(1 + g > n), var 1 each: Phi(1/sqrt 2)
  int covered = 0;
  for (int list = 0; list < lists; ++list) {
    Random random({uint64_t(list), Purpose::test, 0, 3});
    PairScores p;
    p.identities.people = people;
    std::vector<double> level(people);
    for (double& l : level) l = random.normal();
    for (int a = 0; a < people; ++a)
      for (int k = 0; k < 4; ++k) {
        const int b = (a + 1 + int(random.below(people - 1))) % people;
        for (int other : {a, b}) {
          p.same.push_back(other == a), p.identities.a.push_back(a), p.identities.b.push_back(other);
          const double shared = other == a ? 1 + std::sqrt(0.8) * level[size_t(a)]
                                           : std::sqrt(0.4) * (level[size_t(a)] + level[size_t(b)]);
          p.scores.push_back(shared + std::sqrt(0.2) * random.normal());
        }
      }
    ProtocolOptions o = quick(200);
    o.bootstrap.seed = uint64_t(list);
    const Interval i = figure(figures(p, o), "auc").interval;
    covered += i.low <= truth && truth <= i.high;
  }
  EXPECT_GE(covered, 86);
  EXPECT_LE(covered, 100);
}

TEST(PairFigures, WordsOfRates) {
  const std::pair<double, const char*> keys[] = {{1e-4, "1e-4"},     {0.1, "1e-1"}, {1e-10, "1e-10"},
                                                 {2.5e-3, "2.5e-3"}, {1, "1"},      {0, "0"}};
  for (const auto& [rate, key] : keys) EXPECT_EQ(rate_key(rate), key);
  EXPECT_EQ(rate_words(1e-4), "0.01 %");
  EXPECT_EQ(rate_words(1e-6), "0.0001 %");
  EXPECT_EQ(rate_words(0.1), "10 %");
}

TEST(PairFigures, Faults) {
  ProtocolResult r;
  EXPECT_EQ(thrown<Error>([&] {
              add_pair_figures(r, {{.5}, {1}, {{0}, {0}, 1}}, quick());
            }),
            "pairs: needs genuine and impostor pairs, got 1 genuine and 0 impostor");
  EXPECT_EQ(thrown<std::invalid_argument>([&] {
              add_pair_figures(r, {{.5, .4}, {1, 0}, {{0, 0}, {0, 1}, 1}}, quick());
            }),
            "bootstrap: pair 1 is of identities 0 and 1 of 1");
  ProtocolOptions o = quick();
  o.card = {2};
  EXPECT_EQ(thrown<std::invalid_argument>([&] { add_pair_figures(r, random_pairs(1, 50, 0), o); }),
            "TAR@FAR: a false accept rate lies in [0, 1], got 2");
}

}  // namespace
}  // namespace fr
