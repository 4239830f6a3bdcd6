// The first layer of a network: a convolution of a map with few channels, forward and gradient of the filter. As a matrix
// product it spends its time gathering: R S C inputs of a pixel are used by K filters only, and they lie in runs of S C.
// Here nothing is gathered. A few rows of x are copied between zeros, and there the inputs that an output sees are the
// same offsets from where its window begins, padding or not:
//   x_n,(p stride - pad + r dilation),(...),c = strip[p' stride_h row + q stride_w C + offset[r,s,c]]
// Both products broadcast straight from the strip, and their vectors are filters. Private to conv2d.cpp.
#pragma once
#include "tensor/cpu/simd/conv2d_strip.h"

namespace fr::FR_ISA {
namespace {

// Registers: 6 broadcasts with 2 vectors of filters (12 sums of 16 registers); AVX-512 with 4 (24 sums of 32). More
// broadcasts would need more addresses than there are general registers.
constexpr int kStemRows = 6, kStemVectors = kWidth == 16 ? 4 : 2, kStemPanel = kStemVectors * kWidth;
constexpr int64_t kStemDepth = 512;  // R S C: a panel of filters, 32 KiB, still streams well from L2
constexpr int64_t kStripRows = 8;    // rows of outputs whose inputs are copied together
constexpr int64_t kStemPieces = 32;  // of the gradient
constexpr int64_t kStemNear = 4096;  // floats of a panel of dy that stay in L1

struct StemStrip : Strip {
  int64_t depth, offset[kStemDepth];

