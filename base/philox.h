// Counter-based random numbers: Philox4x32-10 (Salmon, Moraes, Dror, Shaw 2011, "Parallel random numbers: as
// easy as 1, 2, 3"). A draw is a pure function of (seed, purpose, step, index), so the number of threads, the
// prefetch depth or a restart cannot change it, and the CPU and the GPU draw the same numbers.
#pragma once
#include <array>
#include <cmath>
#include <cstdint>

#include "base/bfloat16.h"

namespace fr {

// What the numbers are for. Two purposes never share a stream. Values are part of the checkpoint format: only
// append.
enum class Purpose : uint32_t {
  initialise = 1,
  shuffle = 2,
  augment = 3,
  dropout = 4,
  identity = 5,  // the synthetic renderer: a person's parameters
  sample = 6,    // the synthetic renderer: one picture of the person
  sampler = 7,
  test = 8,
  pairs = 9,      // which pairs of a batch a loss draws
  crossing = 10,  // which classes of other data sets a loss keeps
};

struct PhiloxKey {
  uint64_t seed = 0;
  Purpose purpose = Purpose::test;
  uint64_t step =
      0;  // training step, epoch, identity: whatever outer counter the purpose has (48 bits are used)
  uint32_t stream = 0;                // layer number, worker-independent sub-stream (16 bits are used)
  const uint64_t* step_at = nullptr;  // where the step lies in the kernels' memory, instead
};

constexpr int kPhiloxRounds = 10;
// The words of key and counter that do not change from block to block.
struct PhiloxStart {
  uint32_t c2, c3, k0, k1;
  FR_HOST_DEVICE explicit PhiloxStart(const PhiloxKey& k) : PhiloxStart(k, k.step_at ? *k.step_at : k.step) {}

 private:
  FR_HOST_DEVICE PhiloxStart(const PhiloxKey& k, uint64_t step)
      : c2(static_cast<uint32_t>(step)),
        c3(static_cast<uint32_t>((step >> 32) & 0xffff) | (k.stream << 16)),
        k0(static_cast<uint32_t>(k.seed) ^ (static_cast<uint32_t>(k.purpose) * 0x9E3779B1u)),
        k1(static_cast<uint32_t>(k.seed >> 32)) {}
};
FR_HOST_DEVICE static inline void philox_round(uint32_t& c0, uint32_t& c1, uint32_t& c2, uint32_t& c3,
                                               uint32_t k0, uint32_t k1) {
  const uint64_t p0 = uint64_t{0xD2511F53u} * c0, p1 = uint64_t{0xCD9E8D57u} * c2;
  c0 = static_cast<uint32_t>(p1 >> 32) ^ c1 ^ k0, c1 = static_cast<uint32_t>(p1);
  c2 = static_cast<uint32_t>(p0 >> 32) ^ c3 ^ k1, c3 = static_cast<uint32_t>(p0);
}
FR_HOST_DEVICE static inline void philox_next(uint32_t& k0, uint32_t& k1) {
  k0 += 0x9E3779B9u, k1 += 0xBB67AE85u;
}

// Four 32-bit words for counter block `block` of the key's stream.
FR_HOST_DEVICE static inline std::array<uint32_t, 4> philox4x32(const PhiloxKey& k, uint64_t block) {
  PhiloxStart s(k);
  uint32_t c0 = static_cast<uint32_t>(block), c1 = static_cast<uint32_t>(block >> 32), c2 = s.c2, c3 = s.c3;
  for (int round = 0; round < kPhiloxRounds; ++round, philox_next(s.k0, s.k1))
    philox_round(c0, c1, c2, c3, s.k0, s.k1);
  return {c0, c1, c2, c3};
}

// [0, 1) with 24 random bits: exact in float, the same on every backend.
FR_HOST_DEVICE static inline float uniform_from_bits(uint32_t bits) {
  return static_cast<float>(bits >> 8) * 0x1p-24f;
}

// A sequence of draws from one key. Copyable; two copies draw the same numbers.
class Random {
 public:
  explicit Random(PhiloxKey key) : key_(key) {}
  uint32_t bits() {
    if (used_ == 4) words_ = philox4x32(key_, block_++), used_ = 0;
    return words_[used_++];
  }
  double uniform() { return (bits() >> 5) * 0x1p-27; }  // [0, 1)
  double uniform(double low, double high) { return low + (high - low) * uniform(); }
  // Integer in [0, n), unbiased to 2^-32 n; n >= 1.
  uint32_t below(uint32_t n) { return static_cast<uint32_t>((uint64_t{bits()} * n) >> 32); }
  bool chance(double p) { return uniform() < p; }
  // Box-Muller, cosine branch: two words a draw.
  double normal() {
    const double u = 1.0 - uniform(), v = uniform();
    return std::sqrt(-2.0 * std::log(u)) * std::cos(6.283185307179586 * v);
  }

 private:
  PhiloxKey key_;
  uint64_t block_ = 0;
  std::array<uint32_t, 4> words_{};
  int used_ = 4;
};

}  // namespace fr
