// A register of floats: Vec has 8 lanes under AVX2 and 16 under AVX-512, and the kernels of this folder are
// written once on top of it. A loop over n floats is for_vectors(n, f): f(i, lanes) with `lanes` All for
// whole vectors and Some for the rest, so the remainder has no code of its own. Lanes that are not loaded are
// 0 and are never stored.
#pragma once
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // gcc 12 says so of its own AVX-512 header
#endif
#include <math.h>

#include "tensor/cpu/simd/simd.h"

namespace fr::FR_ISA {
namespace {

#define FR_VEC inline __attribute__((always_inline))

#ifdef __AVX512F__
using Register = __m512;
using DoubleRegister = __m512d;
using IntRegister = __m512i;
using MaskRegister = __mmask16;
#else
using Register = __m256;
using DoubleRegister = __m256d;
using IntRegister = __m256i;
using MaskRegister = __m256;
#endif

struct All {};  // every lane
struct Some {   // the first n lanes, 0 < n < width
#ifdef __AVX512F__
  MaskRegister m;
  FR_VEC explicit Some(int64_t n) : m(static_cast<MaskRegister>((1u << n) - 1)) {}
#else
  IntRegister m;
  FR_VEC explicit Some(int64_t n)
      : m(_mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n)),
                             _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7))) {}
#endif
};

struct Mask {
  MaskRegister m;
};

struct Vec {
  Register v;
#ifdef __AVX512F__
  static constexpr int64_t width = 16;
  static FR_VEC Vec set(float x) { return {_mm512_set1_ps(x)}; }
  static FR_VEC Vec load(const float* p, All = {}) { return {_mm512_loadu_ps(p)}; }
  static FR_VEC Vec load(const float* p, Some s) { return {_mm512_maskz_loadu_ps(s.m, p)}; }
  FR_VEC void store(float* p, All = {}) const { _mm512_storeu_ps(p, v); }
  FR_VEC void store(float* p, Some s) const { _mm512_mask_storeu_ps(p, s.m, v); }
#else
  static constexpr int64_t width = 8;
  static FR_VEC Vec set(float x) { return {_mm256_set1_ps(x)}; }
  static FR_VEC Vec load(const float* p, All = {}) { return {_mm256_loadu_ps(p)}; }
  static FR_VEC Vec load(const float* p, Some s) { return {_mm256_maskload_ps(p, s.m)}; }
  FR_VEC void store(float* p, All = {}) const { _mm256_storeu_ps(p, v); }
  FR_VEC void store(float* p, Some s) const { _mm256_maskstore_ps(p, s.m, v); }
#endif
};

