// Boxes: overlap by counting pixels, suppression by its definition, corrections and squares by hand.
#include "fr/detection/boxes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/philox.h"

namespace fr {
namespace {

Box random_box(Random& random) {
  const double left = std::floor(random.uniform(0, 20)), top = std::floor(random.uniform(0, 20));
  return {left, top, left + std::floor(random.uniform(1, 12)), top + std::floor(random.uniform(1, 12))};
}

TEST(Boxes, OverlapIsACountOfPixels) {
  Random random({1, Purpose::test, 0, 0});
  for (int trial = 0; trial < 200; ++trial) {
    const Box a = random_box(random), b = random_box(random);
    double in_a = 0, in_b = 0, in_both = 0;
    for (int y = 0; y < 40; ++y)
      for (int x = 0; x < 40; ++x) {
        const auto holds = [&](const Box& o) {
          return x >= o.left && x < o.right && y >= o.top && y < o.bottom;
        };
        in_a += holds(a), in_b += holds(b), in_both += holds(a) && holds(b);
      }
    EXPECT_DOUBLE_EQ(overlap(a, b, Overlap::of_union), in_both / (in_a + in_b - in_both));
    EXPECT_DOUBLE_EQ(overlap(a, b, Overlap::of_smaller), in_both / std::min(in_a, in_b));
  }
  EXPECT_EQ(overlap({0, 0, 0, 5}, {0, 0, 4, 5}, Overlap::of_smaller), 0);
  EXPECT_EQ(overlap({3, 0, 1, 5}, {0, 0, 4, 5}, Overlap::of_union), 0);
}

struct Scored {
  Box box;
  double score;
  int number;
};

// As it is usually told: take the best of what is left, strike out what it covers, until nothing is left.
std::vector<int> by_striking_out(std::vector<Scored> left, double threshold, Overlap how) {
  std::vector<int> kept;
  while (!left.empty()) {
    const auto best = std::max_element(left.begin(), left.end(), [](const Scored& a, const Scored& b) {
      return a.score < b.score || (a.score == b.score && a.number > b.number);
    });
    const Scored winner = *best;
    kept.push_back(winner.number);
    std::erase_if(left, [&](const Scored& s) {
      return s.number == winner.number || overlap(s.box, winner.box, how) > threshold;
    });
  }
  return kept;
}

TEST(Boxes, SuppressionIsItsDefinition) {
  Random random({2, Purpose::test, 0, 0});
  for (int trial = 0; trial < 60; ++trial) {
    std::vector<Scored> all;
    for (int i = 0; i < trial; ++i)  // few different scores: many ties
      all.push_back({random_box(random), std::floor(random.uniform(0, 8)) / 8, i});
    const double threshold = random.uniform(0, 0.9);
    for (const Overlap how : {Overlap::of_union, Overlap::of_smaller}) {
      std::vector<int> found;
      for (const Scored& s : suppress(all, threshold, how)) found.push_back(s.number);
      EXPECT_EQ(found, by_striking_out(all, threshold, how)) << trial;
    }
  }
  EXPECT_THROW(kept_boxes({Box{}}, {}, 0.5, Overlap::of_union), std::invalid_argument);
}

TEST(Boxes, CorrectionsAreSharesOfTheSides) {
  const Box box = corrected({10, 20, 30, 60}, {0.1, -0.1, 0.25, 0.5});
  EXPECT_DOUBLE_EQ(box.left, 12);
  EXPECT_DOUBLE_EQ(box.top, 16);
  EXPECT_DOUBLE_EQ(box.right, 35);
  EXPECT_DOUBLE_EQ(box.bottom, 80);
  const Box same = corrected({-3, 2, 9, 5}, {});
  EXPECT_DOUBLE_EQ(same.left, -3);
  EXPECT_DOUBLE_EQ(same.bottom, 5);
}

// 20 x 40 around (20, 40): the square is 40 x 40 around it. Its left edge at 0 is the middle of pixel 0: rounded, pixel 1.
TEST(Boxes, SquaresKeepTheCentre) {
  const auto square = square_around({10, 20, 30, 60}, 100, 100);
  ASSERT_TRUE(square);
  EXPECT_EQ(square->side, 40);
  EXPECT_NEAR(square->x, 0.5, 0.5);
  EXPECT_NEAR(square->y, 20.5, 0.5);
  const auto whole = square_around({-0.5, -0.5, 11.5, 5.5}, 100, 100);  // 12 x 6 pixels from the corner
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->side, 12);
  EXPECT_EQ(whole->x, 0);
  EXPECT_EQ(whole->y, -3);
  const Box box = whole->box();
  EXPECT_EQ(box.left, -0.5);
  EXPECT_EQ(box.right, 11.5);
  EXPECT_EQ(box.top, -3.5);
  EXPECT_EQ(box.bottom, 8.5);
}

TEST(Boxes, WhatIsNoBoxHasNoSquare) {
  const double nan = std::nan(""), infinite = HUGE_VAL;
  for (const Box& box :
       {Box{0, 0, 0.5, 9}, Box{5, 5, 2, 9}, Box{nan, 0, 9, 9}, Box{0, 0, 9, nan}, Box{0, 0, infinite, 9},
        Box{-infinite, 0, 9, 9}, Box{60, 0, 70, 9}, Box{0, -30, 9, -5}, Box{0, 0, 101, 9}})
    EXPECT_FALSE(square_around(box, 50, 40))
        << box.left << " " << box.top << " " << box.right << " " << box.bottom;
  EXPECT_TRUE(square_around({-5, 0, 95, 9}, 50, 40));
}

}  // namespace
}  // namespace fr
