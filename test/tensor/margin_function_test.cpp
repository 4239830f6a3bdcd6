// Target functions of the margin losses against the definition, tabulated values and difference quotients.
#include "tensor/margin_function.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace fr {
namespace {

constexpr double kPi = 3.14159265358979323846;
using Rule = Margin::Rule;
using Guard = Margin::Guard;

Margin arc(double m, Rule rule = Rule::threshold) {
  return {.kind = Margin::Kind::arcface, .m = m, .rule = rule};
}
Margin sum(double m1, double m2, double m3, Guard guard = Guard::none) {
  return {.kind = Margin::Kind::combined, .m1 = m1, .m2 = m2, .m3 = m3, .guard = guard};
}
// Those with an angle in them.
std::vector<Margin> angular() {
  return {arc(0.5),
          arc(0.5, Rule::easy_margin),
          arc(0.5, Rule::none),
          sum(0.9, 0.4, 0.15),
          sum(1, 0.4, 0.15),
          sum(1.35, 0, 0),
          sum(1.35, 0.2, 0.1, Guard::monotone),
          sum(1, 0.8, 0, Guard::monotone)};
}

// psi_m(theta) = (-1)^k cos(m theta) - 2k on [k pi / m, (k + 1) pi / m]                        (Liu 2017, Eq. 6)
double definition(int m, double theta) {
  const int k = std::min(static_cast<int>(m * theta / kPi), m - 1);
  return (k % 2 ? -1 : 1) * std::cos(m * theta) - 2 * k;
}

TEST(MarginFunction, PsiHasTheTabulatedValues) {
  struct Value {
    double degrees;
    int m;
    double psi, slope;
  };
  for (const Value& v : {Value{10, 2, .939692621, 3.939231},
                         {10, 3, .866025404, 8.638156},
                         {10, 4, .766044443, 14.806665},
                         {60, 2, -.5, 2},
                         {60, 3, -1, 0},
                         {60, 4, -1.5, 4},
                         {100, 2, -1.060307379, .694593},
                         {100, 3, -2.5, 2.638156},
                         {100, 4, -3.233955557, 2.610815},
                         {180, 2, -3, 4},
                         {180, 3, -5, 9},
                         {180, 4, -7, 16}}) {
    const MarginValue<double> got = psi(v.m, std::cos(v.degrees * kPi / 180));
    EXPECT_NEAR(got.h, v.psi, 1e-9) << v.m << " at " << v.degrees;
    EXPECT_NEAR(got.dh, v.slope, 1e-6) << v.m << " at " << v.degrees;
  }
}

// The grid holds every boundary k pi / m: 720 is a multiple of 1, 2, 3 and 4.
TEST(MarginFunction, PsiIsItsDefinition) {
  for (int m = 1; m <= 4; ++m)
    for (int i = 0; i <= 720; ++i) {
      const double theta = i * kPi / 720;
      EXPECT_NEAR(psi(m, std::cos(theta)).h, definition(m, theta), 1e-13) << m << " at " << theta;
    }
}

TEST(MarginFunction, PsiFallsWithTheAngleFromOneToOneMinusTwoM) {
  for (int m = 1; m <= 4; ++m) {
    EXPECT_EQ(psi(m, 1.0).h, 1);
    EXPECT_EQ(psi(m, -1.0).h, 1 - 2 * m);
    EXPECT_EQ(psi(m, -1.0f).h, static_cast<float>(1 - 2 * m));
    double before = 2;
    for (int i = 0; i <= 1000; ++i) {
      const MarginValue<double> value = psi(m, std::cos(i * kPi / 1000));
      EXPECT_LT(value.h, before + 1e-15);
      EXPECT_GE(value.dh, -1e-13);
      before = value.h;
    }
  }
}

TEST(MarginFunction, DerivativesAreDifferenceQuotients) {
  const double step = 1e-6;
  std::vector<Margin> all = angular();
  all.insert(all.end(), {Margin{}, {Margin::Kind::cosface, 0.35, 0}});
  for (double m : {2, 3, 4})
    for (double lambda : {0, 5}) all.push_back({Margin::Kind::a_softmax, m, lambda});
  for (const Margin& margin : all)
    for (int i = -97; i <= 97; ++i) {
      const double c = i / 100.0 + 0.003;
      const double slope = (margin_value(margin, c + step).h - margin_value(margin, c - step).h) / (2 * step);
      EXPECT_NEAR(margin_value(margin, c).dh, slope, 1e-7)
          << static_cast<int>(margin.kind) << " " << margin.m << " " << margin.m1 << " at " << c;
    }
}

TEST(MarginFunction, ArcFaceHasTheTabulatedValues) {
  struct Value {
    double c, threshold, easy, none;
  };
  const double turn = -std::cos(0.5);
  for (const Value& v : {Value{1, .877582562, .877582562, .877582562},
                         {.9, .580847558, .580847558, .580847558},
                         {0, -.479425539, 0, -.479425539},
                         {-.5, -.853985977, -.5, -.853985977},
                         {turn + 1e-12, -1, turn, -1},
                         {turn, -1.117295331, turn, -1},
                         {-.95, -1.189712769, -.95, -.983404010},
                         {-1, -1.239712769, -1, -.877582562}}) {
    EXPECT_NEAR(margin_value(arc(0.5), v.c).h, v.threshold, 1e-9) << v.c;
    EXPECT_NEAR(margin_value(arc(0.5, Rule::easy_margin), v.c).h, v.easy, 1e-9) << v.c;
    EXPECT_NEAR(margin_value(arc(0.5, Rule::none), v.c).h, v.none, 1e-9) << v.c;
  }
}

// The closed form needs no angle; the combined margin uses all three of its numbers.
TEST(MarginFunction, AnglesAreTheirDefinition) {
  for (int i = 0; i <= 100; ++i) {
    const double theta = i * kPi / 100, c = std::cos(theta);
    EXPECT_NEAR(margin_value(arc(0.5, Rule::none), c).h, std::cos(theta + 0.5), 1e-8) << theta;
    for (double m1 : {0.9, 1.0, 1.35})
      EXPECT_NEAR(margin_value(sum(m1, 0.4, 0.15), c).h, std::cos(m1 * theta + 0.4) - 0.15, 1e-8) << theta;
  }
}

TEST(MarginFunction, GuardedHFallsWithoutAJump) {
  for (double m1 : {1.0, 1.35, 2.5}) {
    const double turn = std::cos((kPi - 0.4) / m1);
    EXPECT_NEAR(margin_value(sum(m1, 0.4, 0.1, Guard::monotone), turn - 1e-9).h, -1.1, 1e-8) << m1;
    EXPECT_NEAR(margin_value(sum(m1, 0.4, 0.1, Guard::monotone), turn + 1e-9).h, -1.1, 1e-8) << m1;
    double before = 2;
    for (int i = 1; i < 1000; ++i) {
      const double c = std::cos(i * kPi / 1000);
      const MarginValue<double> guarded = margin_value(sum(m1, 0.4, 0.1, Guard::monotone), c);
      EXPECT_LT(guarded.h, before) << m1;
      EXPECT_GT(guarded.dh, 0) << m1;
      before = guarded.h;
      const MarginValue<double> plain = margin_value(sum(m1, 0.4, 0.1), c);
      EXPECT_TRUE(c < turn || guarded.h == plain.h) << m1 << " at " << c;
    }
    // dh/dtheta = -m1 behind it
    EXPECT_NEAR(margin_value(sum(m1, 0.4, 0.1, Guard::monotone), -1.0).h, -1.1 - (m1 * kPi + 0.4 - kPi),
                1e-12);
  }
}

// At c = +-1 the slope is bounded by m / 1e-6 in float, m / 1e-7 in double; without m2 it is the limit m1^2 at c = 1.
TEST(MarginFunction, SlopesAreBoundedAtTheEnds) {
  for (const Margin& margin : angular())
    for (float c : {1.0f, -1.0f}) {
      const MarginValue<float> value = margin_value(margin, c);
      EXPECT_TRUE(std::isfinite(value.h));
      EXPECT_LE(std::abs(value.dh), 2e6f);
      EXPECT_LE(std::abs(margin_value(margin, static_cast<double>(c)).dh), 2e7);
    }
  EXPECT_NEAR(margin_value(sum(1.35, 0, 0), 1.0).dh, 1.35 * 1.35, 1e-7);
  EXPECT_NEAR(margin_value(sum(1.35, 0, 0), 1.0f).dh, 1.35f * 1.35f, 1e-5f);
}

TEST(MarginFunction, KnownIdentities) {
  const double c = 0.37;
  EXPECT_EQ(margin_value(Margin{}, c).h, c);
  EXPECT_EQ(margin_value(Margin{Margin::Kind::cosface, 0, 0}, c).h, c);
  EXPECT_EQ(margin_value(Margin{Margin::Kind::cosface, 0.35, 0}, c).h, c - 0.35);
  EXPECT_NEAR(margin_value(Margin{Margin::Kind::a_softmax, 1, 5}, c).h, c,
              1e-15);  // m = 1: no margin for any lambda
  const double annealed = margin_value(Margin{Margin::Kind::a_softmax, 4, 5}, c).h;
  EXPECT_NEAR(annealed, (5 * c + psi(4, c).h) / 6, 1e-15);
}

// The float of a double c; where a slope holds 1 / sin(theta), away from the ends.
TEST(MarginFunction, AnglesInFloatFollowDouble) {
  for (const Margin& margin : angular())
    for (int i = -99; i <= 99; ++i) {
      const float c = static_cast<float>(i) / 100 + 0.003f;
      const MarginValue<double> exact = margin_value(margin, static_cast<double>(c));
      const MarginValue<float> got = margin_value(margin, c);
      EXPECT_NEAR(got.h, exact.h, 2e-6) << static_cast<int>(margin.kind) << " at " << c;
      EXPECT_NEAR(got.dh, exact.dh, 2e-5 * std::max(1.0, exact.dh))
          << static_cast<int>(margin.kind) << " at " << c;
    }
}

TEST(MarginFunction, ScaledMargins) {
  EXPECT_EQ(scaled_margin({Margin::Kind::cosface, 0.4, 0}, 0.5).m, 0.2);
  EXPECT_EQ(scaled_margin({Margin::Kind::cosface, 0.4, 0}, 10).m, 4);
  EXPECT_EQ(scaled_margin(arc(0.5), 10).m, kPi / 2);
  EXPECT_EQ(scaled_margin(sum(1, 0.4, 0.15), 10).m2, kPi / 2);
  for (double c = -0.99; c < 1; c += 0.01) EXPECT_LT(margin_value(scaled_margin(arc(0.5), 10), c).h, c) << c;
  for (double c = 0; c < 1; c += 0.01)
    EXPECT_LT(margin_value(scaled_margin(sum(1, 0.4, 0), 10), c).h, c) << c;
  const Margin doubled = scaled_margin(sum(1.25, 0.4, 0.15), 2);
  EXPECT_EQ(doubled.m1, 1.5);
  EXPECT_EQ(doubled.m2, 0.8);
  EXPECT_EQ(doubled.m3, 0.3);
  EXPECT_EQ(margin_value(scaled_margin(sum(0.9, 0.4, 0.15), 0), 0.37).h, 0.37);
}

TEST(MarginFunction, FloatFollowsDouble) {
  for (int m = 1; m <= 4; ++m)
    for (int i = -1000; i <= 1000; ++i) {
      const float c = static_cast<float>(i) / 1000;
      EXPECT_NEAR(psi(m, c).h, psi(m, static_cast<double>(c)).h, 1e-6) << m << " at " << c;
    }
}

}  // namespace
}  // namespace fr