#ifdef __AVX512F__
FR_VEC Vec operator+(Vec a, Vec b) { return {_mm512_add_ps(a.v, b.v)}; }
FR_VEC Vec operator-(Vec a, Vec b) { return {_mm512_sub_ps(a.v, b.v)}; }
FR_VEC Vec operator*(Vec a, Vec b) { return {_mm512_mul_ps(a.v, b.v)}; }
FR_VEC Vec fma(Vec a, Vec b, Vec c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }    // a b + c
FR_VEC Vec fnma(Vec a, Vec b, Vec c) { return {_mm512_fnmadd_ps(a.v, b.v, c.v)}; }  // c - a b
// A NaN in b, the second operand, passes; one in a gives b.
FR_VEC Vec min(Vec a, Vec b) { return {_mm512_min_ps(a.v, b.v)}; }
FR_VEC Vec max(Vec a, Vec b) { return {_mm512_max_ps(a.v, b.v)}; }
FR_VEC Mask positive(Vec a) { return {_mm512_cmp_ps_mask(a.v, _mm512_setzero_ps(), _CMP_GT_OQ)}; }
FR_VEC Mask is_nan(Vec a) { return {_mm512_cmp_ps_mask(a.v, a.v, _CMP_UNORD_Q)}; }
// The order of every maximum in the contract: a > b, or a is NaN and b is not.
FR_VEC Mask larger(Vec a, Vec b) {
  return {_mm512_mask_cmp_ps_mask(_mm512_cmp_ps_mask(b.v, b.v, _CMP_ORD_Q), a.v, b.v, _CMP_NLE_UQ)};
}
FR_VEC Mask above_or_nan(Vec a, Vec b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_NLE_UQ)}; }  // not a <= b
FR_VEC Vec select(Mask m, Vec yes, Vec no) { return {_mm512_mask_blend_ps(m.m, no.v, yes.v)}; }
FR_VEC Vec keep(Some s, Vec inside, Vec outside) { return {_mm512_mask_blend_ps(s.m, outside.v, inside.v)}; }
FR_VEC Mask operator|(Mask a, Mask b) { return {static_cast<MaskRegister>(a.m | b.m)}; }
FR_VEC bool any(Mask m) { return m.m != 0; }
FR_VEC uint32_t lane_bits(Mask m) { return m.m; }
#else
FR_VEC Vec operator+(Vec a, Vec b) { return {_mm256_add_ps(a.v, b.v)}; }
FR_VEC Vec operator-(Vec a, Vec b) { return {_mm256_sub_ps(a.v, b.v)}; }
FR_VEC Vec operator*(Vec a, Vec b) { return {_mm256_mul_ps(a.v, b.v)}; }
FR_VEC Vec fma(Vec a, Vec b, Vec c) { return {_mm256_fmadd_ps(a.v, b.v, c.v)}; }
FR_VEC Vec fnma(Vec a, Vec b, Vec c) { return {_mm256_fnmadd_ps(a.v, b.v, c.v)}; }
FR_VEC Vec min(Vec a, Vec b) { return {_mm256_min_ps(a.v, b.v)}; }
FR_VEC Vec max(Vec a, Vec b) { return {_mm256_max_ps(a.v, b.v)}; }
FR_VEC Mask positive(Vec a) { return {_mm256_cmp_ps(a.v, _mm256_setzero_ps(), _CMP_GT_OQ)}; }
FR_VEC Mask is_nan(Vec a) { return {_mm256_cmp_ps(a.v, a.v, _CMP_UNORD_Q)}; }
FR_VEC Mask larger(Vec a, Vec b) {
  return {_mm256_and_ps(_mm256_cmp_ps(a.v, b.v, _CMP_NLE_UQ), _mm256_cmp_ps(b.v, b.v, _CMP_ORD_Q))};
}
FR_VEC Mask above_or_nan(Vec a, Vec b) { return {_mm256_cmp_ps(a.v, b.v, _CMP_NLE_UQ)}; }
FR_VEC Vec select(Mask m, Vec yes, Vec no) { return {_mm256_blendv_ps(no.v, yes.v, m.m)}; }
FR_VEC Vec keep(Some s, Vec inside, Vec outside) {
  return {_mm256_blendv_ps(outside.v, inside.v, _mm256_castsi256_ps(s.m))};
}
FR_VEC Mask operator|(Mask a, Mask b) { return {_mm256_or_ps(a.m, b.m)}; }
FR_VEC bool any(Mask m) { return _mm256_movemask_ps(m.m) != 0; }
FR_VEC uint32_t lane_bits(Mask m) { return static_cast<uint32_t>(_mm256_movemask_ps(m.m)); }
#endif
FR_VEC Vec keep(All, Vec inside, Vec) { return inside; }

// Sums in double: the lower and the upper half of a Vec have their own accumulators.
struct DoubleSum {
  DoubleRegister low, high;
#ifdef __AVX512F__
  FR_VEC DoubleSum() : low(_mm512_setzero_pd()), high(_mm512_setzero_pd()) {}
  static FR_VEC DoubleRegister lower(Vec a) { return _mm512_cvtps_pd(_mm512_castps512_ps256(a.v)); }
  static FR_VEC DoubleRegister upper(Vec a) { return _mm512_cvtps_pd(_mm512_extractf32x8_ps(a.v, 1)); }
  FR_VEC void add(Vec a) {
    low = _mm512_add_pd(low, lower(a));
    high = _mm512_add_pd(high, upper(a));
  }
  FR_VEC void add_product(Vec a, Vec b) {
    low = _mm512_fmadd_pd(lower(a), lower(b), low);
    high = _mm512_fmadd_pd(upper(a), upper(b), high);
  }
#else
  FR_VEC DoubleSum() : low(_mm256_setzero_pd()), high(_mm256_setzero_pd()) {}
  static FR_VEC DoubleRegister lower(Vec a) { return _mm256_cvtps_pd(_mm256_castps256_ps128(a.v)); }
  static FR_VEC DoubleRegister upper(Vec a) { return _mm256_cvtps_pd(_mm256_extractf128_ps(a.v, 1)); }
  FR_VEC void add(Vec a) {
    low = _mm256_add_pd(low, lower(a));
    high = _mm256_add_pd(high, upper(a));
  }
  FR_VEC void add_product(Vec a, Vec b) {
    low = _mm256_fmadd_pd(lower(a), lower(b), low);
    high = _mm256_fmadd_pd(upper(a), upper(b), high);
  }
#endif
  FR_VEC double total() const {
    constexpr int kHalf = Vec::width / 2;
    double lanes[2 * kHalf], sum = 0;
#ifdef __AVX512F__
    _mm512_storeu_pd(lanes, low), _mm512_storeu_pd(lanes + kHalf, high);
#else
    _mm256_storeu_pd(lanes, low), _mm256_storeu_pd(lanes + kHalf, high);
#endif
    for (const double lane : lanes) sum += lane;
    return sum;
  }
};

