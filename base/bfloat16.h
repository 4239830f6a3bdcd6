// bfloat16: the upper half of a float, 8 bits of precision. Storage only: arithmetic is done in float.
#pragma once
#include <bit>
#include <cstdint>
#include <type_traits>

#ifdef __CUDACC__
#define FR_HOST_DEVICE __host__ __device__
#else
#define FR_HOST_DEVICE
#endif

namespace fr {

struct bfloat16 {
  uint16_t bits;

  bfloat16() = default;
  // To the nearest, ties to even; NaN stays NaN.
  FR_HOST_DEVICE bfloat16(float value) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
    asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(bits) : "f"(value));
#else
    const uint32_t u = std::bit_cast<uint32_t>(value);
    const bool nan = (u & 0x7fffffffu) > 0x7f800000u;
    bits = static_cast<uint16_t>(nan ? (u >> 16) | 0x40u : (u + 0x7fffu + ((u >> 16) & 1u)) >> 16);
#endif
  }
  FR_HOST_DEVICE static bfloat16 of_bits(uint16_t bits) {
    bfloat16 value;
    value.bits = bits;
    return value;
  }
  FR_HOST_DEVICE operator float() const { return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16); }
};
static_assert(sizeof(bfloat16) == 2);

// What is never rounded to bfloat16, whatever the element type: per-channel parameters, statistics, scores, losses and the
// gradients of weights. Wide<bfloat16> is float, otherwise Wide<T> is T.
template <class T>
using Wide = std::conditional_t<std::is_same_v<T, bfloat16>, float, T>;

}  // namespace fr
