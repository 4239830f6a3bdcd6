// C = alpha A B + beta C for a tall A and few columns of B: pixels times filters. Packing A would be a transpose of all of
// it for a few panels of B only; here the tile product reads its rows as they lie, and B, packed once, stays in L2.
#pragma once
#include "tensor/cpu/simd/gemm_block.h"

namespace fr::FR_ISA {
namespace {

// Columns at most; rows of a piece; of K at a time: a tile's rows of A stay in L1, B comes from L2.
constexpr int64_t kNarrowColumns = 128, kNarrowPiece = kWidth == 8 ? 48 : 56, kNarrowDepth = kWidth == 8 ? 768 : 384;

inline bool narrow_pays(const GemmShape& s) {
  return !s.transpose_a && s.batch == 1 && s.N <= kNarrowColumns && s.M >= 4 * kNarrowPiece &&
         s.K >= (s.M >= 16 * kNarrowPiece ? 16 : 512);
}

inline void narrow_product(float* c, const float* a, const float* b, const GemmShape& s, float alpha,
                           float beta) {
  const int64_t width = packed_columns(s.N), block = ceil_div(s.K, ceil_div(s.K, kNarrowDepth));
  const MatrixB matrix{b, s.ldb, 0, s.transpose_b};
  Scratch<float> packed(static_cast<size_t>(s.K * width));
  parallel_ranges(s.K, block, [&](int64_t k0, int64_t end) {
    matrix.pack(packed.get() + k0 * width, 0, 0, s.N, k0, end - k0);
  });
  parallel_ranges(s.M, kNarrowPiece, [&](int64_t first, int64_t last) {
    for (int64_t k0 = 0; k0 < s.K; k0 += block) {
      const int64_t k = least(block, s.K - k0);
      for (int64_t i = first; i < last; i += kMaxRows) {
        const int rows = static_cast<int>(least(kMaxRows, last - i));
        float* of_c[kMaxRows];
        for (int r = 0; r < rows; ++r) of_c[r] = c + (i + r) * s.ldc;
        for (int64_t j = 0; j < s.N; j += kPanel) {
          const Tile tile{of_c, j, rows, static_cast<int>(least(kPanel, s.N - j)), alpha, k0 == 0 ? beta : 1};
          rows_micro_of(rows, tile.n > kWidth)(k, a + i * s.lda + k0, s.lda,
                                               packed.get() + k0 * width + j * k, tile);
        }
      }
    }
  });
}

}  // namespace
}  // namespace fr::FR_ISA