// 32-bit integers, one per lane: indices of a running maximum.
struct Int {
  IntRegister v;
#ifdef __AVX512F__
  static FR_VEC Int set(int32_t x) { return {_mm512_set1_epi32(x)}; }
  static FR_VEC Int count_from(int32_t x) {
    return {_mm512_add_epi32(_mm512_set1_epi32(x),
                             _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15))};
  }
  FR_VEC void store(int32_t* p) const { _mm512_storeu_si512(p, v); }
#else
  static FR_VEC Int set(int32_t x) { return {_mm256_set1_epi32(x)}; }
  static FR_VEC Int count_from(int32_t x) {
    return {_mm256_add_epi32(_mm256_set1_epi32(x), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7))};
  }
  FR_VEC void store(int32_t* p) const { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), v); }
#endif
};
#ifdef __AVX512F__
FR_VEC Int select(Mask m, Int yes, Int no) { return {_mm512_mask_blend_epi32(m.m, no.v, yes.v)}; }
#else
FR_VEC Int select(Mask m, Int yes, Int no) {
  return {_mm256_castps_si256(_mm256_blendv_ps(_mm256_castsi256_ps(no.v), _mm256_castsi256_ps(yes.v), m.m))};
}
#endif

// f(i, lanes) over [0, n)
template <class F>
FR_VEC void for_vectors(int64_t n, const F& f) {
  int64_t i = 0;
  for (; i + Vec::width <= n; i += Vec::width) f(i, All{});
  if (i < n) f(i, Some(n - i));
}

// The largest lane, NaN if there is one.
FR_VEC float largest_lane(Vec a) {
  float lanes[Vec::width];
  a.store(lanes);
  float best = lanes[0];
  for (const float lane : lanes) best = lane > best || lane != lane ? lane : best;
  return best;
}

// The sum of the lanes, by halves.
FR_VEC float sum_lanes(Vec a) {
#ifdef __AVX512F__
  const __m256 h = _mm256_add_ps(_mm512_castps512_ps256(a.v), _mm512_extractf32x8_ps(a.v, 1));
#else
  const __m256 h = a.v;
#endif
  const __m128 q = _mm_add_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));
  const __m128 p = _mm_add_ps(q, _mm_movehl_ps(q, q));
  return _mm_cvtss_f32(_mm_add_ss(p, _mm_movehdup_ps(p)));
}

