// bfloat16: what rounding to it does, over every value and between them.
#include "base/bfloat16.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

namespace fr {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

uint16_t rounded(float x) { return bfloat16(x).bits; }
float value(int bits) { return bfloat16::of_bits(static_cast<uint16_t>(bits)); }

TEST(Bfloat16, KnownValues) {
  EXPECT_EQ(rounded(1), 0x3f80);
  EXPECT_EQ(rounded(-2), 0xc000);
  EXPECT_EQ(rounded(0.0f), 0x0000);
  EXPECT_EQ(rounded(-0.0f), 0x8000);
  EXPECT_EQ(rounded(3.14159265f), 0x4049);
  EXPECT_EQ(rounded(kInfinity), 0x7f80);
  EXPECT_EQ(rounded(-kInfinity), 0xff80);
  EXPECT_EQ(value(0x4049), 3.140625f);
}

TEST(Bfloat16, EveryValueComesBack) {
  for (int bits = 0; bits < 0x10000; ++bits) {
    const float x = value(bits);
    if (std::isnan(x))
      EXPECT_TRUE(std::isnan(value(rounded(x)))) << std::hex << bits;
    else
      EXPECT_EQ(rounded(x), bits) << std::hex << bits;
  }
}

// Halfway between two neighbours goes to the even one, a float to either side of halfway to the nearer; subnormals and
// the step from the largest number to infinity are no exception.
TEST(Bfloat16, RoundsToTheNearestAndTiesToEven) {
  for (int bits = 0; bits < 0x7f80; ++bits)
    for (const int sign : {0, 0x8000}) {
      const auto halfway = (static_cast<uint32_t>(bits | sign) << 16) + 0x8000;
      EXPECT_EQ(rounded(std::bit_cast<float>(halfway)), (bits + bits % 2) | sign) << std::hex << bits;
      EXPECT_EQ(rounded(std::bit_cast<float>(halfway - 1)), bits | sign) << std::hex << bits;
      EXPECT_EQ(rounded(std::bit_cast<float>(halfway + 1)), (bits + 1) | sign) << std::hex << bits;
    }
}

TEST(Bfloat16, LargeNumbersBecomeInfinite) {
  EXPECT_EQ(rounded(std::numeric_limits<float>::max()), 0x7f80);
  EXPECT_EQ(rounded(-std::numeric_limits<float>::max()), 0xff80);
  EXPECT_EQ(value(0x7f7f), std::ldexp(255.0f, 120));
}

TEST(Bfloat16, SubnormalsStay) {
  EXPECT_EQ(value(0x0001), std::ldexp(1.0f, -133));
  EXPECT_EQ(rounded(std::numeric_limits<float>::denorm_min()), 0);
  EXPECT_EQ(rounded(std::ldexp(1.0f, -134)), 0);       // a tie, to the even 0
  EXPECT_EQ(rounded(std::ldexp(1.5f, -134)), 1);       // above it
  EXPECT_EQ(rounded(std::ldexp(255.9f, -134)), 0x80);  // up to the smallest normal number
}

// A NaN stays one and keeps its sign, even where all its set bits lie in the lower half.
TEST(Bfloat16, NotANumberStays) {
  for (const uint32_t bits : {0x7f800001u, 0x7f80ffffu, 0x7fc00000u, 0x7fffffffu, 0xff800001u, 0xffffffffu}) {
    const uint16_t low = rounded(std::bit_cast<float>(bits));
    EXPECT_TRUE(std::isnan(value(low))) << std::hex << bits;
    EXPECT_EQ(low >> 15, bits >> 31);
  }
}

}  // namespace
}  // namespace fr
