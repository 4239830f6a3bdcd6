// Target functions of the margin losses against the definition, tabulated values and difference quotients.
#include "tensor/margin_function.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace fr {
namespace {

constexpr double kPi = 3.14159265358979323846;

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
  for (const Margin& margin : {Margin{}, Margin{Margin::Kind::cosface, 0.35, 0},
                               Margin{Margin::Kind::a_softmax, 2, 0}, Margin{Margin::Kind::a_softmax, 3, 0},
                               Margin{Margin::Kind::a_softmax, 4, 0}, Margin{Margin::Kind::a_softmax, 4, 5}})
    for (int i = -97; i <= 97; ++i) {
      const double c = i / 100.0 + 0.003;
      const double slope = (margin_value(margin, c + step).h - margin_value(margin, c - step).h) / (2 * step);
      EXPECT_NEAR(margin_value(margin, c).dh, slope, 1e-7)
          << static_cast<int>(margin.kind) << " " << margin.m << " at " << c;
    }
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

TEST(MarginFunction, FloatFollowsDouble) {
  for (int m = 1; m <= 4; ++m)
    for (int i = -1000; i <= 1000; ++i) {
      const float c = static_cast<float>(i) / 1000;
      EXPECT_NEAR(psi(m, c).h, psi(m, static_cast<double>(c)).h, 1e-6) << m << " at " << c;
    }
}

}  // namespace
}  // namespace fr
