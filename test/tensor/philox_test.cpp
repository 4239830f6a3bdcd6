// Philox4x32-10 against the published answers of its authors, and the draws made from it.
#include "base/philox.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "tensor/kernels.h"

namespace fr {
namespace {

// The key words are (seed low ^ purpose constant, seed high), the counter (block low, high, step, step high | stream).
PhiloxKey key_of(uint32_t k0, uint32_t k1, uint32_t c2, uint32_t c3) {
  const uint32_t purpose = static_cast<uint32_t>(Purpose::test) * 0x9E3779B1u;
  return {.seed = uint64_t{k1} << 32 | (k0 ^ purpose),
          .purpose = Purpose::test,
          .step = uint64_t{c3 & 0xffff} << 32 | c2,
          .stream = c3 >> 16};
}

using Words = std::array<uint32_t, 4>;

// Known answers of the Random123 distribution (Salmon et al. 2011), philox4x32, 10 rounds.
TEST(Philox, KnownAnswers) {
  EXPECT_EQ(philox4x32(key_of(0, 0, 0, 0), 0), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  const uint32_t f = 0xffffffffu;
  EXPECT_EQ(philox4x32(key_of(f, f, f, f), ~uint64_t{0}),
            (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox4x32(key_of(0xa4093822, 0x299f31d0, 0x13198a2e, 0x03707344), 0x85a308d3243f6a88u),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Philox, KeysDoNotShareStreams) {
  const PhiloxKey base{.seed = 1, .purpose = Purpose::dropout, .step = 2, .stream = 3};
  std::vector<PhiloxKey> others(4, base);
  others[0].seed = 2, others[1].purpose = Purpose::augment, others[2].step = 3, others[3].stream = 4;
  for (const PhiloxKey& other : others) EXPECT_NE(philox4x32(base, 0), philox4x32(other, 0));
  EXPECT_NE(philox4x32(base, 0), philox4x32(base, 1));
}

TEST(Philox, UniformFromBitsStaysBelowOne) {
  EXPECT_EQ(uniform_from_bits(0), 0);
  EXPECT_LT(uniform_from_bits(0xffffffffu), 1);
  EXPECT_EQ(uniform_from_bits(0x80000000u), 0.5f);
}

// Means and variances over 2^18 draws; the bounds are five standard errors.
TEST(Philox, MomentsOfTheDraws) {
  constexpr int kDraws = 1 << 18;
  Random random({.seed = 42});
  double sum = 0, squares = 0, normal_sum = 0, normal_squares = 0;
  for (int i = 0; i < kDraws; ++i) {
    const double u = random.uniform(), g = random.normal();
    sum += u, squares += u * u, normal_sum += g, normal_squares += g * g;
  }
  EXPECT_NEAR(sum / kDraws, 0.5, 5 * std::sqrt(1.0 / 12 / kDraws));
  EXPECT_NEAR(squares / kDraws, 1.0 / 3, 5 * std::sqrt(4.0 / 45 / kDraws));
  EXPECT_NEAR(normal_sum / kDraws, 0, 5 * std::sqrt(1.0 / kDraws));
  EXPECT_NEAR(normal_squares / kDraws, 1, 5 * std::sqrt(2.0 / kDraws));
}

TEST(Philox, BelowIsInRangeAndHitsAll) {
  Random random({.seed = 7});
  std::vector<int> hits(7, 0);
  for (int i = 0; i < 7000; ++i) ++hits.at(random.below(7));
  for (const int count : hits) EXPECT_NEAR(count, 1000, 5 * std::sqrt(1000.0 * 6 / 7));
}

// Dropout is defined by the words themselves, element by element, on every backend.
TEST(Philox, DropoutUsesTheDocumentedWords) {
  const PhiloxKey key{.seed = 5, .purpose = Purpose::dropout, .step = 9, .stream = 2};
  const double p = 0.3;
  constexpr int64_t n = 1003;
  const std::vector<float> x(n, 1.0f);
  for (const Kernels<float>* k : all_backends()) {
    std::vector<float> y(n);
    k->dropout_forward(y.data(), x.data(), key, p, n);
    for (int64_t i = 0; i < n; ++i) {
      const bool dropped =
          uniform_from_bits(philox4x32(key, static_cast<uint64_t>(i / 4))[static_cast<size_t>(i % 4)]) < p;
      ASSERT_EQ(y[static_cast<size_t>(i)] == 0, dropped) << k->name << " " << i;
    }
    EXPECT_NEAR(static_cast<double>(std::count(y.begin(), y.end(), 0.0f)), p * n,
                5 * std::sqrt(n * p * (1 - p)));
  }
}

}  // namespace
}  // namespace fr
