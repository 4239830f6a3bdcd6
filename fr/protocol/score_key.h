// Finite floats as whole numbers in the same order, so that scores can be counted by their leading bits: bins of 2^12 keys,
// 2^20 of them. A bin of scores near 0.3 is 2^-13 wide. Plain functions on one number.
#pragma once
#include <bit>
#include <cstdint>

namespace fr {

constexpr int kFineBits = 12;
constexpr int64_t kFine = int64_t{1} << kFineBits;          // keys in a bin
constexpr int64_t kBins = int64_t{1} << (32 - kFineBits);   // from the lowest scores to the highest
constexpr int64_t kFirstFinite = 0x00800000 >> kFineBits;   // the bins before it hold -infinity and NaN,
constexpr int64_t kBehindFinite = 0xff800000 >> kFineBits;  // those from it on infinity and NaN

// -0 and 0 have the same key.
inline uint32_t key_of(float score) {
  const auto bits = std::bit_cast<uint32_t>(score + 0.0f);
  return bits ^ (static_cast<uint32_t>(static_cast<int32_t>(bits) >> 31) | 0x80000000u);
}
inline float score_of(uint32_t key) { return std::bit_cast<float>(key >> 31 ? key ^ 0x80000000u : ~key); }
inline int64_t bin_of(uint32_t key) { return key >> kFineBits; }
inline uint32_t first_key(int64_t bin) { return static_cast<uint32_t>(bin << kFineBits); }

}  // namespace fr
