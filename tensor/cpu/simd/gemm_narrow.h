// C = alpha A B + beta C for a tall A and few columns of B: pixels times filters. Packing A would be a transpose of all of
// it for a few panels of B only; here the tile product reads its rows as they lie, and B, packed once, stays in L2.
#pragma once
#include "tensor/cpu/simd/gemm_block.h"

namespace fr::FR_ISA {
namespace {

// Columns at most, where K is long too; rows of a piece; of K at a time: a tile's rows of A stay in L1, B comes from L2.
constexpr int64_t kNarrowColumns = 128, kDeepColumns = kWidth == 8 ? 128 : 512;
constexpr int64_t kNarrowPiece = kWidth == 8 ? 48 : 56, kNarrowDepth = kDeepest;

inline bool narrow_pays(const GemmShape& s) {
  // Rows that are a multiple of 4 KiB apart share a few sets of L1: six of them fit there, fourteen do not.
  if (s.transpose_a || s.batch != 1 || (kWidth == 16 && s.lda % 1024 == 0)) return false;
  if (s.M < 4 * kNarrowPiece || s.N > kDeepColumns) return false;
  if (s.N > kNarrowColumns) return s.K >= 256;
  return s.K >= (s.M >= 16 * kNarrowPiece ? 16 : 512);
}

inline void narrow_product(float* c, const float* a, const float* b, const GemmShape& s, float alpha,
                           float beta) {
  const int64_t width = packed_columns(s.N), block = ceil_div(s.K, ceil_div(s.K, kNarrowDepth));
  const MatrixB matrix{b, s.ldb, 0, s.transpose_b};
  Scratch<float> packed(static_cast<size_t>(s.K * width));
  const int64_t strips = ceil_div(s.N, kNarrowColumns);
  parallel_for(ceil_div(s.K, block) * strips, [&](int64_t i) {
    const int64_t k0 = i / strips * block, k = least(block, s.K - k0), n0 = i % strips * kNarrowColumns;
    matrix.pack(packed.get() + k0 * width + n0 * k, 0, n0, least(kNarrowColumns, s.N - n0), k0, k);
  });
  const int64_t pieces = least(s.M, round_up(ceil_div(s.M, kNarrowPiece), threads()));
  parallel_for(pieces, [&](int64_t piece) {
    const int64_t first = s.M * piece / pieces, m = s.M * (piece + 1) / pieces - first;
    const Panels panels(m);
    float* of_c[kNarrowPiece + 1];
    for (int64_t r = 0; r < m; ++r) of_c[r] = c + (first + r) * s.ldc;
    for (int64_t k0 = 0; k0 < s.K; k0 += block) {
      const int64_t k = least(block, s.K - k0);
      for (int64_t p = 0; p < panels.count; ++p) {
        const int64_t i = panels.first(p);
        const float* rows = a + (first + i) * s.lda + k0;
        for (int64_t j = 0; j < s.N; j += kPanel) {
          const Tile tile{
              of_c + i,          j, panels.height(p), static_cast<int>(least(kPanel, s.N - j)), alpha,
              k0 == 0 ? beta : 1};
          rows_micro_of(tile.m, tile.n > kWidth)(k, rows, s.lda, packed.get() + k0 * width + j * k, tile);
        }
      }
    }
  });
}

}  // namespace
}  // namespace fr::FR_ISA
