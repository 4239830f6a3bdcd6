// The few vector operations the blocked matrix product needs, once per instruction set.
// Private to gemm.cpp and conv2d.cpp.
#pragma once
#include "tensor/cpu/simd/gemm_micro.h"
#include "tensor/cpu/simd/loops.h"

namespace fr::FR_ISA {
namespace {

#ifdef __AVX512F__
using Vec = __m512;
FR_INLINE Vec vec_zero() { return _mm512_setzero_ps(); }
FR_INLINE Vec vec_set(float v) { return _mm512_set1_ps(v); }
FR_INLINE Vec vec_load(const float* p) { return _mm512_loadu_ps(p); }
FR_INLINE void vec_store(float* p, Vec v) { _mm512_storeu_ps(p, v); }
FR_INLINE Vec vec_fma(Vec a, Vec b, Vec c) { return _mm512_fmadd_ps(a, b, c); }
FR_INLINE Vec vec_mul(Vec a, Vec b) { return _mm512_mul_ps(a, b); }
FR_INLINE Vec vec_add(Vec a, Vec b) { return _mm512_add_ps(a, b); }
// u > 0 ? u : slope u
FR_INLINE Vec vec_prelu(Vec u, Vec slope) {
  return _mm512_mask_mul_ps(u, _mm512_cmp_ps_mask(u, _mm512_setzero_ps(), _CMP_LE_OQ), u, slope);
}
// The first n lanes, 0 <= n <= kWidth.
using Mask = __mmask16;
FR_INLINE Mask first_lanes(int n) { return static_cast<Mask>((1u << n) - 1); }
FR_INLINE Vec vec_load(const float* p, Mask m) { return _mm512_maskz_loadu_ps(m, p); }
FR_INLINE void vec_store(float* p, Vec v, Mask m) { _mm512_mask_storeu_ps(p, m, v); }
#else
using Vec = __m256;
FR_INLINE Vec vec_zero() { return _mm256_setzero_ps(); }
FR_INLINE Vec vec_set(float v) { return _mm256_set1_ps(v); }
FR_INLINE Vec vec_load(const float* p) { return _mm256_loadu_ps(p); }
FR_INLINE void vec_store(float* p, Vec v) { _mm256_storeu_ps(p, v); }
FR_INLINE Vec vec_fma(Vec a, Vec b, Vec c) { return _mm256_fmadd_ps(a, b, c); }
FR_INLINE Vec vec_mul(Vec a, Vec b) { return _mm256_mul_ps(a, b); }
FR_INLINE Vec vec_add(Vec a, Vec b) { return _mm256_add_ps(a, b); }
FR_INLINE Vec vec_prelu(Vec u, Vec slope) {
  return _mm256_blendv_ps(u, _mm256_mul_ps(u, slope), _mm256_cmp_ps(u, _mm256_setzero_ps(), _CMP_LE_OQ));
}
using Mask = __m256i;
FR_INLINE Mask first_lanes(int n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
FR_INLINE Vec vec_load(const float* p, Mask m) { return _mm256_maskload_ps(p, m); }
FR_INLINE void vec_store(float* p, Vec v, Mask m) { _mm256_maskstore_ps(p, m, v); }
#endif

// f(c) or f(c, mask) for vectors of channels.
template <class F>
FR_INLINE void for_channels(int64_t C, const F& f) {
  int64_t c = 0;
  for (; c + kWidth <= C; c += kWidth) f(c);
  if (c < C) f(c, first_lanes(static_cast<int>(C - c)));
}

// y_i = x_i, i < n
FR_INLINE void copy_floats(float* y, const float* x, int64_t n) {
  int64_t i = 0;
  for (; i + kWidth <= n; i += kWidth) vec_store(y + i, vec_load(x + i));
#ifdef __AVX512F__
  if (i < n)
    vec_store(y + i, vec_load(x + i, first_lanes(static_cast<int>(n - i))),
              first_lanes(static_cast<int>(n - i)));
#else
  for (; i < n; ++i) y[i] = x[i];
#endif
}
FR_INLINE void zero_floats(float* y, int64_t n) {
  int64_t i = 0;
  for (; i + kWidth <= n; i += kWidth) vec_store(y + i, vec_zero());
  for (; i < n; ++i) y[i] = 0;
}

// Transposes 4 columns of kWidth rows: v[j] holds in its 128-bit lane l the floats k..k+3 of row 4 l + j;
// afterwards v[j] holds column k + j of all rows.
FR_INLINE void transpose_lanes(Vec (&v)[4]) {
#ifdef __AVX512F__
  // The zeroing forms with a full mask: the plain intrinsics make gcc 12 warn of an uninitialised operand.
  const Mask all = 0xffff;
  const __m512 a = _mm512_maskz_unpacklo_ps(all, v[0], v[1]), b = _mm512_maskz_unpackhi_ps(all, v[0], v[1]);
  const __m512 c = _mm512_maskz_unpacklo_ps(all, v[2], v[3]), d = _mm512_maskz_unpackhi_ps(all, v[2], v[3]);
  v[0] = _mm512_maskz_shuffle_ps(all, a, c, 0x44), v[1] = _mm512_maskz_shuffle_ps(all, a, c, 0xee);
  v[2] = _mm512_maskz_shuffle_ps(all, b, d, 0x44), v[3] = _mm512_maskz_shuffle_ps(all, b, d, 0xee);
#else
  const __m256 a = _mm256_unpacklo_ps(v[0], v[1]), b = _mm256_unpackhi_ps(v[0], v[1]);
  const __m256 c = _mm256_unpacklo_ps(v[2], v[3]), d = _mm256_unpackhi_ps(v[2], v[3]);
  v[0] = _mm256_shuffle_ps(a, c, 0x44), v[1] = _mm256_shuffle_ps(a, c, 0xee);
  v[2] = _mm256_shuffle_ps(b, d, 0x44), v[3] = _mm256_shuffle_ps(b, d, 0xee);
#endif
}

// Lane L of v <- 4 floats at p. Inserting from memory is not a shuffle: it leaves port 5 to transpose_lanes.
template <int L>
FR_INLINE Vec insert_lane(Vec v, const float* p) {
#ifdef __AVX512F__
  if constexpr (L == 0)
    return _mm512_castps128_ps512(_mm_loadu_ps(p));
  else
    return _mm512_maskz_insertf32x4(0xffff, v, _mm_loadu_ps(p), L);
#else
  if constexpr (L == 0)
    return _mm256_castps128_ps256(_mm_loadu_ps(p));
  else
    return _mm256_insertf128_ps(v, _mm_loadu_ps(p), L);
#endif
}

// Columns k .. k + 4 Q - 1 of kWidth rows, column c to dst + c step.
template <int Q>
FR_INLINE void transpose_quads(float* dst, int64_t step, const float* const* rows, int64_t k) {
  Vec v[Q][4];
  unroll<kWidth>(FR_LAMBDA(i) {
    constexpr int lane = i.value / 4, j = i.value % 4;
    constexpr int row = lane * 4 + j;
    const float* p = rows[row] + k;
    unroll<Q>(FR_LAMBDA(q) { v[q.value][j] = insert_lane<lane>(v[q.value][j], p + 4 * q.value); });
  });
  unroll<Q>(FR_LAMBDA(q) {
    transpose_lanes(v[q.value]);
    unroll<4>(FR_LAMBDA(j) { vec_store(dst + (4 * q.value + j.value) * step, v[q.value][j.value]); });
  });
}

// dst[k step + i] = rows[i][k], k < count, i < kWidth (a store spills past `step` when step < kWidth: the next column
// overwrites it, and after the last one the buffer must have kWidth floats to spare).
FR_INLINE void transpose_rows(float* dst, int64_t step, const float* const* rows, int64_t count) {
  constexpr int kQuads = kWidth / 4;
  int64_t k = 0;
  for (; k + 4 * kQuads <= count; k += 4 * kQuads) transpose_quads<kQuads>(dst + k * step, step, rows, k);
  for (; k + 4 <= count; k += 4) transpose_quads<1>(dst + k * step, step, rows, k);
  for (; k < count; ++k)
    for (int i = 0; i < kWidth; ++i) dst[k * step + i] = rows[i][k];
}

}  // namespace
}  // namespace fr::FR_ISA