  explicit StemStrip(const Conv2dShape& shape) : Strip(shape), depth(s.R * s.S * s.C) {
    for (int64_t r = 0, i = 0; r < s.R; ++r)
      for (int64_t t = 0; t < s.S; ++t)
        for (int64_t c = 0; c < s.C; ++c) offset[i++] = r * s.dilation_h * row + t * s.dilation_w * s.C + c;
  }
  int64_t floats() const { return Strip::floats(kStripRows); }
};

// An address that the compiler cannot derive from another one: it would chain additions in the innermost loop.
FR_INLINE const float* address(const float* p) {
  __asm__("" : "+r"(p));
  return p;
}

template <int NV>
FR_INLINE void prefetch_panel(const float* p) {
  for (int i = 0; i < NV * kWidth; i += 16) _mm_prefetch(reinterpret_cast<const char*>(p + i), _MM_HINT_T0);
}

// --- forward ---

// Filters by panel: [panel][depth][kStemPanel], the last panel only as many vectors wide as it needs.
inline int64_t stem_width(int64_t K, int64_t k0) { return least(kStemPanel, round_up(K - k0, kWidth)); }
inline int64_t stem_filters(const Conv2dShape& s) { return round_up(s.K, kWidth) * s.R * s.S * s.C; }
inline void arrange_stem(float* to, const float* w, const Conv2dShape& s) {
  const int64_t depth = s.R * s.S * s.C;
  for (int64_t k0 = 0; k0 < s.K; k0 += kStemPanel) {
    const int64_t width = stem_width(s.K, k0);
    for (int64_t i = 0; i < depth; ++i)
      for (int64_t k = 0; k < width; ++k) *to++ = k0 + k < s.K ? w[(k0 + k) * depth + i] : 0;
  }
}

// MR outputs next to each other and some panels of NV vectors of filters from k on:
// y[i K + ...] <- end(sum_j x[i step + offset_j] w_j)
template <int MR, int NV, class End>
void stem_outputs(float* y, const float* x, const float* w, int64_t k, int64_t panels, const StemStrip& strip,
                  const End& end) {
  const int64_t K = strip.s.K, *const offset = strip.offset, depth = strip.depth;
  const float* from[MR];
  unroll<MR>(FR_LAMBDA(i) { from[i.value] = address(x + i.value * strip.step); });
  for (; panels > 0; --panels, k += NV * kWidth) {
    unroll<MR>(FR_LAMBDA(i) { prefetch_panel<NV>(y + (MR + i.value) * K + k); });  // of the next outputs
    Vec acc[MR][NV];
    unroll<MR>(FR_LAMBDA(i) { unroll<NV>(FR_LAMBDA(v) { acc[i.value][v.value] = vec_zero(); }); });
#pragma GCC unroll 3
    for (int64_t j = 0; j < depth; ++j, w += NV * kWidth) {
      Vec wv[NV];
      unroll<NV>(FR_LAMBDA(v) { wv[v.value] = vec_load(w + v.value * kWidth); });
      unroll<MR>(FR_LAMBDA(i) {
        const Vec xv = vec_set(from[i.value][offset[j]]);
        unroll<NV>(FR_LAMBDA(v) { acc[i.value][v.value] = vec_fma(xv, wv[v.value], acc[i.value][v.value]); });
      });
    }
    auto write = [&](auto i, auto v, auto... mask) __attribute__((always_inline)) {
      const int64_t column = k + v.value * kWidth;
      float* to = y + i.value * K + column;
      vec_store(to, end(acc[i.value][v.value], to, column, mask...), mask...);
    };
    const int64_t rest = K - k - (NV - 1) * kWidth;
    unroll<MR>(FR_LAMBDA(i) { unroll<NV - 1>(FR_LAMBDA(v) { write(i, v); }); });
    if (rest >= kWidth)
      unroll<MR>(FR_LAMBDA(i) { write(i, Const<NV - 1>{}); });
    else
      unroll<MR>(FR_LAMBDA(i) { write(i, Const<NV - 1>{}, first_lanes(static_cast<int>(rest))); });
  }
}

// f(Const<value>) for the value in 1 ... N that equals n.
template <int N, class F>
FR_INLINE void with_constant(int64_t n, const F& f) {
  unroll<N>(FR_LAMBDA(i) {
    if (n == i.value + 1) f(Const<i.value + 1>{});
  });
}

template <class End>
void stem_forward(float* y, const float* x, const float* w, const float* arranged, const Conv2dShape& s,
                  const End& end) {
  const StemStrip strip(s);
  const int64_t blocks = ceil_div(strip.P, kStripRows), pieces = s.N * blocks,
                workers = least(pieces, threads());
  const int64_t groups = ceil_div(strip.Q, kStemRows);
  if (pieces * strip.Q * s.K <= 0) return;
  const int64_t filters = arranged ? 0 : round_up(stem_filters(s), 16);
  Scratch<float> memory(static_cast<size_t>(filters + workers * strip.floats()));
  if (!arranged) arrange_stem(memory.get(), w, s);
  const float* ready = arranged ? arranged : memory.get();
  for_each_piece(workers, pieces, [&](int64_t worker, int64_t i) {
    const int64_t n = i / blocks, p0 = i % blocks * kStripRows, rows = least(kStripRows, strip.P - p0);
    float* own = memory.get() + filters + worker * strip.floats();
    strip.fill(own, x, n, p0, rows);
    for (int64_t p = 0; p < rows; ++p)
      for (int64_t g = 0; g < groups; ++g) {  // all filters of a few outputs: what is written lies together
        const int64_t q = strip.Q * g / groups, count = strip.Q * (g + 1) / groups - q;
        const float* from = own + p * strip.row_step() + q * strip.step;
        float* to = y + ((n * strip.P + p0 + p) * strip.Q + q) * s.K;
        const int64_t panels = s.K / kStemPanel, k = panels * kStemPanel;
        with_constant<kStemRows>(
            count, FR_LAMBDA(mr) {
              stem_outputs<mr.value, kStemVectors>(to, from, ready, 0, panels, strip, end);
              with_constant<kStemVectors>(
                  stem_width(s.K, k) / kWidth, FR_LAMBDA(nv) {
                    stem_outputs<mr.value, nv.value>(to, from, ready + k * strip.depth, k, 1, strip, end);
                  });
            });
      }
  });
}

// --- gradient of the filter ---

// Where a panel of dy is read. The first tile of taps reads it in place and leaves a copy for the others: in place, lines
// that are K floats apart would share a few sets of L1.
struct InPlace {
  const float* dy;
  int64_t step;
  float* copy;
};
struct Copied {
  const float* dy;
};

template <int NV, class... M>
FR_INLINE void next_output(Vec (&d)[NV], InPlace& from, M... mask) {
  unroll<NV - 1>(FR_LAMBDA(v) { d[v.value] = vec_load(from.dy + v.value * kWidth); });
  d[NV - 1] = vec_load(from.dy + (NV - 1) * kWidth, mask...);
  unroll<NV>(FR_LAMBDA(v) { vec_store(from.copy + v.value * kWidth, d[v.value]); });
  from.dy += from.step, from.copy += NV * kWidth;
}
template <int NV>
FR_INLINE void next_output(Vec (&d)[NV], Copied& from) {
  unroll<NV>(FR_LAMBDA(v) { d[v.value] = vec_load(from.dy + v.value * kWidth); });
  from.dy += NV * kWidth;
}

// The next rows of dy, asked for evenly by all tiles: only the first of a panel would wait for memory, the others not use it.
struct NextRows {
  const float* at;
  int64_t step;
};

// sum[i][NV vectors] += sum over rows of outputs x[offset_i + ...] dy,   i < MR taps and channels
template <int MR, int NV, class From, class... M>
void stem_gradient_tile(float* sum, int64_t sum_step, From from, NextRows& next, const float* x,
                        const int64_t* offset, int64_t rows, const StemStrip& strip, M... mask) {
  Vec acc[MR][NV];
  const float* tap[MR];
  unroll<MR>(FR_LAMBDA(i) {
    tap[i.value] = address(x + offset[i.value]);
    unroll<NV>(
        FR_LAMBDA(v) { acc[i.value][v.value] = vec_load(sum + i.value * sum_step + v.value * kWidth); });
  });
  const float* ahead = next.at;
  for (int64_t p = 0; p < rows; ++p)
    for (int64_t at = p * strip.row_step(), end = at + strip.Q * strip.step; at < end; at += strip.step) {
      Vec d[NV];
      next_output(d, from, mask...);
      prefetch_panel<1>(ahead);
      ahead += next.step;
      unroll<MR>(FR_LAMBDA(i) {
        const Vec xv = vec_set(tap[i.value][at]);
        unroll<NV>(FR_LAMBDA(v) { acc[i.value][v.value] = vec_fma(xv, d[v.value], acc[i.value][v.value]); });
      });
    }
  next.at = ahead;
  unroll<MR>(FR_LAMBDA(i) {
    unroll<NV>(
        FR_LAMBDA(v) { vec_store(sum + i.value * sum_step + v.value * kWidth, acc[i.value][v.value]); });
  });
}

// All taps and channels with the NV vectors of filters at dy; the last of them may have fewer lanes.
template <int NV, class... M>
void stem_gradient_panel(float* sum, int64_t sum_step, const InPlace& first, NextRows& next, const float* x,
                         int64_t rows, const StemStrip& strip, M... mask) {
  const int64_t groups = ceil_div(strip.depth, kStemRows);
  for (int64_t g = 0; g < groups; ++g) {
    const int64_t i = strip.depth * g / groups, count = strip.depth * (g + 1) / groups - i;
    with_constant<kStemRows>(
        count, FR_LAMBDA(mr) {
          float* to = sum + i * sum_step;
          if (g == 0)
            stem_gradient_tile<mr.value, NV>(to, sum_step, first, next, x, strip.offset, rows, strip,
                                             mask...);
          else
            stem_gradient_tile<mr.value, NV>(to, sum_step, Copied{first.copy}, next, x, strip.offset + i,
                                             rows, strip);
        });
  }
}

// sum[depth][K rounded up] += the share of some rows of outputs of one image
inline void stem_gradient_rows(float* sum, int64_t sum_step, const float* dy, float* copy, const float* x,
                               int64_t rows, const StemStrip& strip) {
  const int64_t K = strip.s.K, tiles = ceil_div(K, kStemPanel) * ceil_div(strip.depth, kStemRows);
  NextRows next{dy + rows * strip.Q * K, ceil_div(K, tiles)};
  for (int64_t k = 0; k < K; k += kStemPanel) {
    const InPlace first{dy + k, K, copy};
    const int64_t vectors = stem_width(K, k) / kWidth, rest = K - k - (vectors - 1) * kWidth;
    with_constant<kStemVectors>(
        vectors, FR_LAMBDA(nv) {
          if (rest >= kWidth)
            stem_gradient_panel<nv.value>(sum + k, sum_step, first, next, x, rows, strip);
          else
            stem_gradient_panel<nv.value>(sum + k, sum_step, first, next, x, rows, strip,
                                          first_lanes(static_cast<int>(rest)));
        });
  }
}

// dw (K, depth) <- beta dw + the sums of all pieces, in order
inline void add_stem_pieces(float* dw, float* partial, int64_t pieces, int64_t sum_step, int64_t sums,
                            const StemStrip& strip, float beta) {
  const int64_t K = strip.s.K, depth = strip.depth;
  parallel_ranges(depth, 32, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      for (int64_t k = 0; k < K; ++k) {
        float sum = 0;
        for (int64_t piece = 0; piece < pieces; ++piece) sum += partial[piece * sums + i * sum_step + k];
        float& to = dw[k * depth + i];
        to = beta == 0 ? sum : sum + beta * to;
      }
  });
}

inline void stem_backward_filter(float* dw, const float* dy, const float* x, const Conv2dShape& s,
                                 float beta) {
  const StemStrip strip(s);
  const int64_t all = strip.Q > 0 ? s.N * strip.P : 0, step = most(1, ceil_div(all, kStemPieces));
  const int64_t pieces = ceil_div(all, step), workers = least(pieces, threads());
  const int64_t near = most(1, kStemNear / most(1, strip.Q * kStemPanel));
  const int64_t sum_step = round_up(s.K, kWidth), sums = round_up(strip.depth * sum_step, 16);
  const int64_t copy = round_up(near * strip.Q * kStemPanel, 16), own = copy + strip.floats();
  Scratch<float> memory(static_cast<size_t>(pieces * sums + workers * own));
  for_each_piece(workers, pieces, [&](int64_t worker, int64_t piece) {
    float *sum = memory.get() + piece * sums, *panel = memory.get() + pieces * sums + worker * own;
    float* inputs = panel + copy;
    zero_floats(sum, sums);
    for (int64_t row = piece * step, end = least(all, row + step), rows; row < end; row += rows) {
      rows = least(least(kStripRows, strip.P - row % strip.P), end - row);
      strip.fill(inputs, x, row / strip.P, row % strip.P, rows);
      for (int64_t i = 0; i < rows; i += near)
        stem_gradient_rows(sum, sum_step, dy + (row + i) * strip.Q * s.K, panel,
                           inputs + i * strip.row_step(), least(near, rows - i), strip);
    }
  });
  add_stem_pieces(dw, memory.get(), pieces, sum_step, sums, strip, beta);
}

}  // namespace
}  // namespace fr::FR_ISA
