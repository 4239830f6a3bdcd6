// Streamed scores against plain lists of all pairs: many ties, distractors, one set and two, more rows and columns than a
// block has, any number of threads, and bad input.
#include "fr/protocol/score_stream.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/parallel.h"
#include "test/fr/streamed.h"
#include "test/fr/thrown.h"

namespace fr {
namespace {

TestSet set(Values values, int64_t N, int64_t people, uint64_t seed, bool distractors = true) {
  return TestSet(N, 5, people, values, seed, distractors);
}
// One set and two; one row, odd sizes, several blocks in both directions.
std::vector<TestPairs> sets(Values v) {
  return {{{}, set(v, 3, 1, 1, false), set(v, 4, 3, 2)},
          {{}, set(v, 1, 1, 3, false), set(v, 37, 2, 4)},
          {{}, set(v, 83, 9, 5)},
          {{}, set(v, 530, 40, 6, false)},
          {{}, set(v, 600, 60, 7), set(v, 45, 60, 7)},
          {{}, set(v, 20, 3, 8), set(v, 2500, 30, 8)}};
}
TestPairs large_set() { return {{}, set(Values::real, 2060, 300, 9)}; }

TEST(ScoreStream, EveryPairComesOnceWithItsScore) {
  for (const Values values : {Values::whole, Values::real}) {
    std::vector<TestPairs> tests = sets(values);
    if (values == Values::real) tests.push_back(large_set());
    for (const TestPairs& test : tests) {
      const AllPairs all(test);
      const int64_t N = test.a.rows.N, M = test.columns().rows.N;
      ASSERT_EQ(int64_t(all.pairs.size()), test.b ? N * M : N * (N - 1) / 2);
      int64_t k = 0;
      for (int64_t r = 0; r < N; ++r)
        for (int64_t c = test.b ? 0 : r + 1; c < M; ++c, ++k) {
          const ScoredPair& pair = all.pairs[size_t(k)];
          ASSERT_EQ(std::pair(pair.a, pair.b), std::pair(r, c));
          ASSERT_NEAR(pair.score, test.product.score(test.a.rows, r, test.columns().rows, c),
                      values == Values::whole ? 0 : 1e-5);
        }
    }
  }
}

TEST(ScoreStream, ABlockMayFail) {
  const TestPairs test{{}, TestSet(2300, 2, 5, Values::real, 1)};
  for (const int n : {1, 3}) {
    set_threads(n);
    EXPECT_EQ(thrown<Error>([&] {
                for_each_block(test.pairs(), [](const ScoreBlock& block, int) {
                  if (block.i >= 512) throw Error(ErrorKind::data, cat("row ", block.i));
                });
              }),
              "row 512");
  }
  set_threads(omp_get_num_procs());
}

const std::vector<double> kFar = {1, 0.5, 0.1, 1e-2, 1e-3, 1e-5, 1e-9, 0};

StreamOptions options(int64_t kept) {
  StreamOptions o;
  o.far = kFar, o.kept = kept, o.bootstrap.replicates = 0;
  return o;
}

void expect_points(const StreamResult& result, const AllPairs& all) {
  const std::vector<OperatingPoint> expected = tar_at_far(all.view(), kFar);
  ASSERT_EQ(result.points.size(), kFar.size());
  for (size_t i = 0; i < kFar.size(); ++i) {
    const OperatingPoint &found = result.points[i], &e = expected[i];
    EXPECT_EQ(found.far, e.far);
    EXPECT_EQ(found.threshold, e.threshold) << "FAR " << kFar[i];
    EXPECT_EQ(found.tar, e.tar) << "FAR " << kFar[i];
    EXPECT_EQ(found.realised_far, e.realised_far) << "FAR " << kFar[i];
    EXPECT_EQ(found.too_few_impostors, e.too_few_impostors);
  }
}

double share_at_least(std::vector<double>& sorted, double t) {
  return double(sorted.end() - std::lower_bound(sorted.begin(), sorted.end(), t)) / double(sorted.size());
}

void expect_exact_curve(const StreamResult& result, const AllPairs& all) {
  std::vector<double> genuine = all.of(true), impostor = all.of(false);
  std::sort(genuine.begin(), genuine.end()), std::sort(impostor.begin(), impostor.end());
  for (const RocPoint& p : result.roc) {
    EXPECT_EQ(p.tar, share_at_least(genuine, p.threshold));
    EXPECT_EQ(p.far, share_at_least(impostor, p.threshold));
  }
  const auto above = [&](double t) {  // the best TAR without a false accept lies on the curve
    return double(genuine.end() - std::upper_bound(genuine.begin(), genuine.end(), t)) /
           double(genuine.size());
  };
  double best = 0;
  for (const RocPoint& p : result.roc) best = p.far == 0 ? p.tar : best;
  EXPECT_NEAR(best, above(impostor.back()), 1e-2);
  EXPECT_EQ(std::pair(result.roc.back().far, result.roc.back().tar), std::pair(1., 1.));
  EXPECT_LT(result.roc.size(), 4000u);
}

// Scores descending (hardest impostors) or ascending, then by rows.
void expect_hardest(const std::vector<ScoredPair>& found, const AllPairs& all, bool genuine) {
  std::vector<ScoredPair> pairs;
  for (size_t i = 0; i < all.pairs.size(); ++i)
    if ((all.same[i] != 0) == genuine) pairs.push_back(all.pairs[i]);
  std::stable_sort(pairs.begin(), pairs.end(), [&](const ScoredPair& x, const ScoredPair& y) {
    return genuine ? x.score < y.score : x.score > y.score;
  });
  ASSERT_EQ(found.size(), std::min<size_t>(pairs.size(), 12));
  for (size_t i = 0; i < found.size(); ++i) {
    EXPECT_EQ(std::pair(found[i].a, found[i].b), std::pair(pairs[i].a, pairs[i].b));
    EXPECT_EQ(found[i].score, pairs[i].score);
  }
}

TEST(ScoreStream, EqualsTheMetricsOfAllScores) {
  for (const Values values : {Values::whole, Values::real})
    for (const TestPairs& test : sets(values)) {
      const AllPairs all(test);
      const StreamResult result = stream_metrics(test.pairs(), options(int64_t{1} << 24));
      EXPECT_EQ(result.genuine, int64_t(all.of(true).size()));
      EXPECT_EQ(result.impostor, int64_t(all.of(false).size()));
      expect_points(result, all), expect_exact_curve(result, all);
      EXPECT_EQ(result.auc_error, 0);
      EXPECT_NEAR(result.auc, auc(all.view()), 1e-12);
      expect_hardest(result.hardest_genuine, all, true), expect_hardest(result.hardest_impostor, all, false);
      EXPECT_TRUE(result.tar_intervals.size() == kFar.size() && !result.tar_intervals[0].known());
    }
}

// Counts and thresholds do not depend on what is kept; the area stays within its bound, which is small and not zero.
TEST(ScoreStream, IsExactWhenLittleIsKept) {
  for (const Values values : {Values::whole, Values::real})
    for (const TestPairs& test : sets(values)) {
      const AllPairs all(test);
      for (const int64_t kept : {1, 100, 10'000}) {
        const StreamResult result = stream_metrics(test.pairs(), options(kept));
        expect_points(result, all), expect_exact_curve(result, all);
        expect_hardest(result.hardest_genuine, all, true),
            expect_hardest(result.hardest_impostor, all, false);
        EXPECT_LE(std::fabs(result.auc - auc(all.view())), result.auc_error + 1e-12);
        if (values == Values::real && result.impostor > 10'000) {
          EXPECT_LT(result.auc_error, 1e-3);
          EXPECT_EQ(result.auc_error == 0, kept >= result.genuine && kept >= result.impostor);
        }
      }
    }
}

TEST(ScoreStream, AllScoresEqual) {
  TestPairs test{{}, TestSet(50, 3, 4, Values::whole, 1)};
  for (float& x : test.a.rows.rows) x = 1;
  const StreamResult result = stream_metrics(test.pairs(), options(10));
  expect_points(result, AllPairs(test));
  EXPECT_EQ(result.auc, 0.5);
  expect_hardest(result.hardest_impostor, AllPairs(test), false);
}

void expect_spread(const std::vector<double>& found, std::vector<double> all, int64_t most) {
  std::sort(all.begin(), all.end());
  ASSERT_GT(found.size(), 0u);
  EXPECT_LE(int64_t(found.size()), most);
  for (const double q : {0.05, 0.5, 0.95}) {
    std::vector<double> sorted = found;
    std::sort(sorted.begin(), sorted.end());
    const double at = share_at_least(all, sorted[size_t(q * double(sorted.size()))]);
    EXPECT_NEAR(at, 1 - q, 5 / std::sqrt(double(sorted.size())));
  }
}

TEST(ScoreStream, HistogramScoresAreAllOrASample) {
  const TestPairs test{{}, TestSet(900, 5, 30, Values::real, 9)};
  const AllPairs all(test);
  StreamResult result = stream_metrics(test.pairs(), options(5000));
  expect_spread(result.genuine_scores, all.of(true), 6000);
  expect_spread(result.impostor_scores, all.of(false), 6000);
  EXPECT_GT(result.impostor_scores.size(), 4000u);
  result = stream_metrics(test.pairs(), options(int64_t{1} << 24));
  EXPECT_EQ(result.impostor_scores.size(), 200'000u);
  expect_spread(result.impostor_scores, all.of(false), 200'000);
  std::vector<double> genuine = all.of(true);
  std::sort(genuine.begin(), genuine.end(), std::greater<>());
  EXPECT_EQ(result.genuine_scores, genuine);
}

std::vector<double> numbers(const StreamResult& r) {
  std::vector<double> n = {double(r.genuine), double(r.impostor), r.auc,
                           r.auc_error,       r.auc_interval.low, r.auc_interval.high};
  for (const OperatingPoint& p : r.points)
    for (double x : {p.tar, p.realised_far, p.threshold}) n.push_back(x);
  for (const Interval& i : r.tar_intervals) n.push_back(i.low), n.push_back(i.high);
  for (const RocPoint& p : r.roc)
    for (double x : {p.far, p.tar, p.threshold}) n.push_back(x);
  for (const auto* scores : {&r.genuine_scores, &r.impostor_scores})
    n.insert(n.end(), scores->begin(), scores->end());
  for (const auto* pairs : {&r.hardest_genuine, &r.hardest_impostor})
    for (const ScoredPair& p : *pairs)
      for (double x : {double(p.a), double(p.b), p.score}) n.push_back(x);
  return n;
}

TEST(ScoreStream, DoesNotDependOnTheNumberOfThreads) {
  const TestPairs one = large_set(),
                  two{{}, TestSet(600, 5, 30, Values::whole, 8), TestSet(2500, 5, 30, Values::whole, 8)};
  for (const TestPairs* test : {&one, &two}) {
    std::vector<double> expected;
    for (const int n : {1, 2, 3}) {
      set_threads(n);
      StreamOptions o = options(3000);
      o.bootstrap.replicates = 30;
      const std::vector<double> found = numbers(stream_metrics(test->pairs(), o));
      if (n == 1) expected = found;
      EXPECT_EQ(found, expected) << n << " threads";
    }
  }
  set_threads(omp_get_num_procs());
}

TEST(ScoreStream, LargestImpostors) {
  for (const Values values : {Values::whole, Values::real})
    for (const TestPairs& test : sets(values)) {
      std::vector<double> impostor = AllPairs(test).of(false);
      std::sort(impostor.begin(), impostor.end(), std::greater<>());
      std::vector<int64_t> ranks;
      for (const double q : {0., 0., 1e-4, 0.01, 0.3, 0.8, 1.})
        ranks.push_back(1 + int64_t(q * double(impostor.size() - 1)));
      const std::vector<float> found = largest_impostors(test.pairs(), ranks);
      for (size_t i = 0; i < ranks.size(); ++i)
        EXPECT_EQ(found[i], impostor[size_t(ranks[i] - 1)]) << ranks[i];
    }
  const TestPairs test = sets(Values::whole).front();
  EXPECT_TRUE(largest_impostors(test.pairs(), {}).empty());
  const auto N = int64_t(AllPairs(test).of(false).size());
  for (const int64_t rank : {int64_t{0}, N + 1})
    EXPECT_EQ(thrown<std::invalid_argument>([&] { largest_impostors(test.pairs(), std::vector{rank}); }),
              cat("scores: no impostor score of rank ", rank, " among ", N));
}

TEST(ScoreStream, NeedsBothKinds) {
  TestPairs test{{}, TestSet(4, 2, 1, Values::real, 1, false)};
  EXPECT_EQ(thrown<Error>([&] { stream_metrics(test.pairs(), {}); }),
            "scores: no impostor pair among 6 pairs");
  test.a.people = {1, 2, -3, -3};
  EXPECT_EQ(thrown<Error>([&] { stream_metrics(test.pairs(), {}); }),
            "scores: no genuine pair among 6 pairs");
  const TestPairs single{{}, TestSet(1, 2, 1, Values::real, 1)};
  EXPECT_EQ(thrown<Error>([&] { stream_metrics(single.pairs(), {}); }),
            "scores: no genuine pair among 0 pairs");
}

TEST(ScoreStream, RefusesScoresThatAreNotFinite) {
  for (const float bad : {NAN, -NAN, INFINITY, -INFINITY})
    for (const int n : {1, 3}) {
      set_threads(n);
      TestPairs test{{}, TestSet(2200, 1, 5, Values::whole, 1)};
      for (float& x : test.a.rows.rows) x = 1;
      test.a.rows.rows[2100] = bad;
      const std::string score = cat(bad);
      EXPECT_EQ(thrown<Error>([&] { stream_metrics(test.pairs(), options(100)); }),
                "scores: the score of rows 0 and 2100 is " + score);
      EXPECT_EQ(thrown<Error>([&] { largest_impostors(test.pairs(), std::vector<int64_t>{1}); }),
                "scores: the score of rows 0 and 2100 is " + score);
    }
  set_threads(omp_get_num_procs());
}

TEST(ScoreStream, RefusesWhatDoesNotFit) {
  using Invalid = std::invalid_argument;
  const auto message = [](const ScorePairs& pairs, const StreamOptions& o = options(10)) {
    return thrown<Invalid>([&] { stream_metrics(pairs, o); });
  };
  const TestPairs test{{}, TestSet(4, 2, 2, Values::real, 1), TestSet(3, 2, 9, Values::real, 1)};
  EXPECT_EQ(message({}), "scores: need a calibrator and a set of embeddings");
  ScorePairs pairs = test.pairs();
  pairs.people_a = pairs.people_a.first(3);
  EXPECT_EQ(message(pairs), "scores: set a has 4 rows but 3 people");
  pairs = test.pairs(), pairs.people_b = test.a.people;
  EXPECT_EQ(message(pairs), "scores: set b has 3 rows but 4 people");
  pairs.b = nullptr;
  EXPECT_EQ(message(pairs), "scores: 4 people of b, but no set b");
  const TestSet wide(3, 7, 9, Values::real, 1);
  pairs = test.pairs(), pairs.b = &wide.rows;
  EXPECT_EQ(message(pairs), "scores: rows of 2 + 0 numbers cannot meet rows of 7 + 0");
  StreamOptions o = options(10);
  o.far = {0.5, 1.5};
  EXPECT_EQ(message(test.pairs(), o), "TAR@FAR: a false accept rate lies in [0, 1], got 1.5");
  o = options(0);
  EXPECT_EQ(message(test.pairs(), o), "scores: cannot keep 12 hardest and 0 other pairs");
}

}  // namespace
}  // namespace fr
