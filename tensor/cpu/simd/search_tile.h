// The inner products of a few rows of the gallery with a panel of queries, in registers and straight into the lists of
// the best. Lanes are queries: they are packed; the gallery is read where it lies, each float broadcast to all lanes. The
// scores are compared with the k-th best while they are still in registers, so they are stored for few tiles only.
//   AVX-512: 14 rows x 32 queries = 28 accumulators, 2 vectors of queries, 1 broadcast: 31 of 32 registers
//   AVX2:     6 rows x 16 queries = 12 accumulators: 15 of 16 registers
// Private to search.cpp.
#pragma once
#include "tensor/cpu/simd/loops.h"
#include "tensor/cpu/simd/search_best.h"

namespace fr::FR_ISA {
namespace {

#ifdef __AVX512F__
constexpr int kRows = 14;
#else
constexpr int kRows = 6;
#endif
constexpr int kWidth = Vec::width, kPanel = 2 * kWidth;

// Up to kPanel queries of a chunk, from `first` on.
struct Panel {
  const float* q;  // [d][kPanel], 0 beyond the queries
  int64_t first, queries;
};

// Some rows of the gallery, from row n on, of which `count` count. All kRows can be read.
struct Rows {
  const float* x;
  int64_t stride, n, count;
};

// Lines of memory to fetch into L2 meanwhile: so many for every 16 floats of d.
struct Ahead {
  const char* line;
  int64_t lines;
};

// There is something for the lists in the scores of a tile: all of them once more, one at a time.
template <int V>
__attribute__((noinline)) void admit(const Kept& kept, const float* scores, const Panel& p,
                                     const Rows& rows) {
  for (int64_t v = 0; v < V; ++v) {
    const int64_t query = p.first + v * kWidth, end = p.queries - v * kWidth;
    const Vec threshold = Vec::load(kept.threshold + query);
    for (int64_t i = 0; i < rows.count; ++i) {
      const float* s = scores + (i * V + v) * kWidth;
      uint32_t found = lane_bits(above_or_nan(Vec::load(s), threshold));
      for (; found; found &= found - 1) {
        const int lane = __builtin_ctz(found);
        if (lane < end) kept.offer(query + lane, s[lane], rows.n + i);
      }
    }
  }
}

template <int V>
FR_VEC void compare(const Kept& kept, const Vec (&sum)[kRows][V], const Panel& p, const Rows& rows) {
  Mask found = is_nan(Vec::set(0));
  unroll<V>(FR_LAMBDA(v) {
    const Vec threshold = Vec::load(kept.threshold + p.first + v.value * kWidth);
    unroll<kRows>(FR_LAMBDA(i) { found = found | above_or_nan(sum[i.value][v.value], threshold); });
  });
  if (!any(found)) return;
  float scores[kRows * V * kWidth];
  unroll<kRows>(FR_LAMBDA(i) {
    unroll<V>(FR_LAMBDA(v) { sum[i.value][v.value].store(scores + (i.value * V + v.value) * kWidth); });
  });
  admit<V>(kept, scores, p, rows);
}

// V vectors of queries: 1 when the panel's second is empty. Each score is summed in the order of d.
template <int V>
void tile(const Kept& kept, const Panel& p, const Rows& rows, int64_t D, Ahead ahead) {
  constexpr int kThirds =
      (kRows + 2) / 3;  // a pointer to every third row: an address takes 0, 1 or 2 strides more
  Vec sum[kRows][V];
  unroll<kRows>(FR_LAMBDA(i) { unroll<V>(FR_LAMBDA(v) { sum[i.value][v.value] = Vec::set(0); }); });
  const float *x[kThirds], *q = p.q;
  unroll<kThirds>(FR_LAMBDA(i) { x[i.value] = rows.x + 3 * i.value * rows.stride; });
  const auto step = [&](int u) __attribute__((always_inline)) {
    Vec b[V];  // from L2: fetched ahead
    _mm_prefetch(reinterpret_cast<const char*>(q + (u + 8) * kPanel), _MM_HINT_T0);
    if constexpr (V * kWidth > 16)
      _mm_prefetch(reinterpret_cast<const char*>(q + (u + 8) * kPanel + 16), _MM_HINT_T0);
    unroll<V>(FR_LAMBDA(v) { b[v.value] = Vec::load(q + u * kPanel + v.value * kWidth); });
    unroll<kRows>(FR_LAMBDA(i) {
      const Vec a = Vec::set(x[i.value / 3][i.value % 3 * rows.stride + u]);
      unroll<V>(FR_LAMBDA(v) { sum[i.value][v.value] = fma(a, b[v.value], sum[i.value][v.value]); });
    });
  };
  const auto advance = [&](int by) __attribute__((always_inline)) {
    q += by * kPanel;
    unroll<kThirds>(FR_LAMBDA(i) { x[i.value] += by; });
  };
  int64_t d = 0;
  for (; d + 16 <= D; d += 16) {
    for (int64_t i = 0; i < ahead.lines; ++i, ahead.line += 64) _mm_prefetch(ahead.line, _MM_HINT_T1);
    for (int j = 0; j < 8; ++j) {  // more than 2 at once, and gcc spills
      unroll<2>(FR_LAMBDA(u) { step(u.value); });
      advance(2);
    }
  }
  for (; d < D; ++d) step(0), advance(1);
  compare<V>(kept, sum, p, rows);
}

}  // namespace
}  // namespace fr::FR_ISA