// exp(x) for all x: x = n ln 2 + r with |r| <= ln 2 / 2, exp(x) = 2^n exp(r), exp(r) by its Taylor polynomial
// of degree 7, whose remainder r^8 / 8! is below 6e-9 of the value; ln 2 is subtracted in two parts (Cody and
// Waite 1980). Under 1.5 ulp; subnormal results are rounded once more; NaN gives NaN.
FR_VEC Vec exp(Vec x) {
  const Vec clamped = min(Vec::set(89.0f), max(Vec::set(-105.0f), x));  // beyond: infinity and 0
#ifdef __AVX512F__
  const Vec n{_mm512_roundscale_ps((clamped * Vec::set(1.44269504f)).v,
                                   _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
#else
  const Vec n{
      _mm256_round_ps((clamped * Vec::set(1.44269504f)).v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
#endif
  const Vec r = fnma(n, Vec::set(-2.12194440e-4f), fnma(n, Vec::set(0.693359375f), clamped));
  Vec sum = Vec::set(1.0f / 5040);
  for (const float c : {1.0f / 720, 1.0f / 120, 1.0f / 24, 1.0f / 6, 0.5f, 1.0f, 1.0f})
    sum = fma(sum, r, Vec::set(c));
#ifdef __AVX512F__
  return {_mm512_scalef_ps(sum.v, n.v)};
#else
  // 2^n as a product of two normal powers, so that n = 128 and n = -150 stay representable
  const __m256i whole = _mm256_cvtps_epi32(n.v), half = _mm256_srai_epi32(whole, 1),
                bias = _mm256_set1_epi32(127);
  const auto power = [&](__m256i k) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(k, bias), 23));
  };
  return sum * Vec{power(half)} * Vec{power(_mm256_sub_epi32(whole, half))};
#endif
}

// Work per piece when it is cut for threads: 256 KiB of floats, far above the cost of waking a thread.
constexpr int64_t kPiece = 1 << 16;
FR_VEC int64_t rows_per_piece(int64_t columns) {
  return columns < kPiece ? kPiece / (columns > 0 ? columns : 1) : 1;
}

// f(i, lanes) over [0, n), on threads when n is large. kPiece is a multiple of the width.
template <class F>
FR_VEC void for_vectors_parallel(int64_t n, const F& f) {
  parallel_ranges(n, kPiece, [&](int64_t begin, int64_t end) {
    for_vectors(end - begin, [&](int64_t i, auto lanes) { f(begin + i, lanes); });
  });
}

// sum_i += x_i, i < n
FR_VEC void add_floats(double* sum, const float* x, int64_t n) {
  constexpr int64_t kHalf = Vec::width / 2;
  int64_t i = 0;
  for (; i + Vec::width <= n; i += Vec::width) {
    const Vec v = Vec::load(x + i);
#ifdef __AVX512F__
    _mm512_storeu_pd(sum + i, _mm512_add_pd(_mm512_loadu_pd(sum + i), DoubleSum::lower(v)));
    _mm512_storeu_pd(sum + i + kHalf, _mm512_add_pd(_mm512_loadu_pd(sum + i + kHalf), DoubleSum::upper(v)));
#else
    _mm256_storeu_pd(sum + i, _mm256_add_pd(_mm256_loadu_pd(sum + i), DoubleSum::lower(v)));
    _mm256_storeu_pd(sum + i + kHalf, _mm256_add_pd(_mm256_loadu_pd(sum + i + kHalf), DoubleSum::upper(v)));
#endif
  }
  for (; i < n; ++i) sum[i] += x[i];
}

// block (S, padded) += the addends of R rows from element i on. R rows share one load and one store of the sums.
template <int S, int R, class F>
FR_VEC void add_rows(float* block, int64_t padded, int64_t i, int64_t C, const F& f) {
  for_vectors(C, [&](int64_t c, auto lanes) {
    Vec sum[S];
    for (int s = 0; s < S; ++s) sum[s] = Vec::load(block + s * padded + c);
    for (int r = 0; r < R; ++r)
      f(
          i + r * C + c, c, lanes, [&](int s, Vec v) __attribute__((always_inline)) { sum[s] = sum[s] + v; });
    for (int s = 0; s < S; ++s) sum[s].store(block + s * padded + c);
  });
}

// total[s C + c] = sum over the rows r of column c, s < S, where f(i, c, lanes, add) calls add(s, Vec) with
// the addends of the columns c.. of the row whose first wanted element is i = r C + c. 32 rows are summed in
// float, the blocks of 32 in double, the pieces in order. May also write other outputs at i. The result does not
// depend on R, the rows that go side by side: 4 save loads and stores of the sums, but make 4 streams of each map that f
// reads, which the prefetcher follows less well. Measured on maps of 5 MB: 4 wins for one map or three sums, 1 for two
// maps and fewer.
template <int S, int R = 1, class F>
void sum_columns(double* total, int64_t rows, int64_t C, const F& f) {
  constexpr int64_t kBlock = 32;
  const int64_t grain = rows_per_piece(C), pieces = (rows + grain - 1) / grain;
  const int64_t padded = (C + Vec::width - 1) / Vec::width * Vec::width;
  for (int64_t i = 0; i < S * C; ++i) total[i] = 0;
  const Scratch<double> partial(static_cast<size_t>(pieces * S * C));
  parallel_for(pieces, [&](int64_t piece) {
    const Scratch<float> block(static_cast<size_t>(S * padded));
    double* sum = partial.get() + piece * S * C;
    for (int64_t i = 0; i < S * C; ++i) sum[i] = 0;
    const int64_t end = (piece + 1) * grain < rows ? (piece + 1) * grain : rows;
    for (int64_t first = piece * grain; first < end; first += kBlock) {
      const int64_t last = first + kBlock < end ? first + kBlock : end;
      for (int64_t i = 0; i < S * padded; ++i) block.get()[i] = 0;
      int64_t r = first;
      for (; r + R <= last; r += R) add_rows<S, R>(block.get(), padded, r * C, C, f);
      for (; r < last; ++r) add_rows<S, 1>(block.get(), padded, r * C, C, f);
      for (int64_t s = 0; s < S; ++s) add_floats(sum + s * C, block.get() + s * padded, C);
    }
  });
  for (int64_t piece = 0; piece < pieces; ++piece)
    for (int64_t i = 0; i < S * C; ++i) total[i] += partial.get()[piece * S * C + i];
}

}  // namespace
}  // namespace fr::FR_ISA
