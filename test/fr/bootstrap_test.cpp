// The bootstrap over identities: moments of the draws, known distributions, pairs that share people.
#include "fr/protocol/bootstrap.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "base/error.h"
#include "base/parallel.h"
#include "base/philox.h"
#include "test/fr/thrown.h"

namespace fr {
namespace {

using Values = std::vector<double>;

// Weighted share of the pairs that are marked.
std::function<Values(std::span<const float>)> share_of(const std::vector<uint8_t>& marked) {
  return [&marked](std::span<const float> w) {
    double all = 0, sum = 0;
    for (size_t i = 0; i < w.size(); ++i) all += w[i], sum += marked[i] ? w[i] : 0;
    return Values{sum / all};
  };
}

// Genuine pairs, `each` of every person; one mark a person: its pairs succeed or fail together.
struct Genuine {
  PairIdentities identities;
  std::vector<uint8_t> same, marked;
};
Genuine genuine_pairs(int64_t people, int64_t each) {
  Genuine g;
  g.identities.people = people;
  Random random({4, Purpose::test, 0, 0});
  for (int64_t p = 0; p < people; ++p) {
    const bool mark = random.chance(0.7);
    for (int64_t i = 0; i < each; ++i) {
      g.identities.a.push_back(p), g.identities.b.push_back(p);
      g.same.push_back(1), g.marked.push_back(mark);
    }
  }
  return g;
}

TEST(Bootstrap, EveryReplicateDrawsAsManyAsThereAre) {
  for (int64_t people : {0, 1, 2, 7, 1000})
    for (int64_t r = 0; r < 20; ++r) {
      const std::vector<int32_t> drawn = drawn_identities(people, r, 5);
      ASSERT_EQ(int64_t(drawn.size()), people);
      EXPECT_EQ(std::accumulate(drawn.begin(), drawn.end(), int64_t{0}), people);
    }
}

TEST(Bootstrap, DrawsAreAFunctionOfSeedAndReplicate) {
  EXPECT_EQ(drawn_identities(100, 3, 5), drawn_identities(100, 3, 5));
  EXPECT_NE(drawn_identities(100, 3, 5), drawn_identities(100, 4, 5));
  EXPECT_NE(drawn_identities(100, 3, 5), drawn_identities(100, 3, 6));
}

// Multinomial(n, 1/n): mean 1, variance 1 - 1/n, covariance -1/n. 40,000 replicates: standard errors about .005.
TEST(Bootstrap, MomentsOfTheMultinomial) {
  constexpr int n = 5, replicates = 40000;
  double sum[n] = {}, squares[n] = {}, product = 0;
  for (int r = 0; r < replicates; ++r) {
    const std::vector<int32_t> w = drawn_identities(n, r, 1);
    for (int i = 0; i < n; ++i) sum[i] += w[i], squares[i] += w[i] * w[i];
    product += w[0] * w[1];
  }
  for (int i = 0; i < n; ++i) {
    EXPECT_NEAR(sum[i] / replicates, 1, 0.02);
    EXPECT_NEAR(squares[i] / replicates - 1, 1 - 1.0 / n, 0.04);
  }
  EXPECT_NEAR(product / replicates - 1, -1.0 / n, 0.03);
}

TEST(Bootstrap, AMillionPeople) {
  const std::vector<int32_t> drawn = drawn_identities(1000000, 0, 1);
  double never = 0;
  for (int32_t d : drawn) never += d == 0;
  EXPECT_NEAR(never / 1e6, std::exp(-1), 0.003);
}

TEST(Bootstrap, PercentilesOfAKnownDistribution) {
  Values values(1001);
  for (int i = 0; i <= 1000; ++i) values[size_t((i * 5) % 1001)] = i;  // 0..1000 in another order
  const Interval i95 = percentile_interval(values, 0.95), i50 = percentile_interval(values, 0.5);
  EXPECT_NEAR(i95.low, 25, 1e-9);
  EXPECT_NEAR(i95.high, 975, 1e-9);
  EXPECT_NEAR(i50.low, 250, 1e-9);
  EXPECT_NEAR(i50.high, 750, 1e-9);
  Values twenty(20);
  std::iota(twenty.begin(), twenty.end(), 0);
  EXPECT_NEAR(percentile_interval(twenty, 0.9).low, 0.05 * 19, 1e-9);  // between two values
}

TEST(Bootstrap, ValuesThatAreNotFiniteAreLeftOut) {
  Values values(20, 3.0);
  EXPECT_EQ(percentile_interval(values, 0.95).low, 3);
  values.insert(values.end(), {NAN, INFINITY, -INFINITY});
  const Interval all = percentile_interval(values, 0.95);
  EXPECT_TRUE(all.known());
  EXPECT_EQ(all.high, 3);
  values.erase(values.begin());
  EXPECT_FALSE(percentile_interval(values, 0.95).known());
  EXPECT_FALSE(percentile_interval({}, 0.95).known());
}

// The share of successes among n people: variance p (1 - p) / n, a normal interval of +- 1.96 sigma.
TEST(Bootstrap, IntervalOfAShare) {
  const Genuine g = genuine_pairs(400, 1);
  const double p = std::accumulate(g.marked.begin(), g.marked.end(), 0.0) / 400;
  const Interval i = bootstrap_pairs(g.identities, g.same, {.replicates = 4000}, share_of(g.marked)).front();
  const double half = 1.96 * std::sqrt(p * (1 - p) / 400);
  EXPECT_NEAR(i.low, p - half, 0.1 * half);
  EXPECT_NEAR(i.high, p + half, 0.1 * half);
}

// Ten pairs of each of 40 people say as much as 40 pairs, not as 400.
TEST(Bootstrap, PairsThatSharePeopleWidenTheInterval) {
  const Genuine shared = genuine_pairs(40, 10), one = genuine_pairs(40, 1);
  const BootstrapOptions options = {.replicates = 1000};
  const auto interval = [&](const Genuine& g) {
    return bootstrap_pairs(g.identities, g.same, options, share_of(g.marked)).front();
  };
  Genuine apart = shared;  // the same marks, each pair a person of its own
  apart.identities.people = 400;
  std::iota(apart.identities.a.begin(), apart.identities.a.end(), 0);
  apart.identities.b = apart.identities.a;
  const Interval wide = interval(shared), narrow = interval(apart);
  EXPECT_NEAR(wide.high - wide.low, interval(one).high - interval(one).low, 1e-9);
  EXPECT_GT(wide.high - wide.low, 2.5 * (narrow.high - narrow.low));  // sqrt(10)
}

TEST(Bootstrap, WeightsOfPairs) {
  const PairIdentities identities = {{0, 1, 0, 2}, {0, 1, 1, 1}, 3};
  const std::vector<uint8_t> same = {1, 1, 0, 0};
  const BootstrapOptions options = {.replicates = 50, .confidence = 0.95, .seed = 9};
  std::vector<std::vector<float>> seen;
  const int before = threads();
  set_threads(1);  // in order
  bootstrap_pairs(identities, same, options, [&](std::span<const float> w) {
    seen.emplace_back(w.begin(), w.end());
    return Values{};
  });
  set_threads(before);
  ASSERT_EQ(seen.size(), 50u);
  for (int64_t r = 0; r < 50; ++r) {
    const std::vector<int32_t> w = drawn_identities(3, r, 9);
    EXPECT_EQ(seen[size_t(r)],
              (std::vector<float>{float(w[0]), float(w[1]), float(w[0] * w[1]), float(w[2] * w[1])}));
  }
}

TEST(Bootstrap, NumberOfThreadsChangesNothing) {
  const Genuine g = genuine_pairs(50, 3);
  const BootstrapOptions options = {.replicates = 200};
  const int before = threads();
  std::vector<Interval> found;
  for (int n : {1, 2, 5}) {
    set_threads(n);
    found.push_back(bootstrap_pairs(g.identities, g.same, options, share_of(g.marked)).front());
  }
  set_threads(before);
  for (const Interval& i : found) EXPECT_TRUE(i.low == found[0].low && i.high == found[0].high);
}

TEST(Bootstrap, NoReplicatesNoIntervals) {
  const Genuine g = genuine_pairs(5, 1);
  const auto intervals = bootstrap_pairs(g.identities, g.same, {.replicates = 0}, share_of(g.marked));
  ASSERT_EQ(intervals.size(), 1u);
  EXPECT_FALSE(intervals[0].known());
}

TEST(Bootstrap, Faults) {
  const auto none = [](std::span<const float>) { return Values{}; };
  const std::vector<uint8_t> same = {1, 0};
  EXPECT_EQ(thrown<std::invalid_argument>([&] {
              bootstrap_pairs({{0}, {0}, 1}, same, {}, none);
            }),
            "bootstrap: 2 labels, but 1 and 1 identities");
  EXPECT_EQ(thrown<std::invalid_argument>([&] {
              bootstrap_pairs({{0, 0}, {0, 2}, 2}, same, {}, none);
            }),
            "bootstrap: pair 1 is of identities 0 and 2 of 2");
  EXPECT_EQ(thrown<std::invalid_argument>([&] {
              bootstrap_pairs({{0, -1}, {0, 1}, 2}, same, {}, none);
            }),
            "bootstrap: pair 1 is of identities -1 and 1 of 2");
  EXPECT_EQ(thrown<std::invalid_argument>([&] {
              bootstrap_pairs({{0, 0}, {0, 1}, 2}, same, {.replicates = -1}, none);
            }),
            "bootstrap: -1 replicates");
  EXPECT_EQ(thrown<std::invalid_argument>([] { percentile_interval({}, 1); }),
            "bootstrap: a confidence lies in (0, 1), got 1");
  EXPECT_EQ(thrown<std::invalid_argument>([] { drawn_identities(-1, 0, 1); }),
            "bootstrap: cannot draw from -1 identities");
}

TEST(Bootstrap, AnErrorOfTheStatisticsComesOut) {
  const Genuine g = genuine_pairs(5, 1);
  const auto fail = [](std::span<const float>) -> Values { throw Error(ErrorKind::data, "no such figure"); };
  EXPECT_EQ(thrown<Error>([&] { bootstrap_pairs(g.identities, g.same, {}, fail); }), "no such figure");
}

}  // namespace
}  // namespace fr
