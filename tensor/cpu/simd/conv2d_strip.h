// A copy of a few rows of x between zeros, and the forward convolution that reads it. There the inputs of a row of outputs are
// a constant step apart, and under one row of taps they are one run of S C numbers:
//   y_n,p,q,: += sum over j < S C of strip[(p stride_h + r dilation) row + q step + j] w_:,r,j
// which is the plain product of rows as they lie (gemm_micro.h): nothing is packed or turned over but the filters. Private
// to conv2d.cpp.
#pragma once
#include "tensor/cpu/simd/gemm_narrow.h"

namespace fr::FR_ISA {
namespace {

// Where the inputs of some rows of outputs lie in a copy of their rows of x that is padded with zeros.
struct Strip {
  const Conv2dShape& s;
  int64_t P, Q, row, step;  // row: floats of a row; step: from output to output

  explicit Strip(const Conv2dShape& shape)
      : s(shape),
        P(s.P()),
        Q(s.Q()),
        row(((Q - 1) * s.stride_w + (s.S - 1) * s.dilation_w + 1) * s.C),
        step(s.stride_w * s.C) {}
  int64_t input_rows(int64_t rows) const { return (rows - 1) * s.stride_h + (s.R - 1) * s.dilation_h + 1; }
  int64_t floats(int64_t rows) const { return round_up(input_rows(rows) * row, 16); }
  int64_t row_step() const { return s.stride_h * row; }  // from a row of outputs to the next

  void fill(float* strip, const float* x, int64_t n, int64_t p0, int64_t rows) const {
    const int64_t left = least(row, s.pad_w * s.C), inside = least(row - left, s.W * s.C);
    for (int64_t i = 0; i < input_rows(rows); ++i, strip += row) {
      const int64_t h = p0 * s.stride_h - s.pad_h + i;
      const bool zero = h < 0 || h >= s.H;
      zero_floats(strip, zero ? row : left);
      if (zero) continue;
      copy_floats(strip + left, x + (n * s.H + h) * s.W * s.C, inside);
      zero_floats(strip + left + inside, row - left - inside);
    }
  }
};

constexpr int64_t kStripFloats = 48 << 10;    // of a strip and its outputs: both stay in L2
constexpr int64_t kStripFilters = 320 << 10;  // more would come from the last cache for every few rows

// AVX-512 only: with the six rows of an AVX2 tile, conv2d_direct.h is as good. A single row of taps would be copied for
// nothing.
inline bool strip_pays(const Conv2dShape& s) {
  return kWidth == 16 && s.groups == 1 && s.R > 1 && s.dilation_w == 1 && s.C >= kWidth &&
         s.K * s.R * s.S * s.C <= kStripFilters && s.Q() >= kMaxRows / 2 && s.N * s.P() * s.Q() >= 512;
}

struct StripForward : Strip {
  int64_t run, block, width;  // floats under a row of taps, at a time; columns of packed filters
  int64_t blocks, pieces;     // pieces of an image, of all

  explicit StripForward(const Conv2dShape& shape)
      : Strip(shape),
        run(s.S * s.C),
        block(ceil_div(run, ceil_div(run, kNarrowDepth))),
        width(packed_columns(s.K)),
        blocks(ceil_div(P, most(1, kStripFloats / (s.stride_h * row + Q * s.K)))),
        pieces(s.N * blocks) {}

  void pack(float* packed, const float* w) const {
    parallel_for(s.R, [&](int64_t r) {
      const MatrixB filters{w + r * run, s.R * run, 0, true};
      for (int64_t k0 = 0; k0 < run; k0 += block)
        filters.pack(packed + (r * run + k0) * width, 0, 0, s.K, k0, least(block, run - k0));
    });
  }

  // Rows of outputs of a piece, and where their inputs begin.
  struct Piece {
    int64_t n, p0, rows;
    const float* x;
  };
  Piece piece(const float* x, int64_t i) const {
    const int64_t n = i / blocks, p0 = P * (i % blocks) / blocks;
    return {n, p0, P * (i % blocks + 1) / blocks - p0,
            x + (n * s.H + most(0, p0 * s.stride_h - s.pad_h)) * s.W * s.C};
  }

  // next: inputs that are fetched meanwhile.
  void outputs(float* y, const float* from, const float* packed, int64_t rows, const Piece& next) const {
    const Panels panels(Q);
    const int64_t calls = s.R * ceil_div(run, block) * rows * panels.count * ceil_div(s.K, kPanel);
    const int64_t lines = ceil_div(next.rows * s.stride_h * s.W * s.C, 16 * calls);
    const float* ahead = next.x;
    for (int64_t at = 0, k; at < s.R * run; at += k) {  // r run + k0
      const int64_t k0 = at % run;
      k = least(block, run - k0);
      for (int64_t p = 0; p < rows; ++p)
        for (int64_t i = 0; i < panels.count; ++i) {
          const int64_t q = panels.first(i);
          float* to[kMaxRows];
          for (int t = 0; t < panels.height(i); ++t) to[t] = y + (p * Q + q + t) * s.K;
          const float* a = from + p * row_step() + at / run * s.dilation_h * row + q * step + k0;
          for (int64_t j = 0; j < s.K; j += kPanel) {
            for (int64_t l = 0; l < lines; ++l, ahead += 16)
              _mm_prefetch(reinterpret_cast<const char*>(ahead), _MM_HINT_T1);
            const Tile tile{
                to, j, panels.height(i), static_cast<int>(least(kPanel, s.K - j)), 1, at > 0 ? 1.0f : 0.0f};
            rows_micro_of(tile.m, tile.n > kWidth)(k, a, step, packed + at * width + j * k, tile);
          }
        }
    }
  }
  void forward(float* y, const float* x, const float* w) const {
    const int64_t workers = least(pieces, threads()), own = floats(ceil_div(P, blocks)),
                  filters = round_up(s.R * run * width, 16);
    Scratch<float> memory(static_cast<size_t>(filters + workers * own));
    pack(memory.get(), w);
    for_each_piece(workers, pieces, [&](int64_t worker, int64_t i) {
      const Piece now = piece(x, i), next = piece(x, least(i + workers, pieces - 1));
      float* strip = memory.get() + filters + worker * own;
      fill(strip, x, now.n, now.p0, now.rows);
      outputs(y + (now.n * P + now.p0) * Q * s.K, strip, memory.get(), now.rows, next);
    });
  }
};

}  // namespace
}  // namespace fr::FR_ISA
