// The bootstrap of streamed scores against replicates counted pair by pair, and its parts: keys of scores, samples of pairs,
// sums over weighted lists.
#include "fr/protocol/stream_bootstrap.h"

#include <gtest/gtest.h>

#include <map>

#include "fr/protocol/score_counts.h"
#include "fr/protocol/weighted_list.h"
#include "test/fr/streamed.h"

namespace fr {
namespace {

TEST(ScoreKey, KeepsTheOrderOfFloats) {
  const float largest = std::numeric_limits<float>::max(), least = std::numeric_limits<float>::denorm_min();
  const std::vector<float> ascending = {-largest, -1.5f,  -1,    -0.25f, -least, 0,
                                        least,    1e-20f, 0.25f, 1,      1.5f,   largest};
  for (size_t i = 0; i < ascending.size(); ++i) {
    EXPECT_EQ(score_of(key_of(ascending[i])), ascending[i]);
    if (i > 0) EXPECT_LT(key_of(ascending[i - 1]), key_of(ascending[i]));
    EXPECT_GE(bin_of(key_of(ascending[i])), kFirstFinite);
    EXPECT_LT(bin_of(key_of(ascending[i])), kBehindFinite);
  }
  EXPECT_EQ(key_of(-0.0f), key_of(0.0f));
  for (const float bad : {NAN, -NAN, INFINITY, -INFINITY}) {
    const int64_t bin = bin_of(key_of(bad));
    EXPECT_TRUE(bin < kFirstFinite || bin >= kBehindFinite) << bad;
  }
}

TEST(PairSample, EachPairIsAsLikely) {
  const int64_t rows = 400, columns = 130;
  const PairSample sample(rows * columns, 5000, 3);  // one in 11
  std::vector<int64_t> of_column(size_t(columns), 0);
  int64_t all = 0;
  for (int64_t r = 0; r < rows; ++r) {
    std::vector<int64_t> found, parts;
    sample.columns(r, 0, columns, [&](int64_t c) { found.push_back(c); });
    for (const auto& [begin, end] :
         {std::pair<int64_t, int64_t>{0, 7}, {7, 64}, {64, columns}})  // blocks do not matter
      sample.columns(r, begin, end, [&](int64_t c) { parts.push_back(c); });
    ASSERT_EQ(found, parts);
    for (int64_t c = 0; c < columns; ++c)
      ASSERT_EQ(sample.holds(r, c), std::count(found.begin(), found.end(), c) == 1);
    for (int64_t c : found) ++of_column[size_t(c)], ++all;
  }
  EXPECT_NEAR(double(all), rows * columns / 11., 200);
  for (int64_t n : of_column) EXPECT_NEAR(double(n), rows / 11., 27);  // 4.5 standard deviations
}

TEST(PairSample, AllOrNothing) {
  EXPECT_TRUE(PairSample(100, 100, 1).whole());
  EXPECT_FALSE(PairSample(101, 100, 1).whole());
  EXPECT_TRUE(PairSample(100, 100, 1).holds(7, 93));
  EXPECT_FALSE(PairSample(100, 0, 1).holds(7, 93));
}

// A long list (chunks of many pairs) and a short one.
TEST(WeightedList, SumsAndPlaces) {
  for (const int64_t n : {int64_t{1}, int64_t{300}, int64_t{20'000}}) {
    Random random({uint64_t(n), Purpose::test, 0, 0});
    LaneWeights w;
    w.rows.resize(50);
    for (auto& row : w.rows)
      for (float& x : row) x = float(random.below(4));
    WeightedList list;
    const int64_t exact = n / 3;
    list.set_mass(exact, 2.5);
    std::vector<Lanes> expected(1, Lanes{});
    for (int64_t i = 0; i < n; ++i) {
      const uint32_t a = random.below(50), b = random.below(50);
      list.add(int32_t(a), int32_t(b));
      Lanes sum = expected.back();
      for (size_t l = 0; l < kLanes; ++l)
        sum[l] += (i < exact ? 1 : 2.5) * double(w.rows[a][l] * w.rows[b][l]);
      expected.push_back(sum);
    }
    list.finish();
    const std::vector<Lanes> sums = list.sums(w);
    for (int64_t end = 0; end <= n; end = std::max(end + 1, end * 8 / 7))
      for (int lane = 0; lane < kLanes; ++lane) {
        const double before = expected[size_t(end)][size_t(lane)];
        EXPECT_EQ(list.before(sums, w, end, lane), before);
        EXPECT_NEAR(list.near(sums, end)[size_t(lane)], before, n > 10'000 ? 300 : 0);
        int64_t at = 0;
        while (at < n && expected[size_t(at) + 1][size_t(lane)] <= before) ++at;
        EXPECT_EQ(list.exceeding(sums, w, before, lane), at);
      }
  }
}

// One replicate: the pairs of `all` with weights, counted as the definition says.
struct Replicate {
  std::vector<double> tar;
  double auc;
};
Replicate count(const AllPairs& all, const std::vector<double>& weight, const std::vector<double>& far) {
  std::map<double, std::pair<double, double>, std::greater<>> steps;  // score -> weight of genuine, impostor
  double genuine = 0, impostor = 0, wins = 0, higher = 0;
  for (size_t i = 0; i < weight.size(); ++i) {
    auto& step = steps[all.scores[i]];
    (all.same[i] ? step.first : step.second) += weight[i];
    (all.same[i] ? genuine : impostor) += weight[i];
  }
  std::vector<double> tar(far.size(), 0);
  double seen = 0;
  for (const auto& [score, step] : steps) {
    wins += step.second * (higher + step.first / 2);
    higher += step.first, seen += step.second;
    for (size_t f = 0; f < far.size(); ++f)
      if (seen <= std::floor(far[f] * impostor + 1e-9)) tar[f] = higher / genuine;
  }
  return {tar, wins / (genuine * impostor)};
}

// The weights of all pairs in a replicate; identities numbered as the index does, distractors each for itself.
std::vector<double> weights(const AllPairs& all, const PairIndex& index, const std::vector<int32_t>& drawn) {
  std::vector<double> w;
  for (size_t i = 0; i < all.pairs.size(); ++i) {
    const double a = drawn[size_t(index.identity_a(all.pairs[i].a))],
                 b = drawn[size_t(index.identity_b(all.pairs[i].b))];
    w.push_back(all.same[i] ? a : a * b);
  }
  return w;
}

void expect_near(const Interval& found, const Interval& expected, double tolerance) {
  EXPECT_NEAR(found.low, expected.low, tolerance);
  EXPECT_NEAR(found.high, expected.high, tolerance);
}

void expect_intervals(const TestPairs& test, StreamOptions o, double tar_tolerance, double auc_tolerance) {
  const AllPairs all(test);
  const PairIndex index(test.pairs());
  std::vector<std::vector<double>> tar(o.far.size());
  std::vector<double> area;
  for (int64_t r = 0; r < o.bootstrap.replicates; ++r) {
    const auto drawn = drawn_identities(index.identities(), r, o.bootstrap.seed);
    const Replicate replicate = count(all, weights(all, index, drawn), o.far);
    for (size_t f = 0; f < o.far.size(); ++f) tar[f].push_back(replicate.tar[f]);
    area.push_back(replicate.auc);
  }
  const StreamResult result = stream_metrics(test.pairs(), o);
  ASSERT_EQ(result.tar_intervals.size(), o.far.size());
  for (size_t f = 0; f < o.far.size(); ++f)
    expect_near(result.tar_intervals[f], percentile_interval(tar[f], o.bootstrap.confidence), tar_tolerance);
  expect_near(result.auc_interval, percentile_interval(area, o.bootstrap.confidence), auc_tolerance);
  EXPECT_LT(result.auc_interval.low, result.auc), EXPECT_GT(result.auc_interval.high, result.auc);
}

StreamOptions options(int64_t replicates) {
  StreamOptions o;
  o.far = {1, 0.3, 0.05, 1e-2, 1e-3, 0};
  o.bootstrap.replicates = replicates, o.bootstrap.seed = 5, o.bootstrap.confidence = 0.9;
  return o;
}

TEST(StreamBootstrap, EqualsReplicatesCountedPairByPair) {
  for (const Values values : {Values::whole, Values::real}) {
    expect_intervals({{}, TestSet(150, 4, 30, values, 3)}, options(99), 1e-12, 1e-12);
    expect_intervals({{}, TestSet(60, 4, 30, values, 3, false), TestSet(140, 4, 30, values, 4)}, options(99),
                     1e-12, 1e-12);
  }
}

// With less kept than there is, small FARs stay exact and the others follow a sample.
TEST(StreamBootstrap, FollowsASample) {
  const TestPairs test{{}, TestSet(700, 4, 60, Values::real, 3)};
  StreamOptions o = options(99);
  o.kept = 40'000;  // of 240,000 impostor pairs: FAR 0.1 is in the tail
  o.far = {0.05, 1e-2, 1e-3, 0};
  expect_intervals(test, o, 1e-12, 1e-4);
  o.far = {0.5, 0.3};
  expect_intervals(test, o, 4e-3, 1e-4);
}

TEST(StreamBootstrap, WithoutReplicatesNothingIsKnown) {
  const TestPairs test{{}, TestSet(80, 4, 30, Values::real, 3)};
  const StreamResult result = stream_metrics(test.pairs(), options(0));
  EXPECT_EQ(result.tar_intervals.size(), 6u);
  EXPECT_FALSE(result.tar_intervals[0].known() || result.auc_interval.known());
}

}  // namespace
}  // namespace fr
