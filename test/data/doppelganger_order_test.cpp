// Batches of random classes and their doppelgangers, and the list behind them.
#include "data/doppelganger_order.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include "test/data/fake_source.h"
#include "test/fr/thrown.h"

namespace fr {
namespace {

using Longs = std::vector<int64_t>;

// Doppelgangers 3 -> 7, 5 -> 3, 7 -> 2, 2 -> 5; N_c = 6, N_r = 2, random 3 and 5: 7; 3 is there already, so random; 2; and so on.
TEST(DoppelgangerOrder, Oracle) {
  const std::map<int64_t, int64_t> list = {{3, 7}, {5, 3}, {7, 2}, {2, 5}};
  Longs asked;
  const auto doppelganger = [&](int64_t c) {
    asked.push_back(c);
    return list.count(c) ? list.at(c) : -1;
  };
  Longs draws = {3, 5, 5, 9, 8};  // 5 is drawn twice: it is in the batch
  size_t drawn = 0;
  const auto draw = [&] { return draws.at(drawn++); };
  EXPECT_EQ(choose_classes(6, 2, draw, doppelganger), (Longs{3, 5, 7, 9, 2, 8}));  // 9 has none: random
  EXPECT_EQ(asked, (Longs{3, 5, 7, 9}));
  EXPECT_EQ(drawn, 5u);
  draws = {3, 5, 2}, drawn = 0;  // 7's doppelganger 2 is in the batch already, and then 5 is 2's
  Longs more = {3, 5, 2, 6, 4};
  draws = more;
  EXPECT_EQ(choose_classes(6, 2, draw, doppelganger), (Longs{3, 5, 7, 2, 6, 4}));
}

TEST(DoppelgangerOrder, OneRandomClassMakesAChain) {
  const auto next = [](int64_t c) { return (c + 3) % 10; };
  EXPECT_EQ(choose_classes(
                5, 1, [] { return 4; }, next),
            (Longs{4, 7, 0, 3, 6}));
}

TEST(DoppelgangerOrder, RandomClassesAloneNeverReadTheList) {
  int64_t i = 0;
  const auto forbidden = [](int64_t) -> int64_t { throw std::logic_error("the list was read"); };
  EXPECT_EQ(choose_classes(
                4, 4, [&] { return i++ / 2; }, forbidden),
            (Longs{0, 1, 2, 3}));
  EXPECT_EQ(random_classes(27, {.random_share = 1}), 27);
}

TEST(DoppelgangerOrder, ShareOfRandomClasses) {
  EXPECT_EQ(random_classes(27, {}), 9);
  EXPECT_EQ(random_classes(27, {.random_share = 1.0 / 27}), 1);
  EXPECT_EQ(random_classes(27, {.random_share = 0}), 1);
  EXPECT_EQ(random_classes(5, {.random_share = 0.5}), 3);  // round(2.5), away from 0
  EXPECT_EQ(random_classes(27, {.random_classes = 6}), 6);
  EXPECT_EQ(random_classes(5, {.random_classes = 6}), 5);
}

TEST(DoppelgangerOrder, SizesAddUpAndFollowTheRule) {
  const DoppelgangerOptions o{.smallest = 2, .largest = 8};
  std::map<int64_t, int64_t> times;
  int64_t inner = 0;
  for (uint64_t t = 0; t < 4000; ++t) {
    Random random({1, Purpose::test, t, 0});
    const Longs sizes = class_sizes(81, o, random);
    EXPECT_EQ(std::accumulate(sizes.begin(), sizes.end(), int64_t{0}), 81);
    EXPECT_LE(int64_t(sizes.size()), most_classes(81, o));
    for (size_t i = 0; i < sizes.size(); ++i) {
      EXPECT_GE(sizes[i], 2);
      EXPECT_LE(sizes[i], i + 1 < sizes.size() ? 8 : 9);  // a rest of 1 went to the last
      if (i + 1 < sizes.size()) ++times[sizes[i]], ++inner;
    }
  }
  // Uniform but for the last class, which the end of the batch cuts: within 5 standard deviations.
  for (int64_t n = 2; n <= 8; ++n)
    EXPECT_NEAR(double(times[n]), double(inner) / 7,
                5 * std::sqrt(double(inner) * 6 / 49) + 0.02 * double(inner) / 7)
        << n;
  Random random({1, Purpose::test, 0, 0});
  EXPECT_EQ(class_sizes(81, {}, random), Longs(27, 3));
  EXPECT_EQ(class_sizes(8, {}, random), (Longs{3, 5}));  // 3 + 3 + 2: 2 is below the smallest
  EXPECT_EQ(class_sizes(4, {.smallest = 4, .largest = 9}, random), Longs{4});
}

TEST(DoppelgangerOrder, NonsenseIsRefused) {
  const auto message = [](const DoppelgangerOptions& o, int64_t M, int64_t classes) {
    return thrown<std::invalid_argument>([&] { check(o, M, classes); });
  };
  EXPECT_EQ(message({}, 81, 27), "nothing");
  EXPECT_NE(message({.smallest = 4, .largest = 3}, 81, 27).find("1 <= mining.smallest <= mining.largest"),
            std::string::npos);
  EXPECT_NE(message({}, 2, 27).find("and a batch of 2"), std::string::npos);
  EXPECT_NE(message({.random_classes = 28}, 81, 50).find("mining.random_classes = 28, but a batch of 81"),
            std::string::npos);
  EXPECT_NE(message({.random_share = 1.5}, 81, 50).find("mining.random_share in [0, 1], got 1.5"),
            std::string::npos);
  EXPECT_NE(message({.lag = -1}, 81, 50).find("mining.lag in 0..1024, got -1"), std::string::npos);
  EXPECT_NE(message({}, 81, 26).find("may need 27 people; the training data have 26"), std::string::npos);
}

TEST(DoppelgangerOrder, ABatchFollowsTheListWithDifferentPictures) {
  const PeopleSource source;
  const DoppelgangerOptions o{.smallest = 2, .largest = 4, .random_classes = 2};
  DoppelgangerList list(7, 0);
  list.learn({{0, 1}, {1, 2}, {2, 0}, {3, 4}, {4, 5}, {5, 6}, {6, 3}});
  for (uint64_t seed = 0; seed < 200; ++seed) {
    const DoppelgangerOrder order(source, o, 15, seed);
    const Longs samples = order.batch(1, list);
    EXPECT_EQ(samples, order.batch(1, list));
    Longs classes;
    std::map<int64_t, std::set<int64_t>> in_batch, in_all;
    std::map<int64_t, int64_t> size;
    for (size_t n = 0; n < samples.size(); ++n) {
      const int64_t c = source.label(samples[n]);
      in_all[c].insert(samples[n]);
      if (n >= 15) continue;
      if (classes.empty() || classes.back() != c) classes.push_back(c);
      in_batch[c].insert(samples[n]), ++size[c];
    }
    EXPECT_EQ(in_batch.size(), classes.size()) << "a class comes once";
    for (size_t i = 2; i < classes.size(); ++i) {
      const int64_t wanted = list.of(classes[i - 2], 1);
      const auto before = classes.begin() + int64_t(i);
      EXPECT_TRUE(classes[i] == wanted || std::find(classes.begin(), before, wanted) != before);
    }
    for (const int64_t c : classes) {
      const int64_t images = 3 * (c + 1);
      EXPECT_EQ(int64_t(in_batch[c].size()), std::min(size[c], images));
      EXPECT_EQ(int64_t(in_all[c].size()), images) << "the spares are the rest of the class";
    }
  }
}

TEST(DoppelgangerOrder, FewPicturesComeAgainAsEvenlyAsPossible) {
  PeopleSource source;
  source.count = 6, source.classes = 4, source.label_of = {0, 1, 1, 3, 3, 3};  // nobody of class 2
  DoppelgangerList list(4, 0);
  list.learn({{0, 2}, {1, 2}, {3, 2}});  // a doppelganger without a picture is none
  const DoppelgangerOrder order(source, {.smallest = 5, .largest = 5, .random_classes = 1}, 15, 1);
  std::map<int64_t, int64_t> times;
  for (const int64_t s : order.batch(1, list)) ++times[s];
  EXPECT_EQ(times[0], 5);
  EXPECT_EQ(std::minmax(times[1], times[2]), std::minmax<int64_t>(2, 3));
  EXPECT_EQ(times[3] + times[4] + times[5], 5);
  for (const int64_t s : {3, 4, 5}) EXPECT_GE(times[s], 1);
}

TEST(DoppelgangerList, BatchesKnowWhatTheLagLetsThem) {
  DoppelgangerList list(5, 2);
  EXPECT_EQ(list.of(0, 0), -1);
  EXPECT_TRUE(list.decides(2));
  EXPECT_FALSE(list.decides(3));
  list.learn({{0, 1}});  // step 0: from batch 3 on
  EXPECT_EQ(list.of(0, 1), -1);
  EXPECT_EQ(list.of(0, 2), -1);
  EXPECT_EQ(list.of(0, 3), 1);
  list.learn({{0, 2}, {4, 3}});  // step 1: from batch 4 on
  EXPECT_EQ(list.of(0, 3), 1);
  EXPECT_EQ(list.of(0, 4), 2);
  EXPECT_EQ(list.of(4, 3), -1);
  list.learn({});
  list.learn({{0, 4}});
  EXPECT_EQ(list.of(0, 4), 2);
  EXPECT_EQ(list.of(0, 5), 2);
  EXPECT_EQ(list.of(0, 6), 4);
  EXPECT_EQ(list.newest(0), 4);
  EXPECT_EQ(list.newest(4), 3);
  DoppelgangerList copy(5, 2);
  copy.restore(list.state());
  EXPECT_EQ(copy.steps(), 4);
  for (int64_t t = 4; t <= 6; ++t)
    for (int64_t c = 0; c < 5; ++c) EXPECT_EQ(copy.of(c, t), list.of(c, t)) << c << " " << t;
  for (DoppelgangerList* l : {&copy, &list}) l->learn({{1, 0}});
  EXPECT_EQ(copy.state().settled, list.state().settled);
  EXPECT_EQ(copy.state().recent, list.state().recent);
}

TEST(DoppelgangerList, WhatIsWrongIsRefused) {
  const auto message = [](const auto& f) { return thrown<std::invalid_argument>(f); };
  EXPECT_NE(message([] { DoppelgangerList(0, 0); }).find("got 0 classes and lag 0"), std::string::npos);
  EXPECT_NE(message([] { DoppelgangerList(2, -1); }).find("lag -1"), std::string::npos);
  DoppelgangerList list(3, 0);
  EXPECT_NE(message([&] {
              list.learn({{1, 1}});
            }).find("class 1 as the doppelganger of class 1, of 3"),
            std::string::npos);
  EXPECT_NE(message([&] { list.learn({{1, 3}}); }).find("class 3"), std::string::npos);
  EXPECT_NE(message([&] { list.of(0, 1); }).find("for batch 1 after 0 steps with a lag of 0"),
            std::string::npos);
  EXPECT_NE(message([&] {
              list.restore({0, {0, 1}, {}});
            }).find("expected a list of 3 classes, got 2"),
            std::string::npos);
  EXPECT_NE(message([&] {
              list.restore({4, {-1, 1, -1}, {}});
            }).find("class 1 as the doppelganger of class 1"),
            std::string::npos);
  EXPECT_NE(message([&] {
              list.restore({4, {-1, -1, -1}, {3, 0, 1}});
            }).find("results of step 3 beside 4 steps"),
            std::string::npos);
}

}  // namespace
}  // namespace fr
