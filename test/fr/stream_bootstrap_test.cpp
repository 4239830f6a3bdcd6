// The bootstrap of streamed scores against replicates counted pair by pair, and its parts: keys of scores, samples of pairs,
// sums over weighted lists.
#include "fr/protocol/stream_bootstrap.h"

#include <gtest/gtest.h>

#include <numeric>
#include <tuple>

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
    EXPECT_TRUE(i == 0 || key_of(ascending[i - 1]) < key_of(ascending[i])) << ascending[i];
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

TEST(LaneWeights, FewIdentitiesAreDrawnWithReplacement) {
  BootstrapOptions o;
  o.replicates = 11, o.seed = 4;
  const LaneWeights w = lane_weights(50, 8, o);
  for (int64_t lane = 0; lane < 3; ++lane) {
    const std::vector<int32_t> drawn = drawn_identities(50, 8 + lane, 4);
    for (size_t p = 0; p < 50; ++p) EXPECT_EQ(w.rows[p][size_t(lane)], float(drawn[p]));
  }
  EXPECT_EQ(w.rows.size(), 51u);
  for (float x : w.rows.back()) EXPECT_EQ(x, 1);
}

// Frequencies of the Poisson distribution, and neighbouring lanes and replicates that know nothing of each other.
TEST(LaneWeights, OfManyEachIsDrawnByItself) {
  const int64_t n = 2 * kMostDrawn;
  const LaneWeights w = lane_weights(n, 16, {}), next = lane_weights(n, 24, {});
  EXPECT_EQ(w.rows.back()[5], 1);
  for (size_t lane = 0; lane < kLanes; ++lane) {
    std::array<double, 10> share{};
    double with_neighbour = 0, with_next = 0;
    for (size_t p = 0; p < size_t(n); ++p) {
      const float x = w.rows[p][lane];
      share[size_t(x)] += 1. / double(n);
      with_neighbour += (x - 1) * (w.rows[p][(lane + 1) % kLanes] - 1) / double(n);
      with_next += (x - 1) * (next.rows[p][lane] - 1) / double(n);
    }
    double probability = std::exp(-1.0);
    for (size_t k = 0; k < share.size(); probability /= double(++k))
      EXPECT_NEAR(share[k], probability, 5 * std::sqrt(probability / double(n)) + 2e-5) << k;
    EXPECT_NEAR(with_neighbour, 0, 5 / std::sqrt(double(n)));
    EXPECT_NEAR(with_next, 0, 5 / std::sqrt(double(n)));
  }
}

TEST(SortDescending, ByScoreThenByRows) {
  Random random({4, Purpose::test, 0, 0});
  for (const int64_t n : {0, 1, 5000}) {
    std::vector<RankedPair> pairs;
    for (int64_t i = 0; i < n; ++i)
      pairs.push_back(
          {random.bits() & (i % 3 ? 0xffffffffu : 0x80000001u), int32_t(random.below(90)), int32_t(i)});
    std::vector<RankedPair> expected = pairs;
    std::sort(expected.begin(), expected.end(), [](const RankedPair& x, const RankedPair& y) {
      return std::tuple(~x.key, x.a, x.b) < std::tuple(~y.key, y.a, y.b);
    });
    sort_descending(pairs);
    EXPECT_EQ(pairs, expected);
  }
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
// `order`: the pairs from the highest score to the lowest.
Replicate count(const AllPairs& all, const std::vector<size_t>& order, const std::vector<double>& weight,
                const std::vector<double>& far) {
  double genuine = 0, impostor = 0;
  for (size_t i : order) (all.same[i] ? genuine : impostor) += weight[i];
  Replicate found{std::vector<double>(far.size(), 0), 0};
  double higher = 0, seen = 0;
  for (size_t begin = 0, end; begin < order.size(); begin = end) {
    double equal[2] = {0, 0};  // weight of impostors and genuine pairs with one score
    for (end = begin; end < order.size() && all.scores[order[end]] == all.scores[order[begin]]; ++end)
      equal[all.same[order[end]]] += weight[order[end]];
    found.auc += equal[0] * (higher + equal[1] / 2) / (genuine * impostor);
    seen += equal[0], higher += equal[1];
    for (size_t f = 0; f < far.size(); ++f)
      if (seen <= std::floor(far[f] * impostor + 1e-9)) found.tar[f] = higher / genuine;
  }
  return found;
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
  std::vector<size_t> order(all.scores.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t x, size_t y) { return all.scores[x] > all.scores[y]; });
  for (int64_t r = 0; r < o.bootstrap.replicates; ++r) {
    const auto drawn = drawn_identities(index.identities(), r, o.bootstrap.seed);
    const Replicate replicate = count(all, order, weights(all, index, drawn), o.far);
    for (size_t f = 0; f < o.far.size(); ++f) tar[f].push_back(replicate.tar[f]);
    area.push_back(replicate.auc);
  }
  const StreamResult result = stream_metrics(test.pairs(), o);
  ASSERT_EQ(result.tar_intervals.size(), o.far.size());
  for (size_t f = 0; f < o.far.size(); ++f)
    expect_near(result.tar_intervals[f], percentile_interval(tar[f], o.bootstrap.confidence), tar_tolerance);
  expect_near(result.auc_interval, percentile_interval(area, o.bootstrap.confidence), auc_tolerance);
  EXPECT_LT(result.auc_interval.low, result.auc);
  EXPECT_GT(result.auc_interval.high, result.auc);
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
  const TestPairs test{{}, TestSet(400, 4, 60, Values::real, 3)};
  StreamOptions o = options(49);
  o.kept = 20'000;  // of some 77,000 impostor pairs: FAR 0.1 is in the tail
  o.far = {0.1, 1e-2, 1e-3, 0};
  expect_intervals(test, o, 1e-12, 2e-3);
  o.far = {0.7, 0.5};
  expect_intervals(test, o, 1e-2, 2e-3);
}

TEST(StreamBootstrap, WithoutReplicatesNothingIsKnown) {
  const TestPairs test{{}, TestSet(80, 4, 30, Values::real, 3)};
  const StreamResult result = stream_metrics(test.pairs(), options(0));
  EXPECT_EQ(result.tar_intervals.size(), 6u);
  EXPECT_FALSE(result.tar_intervals[0].known() || result.auc_interval.known());
}

}  // namespace
}  // namespace fr
