// The product of taps and filters without a packed left operand: a channel of NHWC is broadcast from where it lies, one
// address for each pixel of the tile. Packing would turn over every pixel once a tap, for K filters only. A piece does some
// lines of the map for all phases, so that what they share comes from L2. Private to conv2d.cpp.
//   6 addresses (AVX-512: 8), the filters' and the counter fit the 16 general registers; the 14 of the packed product would not.
#pragma once
#include <utility>

#include "tensor/cpu/simd/conv2d_pack.h"

namespace fr::FR_ISA {
namespace {

constexpr int64_t kDirectTile = kMaxRows < 8 ? kMaxRows : 8;
constexpr int64_t kDirectPixels = 144;  // of a piece, about

// A run of channels under one tap, for the pixels of a tile.
struct Run {
  const float* at[kDirectTile];
  int64_t length;
};

// c[MR][NV vectors] = sum over the runs' channels of at[i] b + beta c,   b: [channel][NV * kWidth]
template <int MR, int NV>
FR_ALIGNED void runs_product(const Run* run, int64_t runs, const float* b, const Tile& tile) {
  Vec acc[MR][NV];
  unroll<MR>(FR_LAMBDA(i) {
    unroll<NV>(FR_LAMBDA(v) { acc[i.value][v.value] = vec_zero(); });
    _mm_prefetch(reinterpret_cast<const char*>(tile.rows[i.value] + tile.column), _MM_HINT_T0);
  });
  for (const Run* end = run + runs; run < end; ++run) {
    const float* at[MR];
    unroll<MR>(FR_LAMBDA(i) { at[i.value] = run->at[i.value]; });
    for (int64_t c = 0, length = run->length; c < length; ++c, b += NV * kWidth) {
      Vec bv[NV];
      unroll<NV>(FR_LAMBDA(v) { bv[v.value] = vec_load(b + v.value * kWidth); });
      unroll<MR>(FR_LAMBDA(i) {
        const Vec av = vec_set(at[i.value][c]);
        unroll<NV>(FR_LAMBDA(v) { acc[i.value][v.value] = vec_fma(av, bv[v.value], acc[i.value][v.value]); });
      });
    }
  }
  const bool overwrite = tile.beta == 0;
  auto finish = [&](auto i, auto v, auto... mask) __attribute__((always_inline)) {
    float* c = tile.rows[i.value] + tile.column + v.value * kWidth;
    const Vec y = acc[i.value][v.value];
    vec_store(c, overwrite ? y : vec_fma(vec_set(tile.beta), vec_load(c, mask...), y), mask...);
  };
  unroll<MR>(FR_LAMBDA(i) { unroll<NV - 1>(FR_LAMBDA(v) { finish(i, v); }); });
  if (tile.n == NV * kWidth)
    unroll<MR>(FR_LAMBDA(i) { finish(i, Const<NV - 1>{}); });
  else
    unroll<MR>(FR_LAMBDA(i) { finish(i, Const<NV - 1>{}, first_lanes(tile.n - (NV - 1) * kWidth)); });
}

using RunsProduct = void (*)(const Run* run, int64_t runs, const float* b, const Tile& tile);
template <int... I>
constexpr auto runs_table(std::integer_sequence<int, I...>) {
  struct Table {
    RunsProduct of[2][sizeof...(I)];
  };
  return Table{{{runs_product<I + 1, 1>...}, {runs_product<I + 1, 2>...}}};
}
constexpr auto kRunsProduct = runs_table(std::make_integer_sequence<int, kDirectTile>());

// Pixel (n, i, j) of the grid in the output.
struct GridOut {
  float* y;
  int64_t image, line, pixel;
};

// One product: pixels of a grid x (taps, channels), of one group, with filters as pack_b_once left them.
struct DirectProduct {
  Product s;
  TapMatrix t;
  const float* filters;
  int64_t block_k, packed_n;

  DirectProduct(const Product& product, const TapMatrix& taps, const float* packed)
      : s(product), t(taps), filters(packed) {
    const Plan plan = make_plan(s, true, true);
    block_k = plan.block_k, packed_n = plan.packed_n;
  }

  // Where the pixels from `at` on, which moves on, are written; the runs of columns [k0, k0 + k) for them, how many.
  int64_t find_runs(Run* run, float** to, const GridOut& out, Place& at, int64_t rows, int64_t k0,
                    int64_t k) const {
    int64_t h[kDirectTile], w[kDirectTile];
    const float* origin[kDirectTile];
    for (int i = 0; i < rows; ++i, at.next(t)) {
      to[i] = out.y + at.n * out.image + at.i * out.line + at.j * out.pixel;
      h[i] = at.i * t.h.step + t.h.first, w[i] = at.j * t.w.step + t.w.first;
      origin[i] = t.x + ((at.n * t.h.limit + h[i]) * t.w.limit + w[i]) * t.pixel;
    }
    int64_t c = k0 % t.C, u = k0 / t.C % t.w.taps, r = k0 / t.C / t.w.taps, runs = 0;
    for (int64_t done = 0; done < k; ++runs) {
      const int64_t length = least(t.C - c, k - done), dh = r * t.h.inc, dw = u * t.w.inc;
      const int64_t offset = (dh * t.w.limit + dw) * t.pixel + c;
      for (int i = 0; i < rows; ++i)
        run[runs].at[i] = t.h.inside(h[i] + dh) && t.w.inside(w[i] + dw) ? origin[i] + offset : kZeros;
      run[runs].length = length;
      done += length, c = 0;
      if (++u == t.w.taps) u = 0, ++r;
    }
    return runs;
  }

  // Pixels [m0, m1), columns [n0, n0 + n).
  void pixels(const GridOut& out, int64_t m0, int64_t m1, int64_t n0, int64_t n) const {
    const int64_t tiles = ceil_div(m1 - m0, kDirectTile);
    for (int64_t k0 = 0; k0 < s.K; k0 += block_k) {
      const int64_t k = least(block_k, s.K - k0);
      Place at(t, m0);
      for (int64_t i = 0, m = m0, rows; i < tiles; ++i, m += rows) {
        rows = (m1 - m) / (tiles - i);
        float* to[kDirectTile];
        Run run[kBlockK / kWidth + 2];
        const int64_t runs = find_runs(run, to, out, at, rows, k0, k);
        for (int64_t j = 0; j < n; j += kPanel) {
          const int columns = static_cast<int>(least(kPanel, n - j));
          kRunsProduct.of[columns > kWidth][rows - 1](
              run, runs, filters + k0 * packed_n + (n0 + j) * k,
              {to, n0 + j, static_cast<int>(rows), columns, 1, k0 == 0 ? s.beta : 1});
        }
      }
    }
  }
};

// Enough pixels that K need not be cut, and channels enough to be worth a run.
inline bool direct_pays(int64_t pixels, int64_t channels, int64_t groups) {
  return groups == 1 && channels >= 2 * kWidth && pixels >= 4 * kDirectPixels;
}

// f(first line, last line, first column, columns) for pieces of a map of `lines` lines of `line` pixels.
template <class F>
void for_direct_pieces(int64_t lines, int64_t line, int64_t columns, const F& f) {
  const int64_t step = most(1, kDirectPixels / line), blocks = ceil_div(columns, kBlockN);
  parallel_for(ceil_div(lines, step) * blocks, [&](int64_t i) {
    const int64_t first = i / blocks * step, n0 = i % blocks * kBlockN;
    f(first, least(lines, first + step), n0, least(kBlockN, columns - n0));
  });
}

}  // namespace
}  // namespace fr::FR_ISA
