// C = alpha A B + beta C with both operands read where they lie: packed pieces travel between the cores and cost a pass, while
// rows of B come from the next cache in time when they are asked for early enough. Beside the blocked product on a Zen 5, 2
// threads: 256 x 256 x 256 1.3 times, 128 x 784 x 1152 1.25, 64 x 3136 x 576 1.15, 100 x 112 x 128 1.8.
#pragma once
#include "tensor/cpu/simd/gemm_narrow.h"

namespace fr::FR_ISA {
namespace {

constexpr int64_t kDirectDepth = 384, kDirectColumns = 256;
constexpr int64_t kDirectFloats = int64_t{1} << 22;  // of B: the last cache holds it

inline bool direct_pays(const GemmShape& s) {
  // Rows a multiple of 4 KiB apart share a few sets of L1. With six rows a tile (AVX2) it gained nothing.
  if (kWidth == 8 || s.lda % 1024 == 0 || s.ldb % 1024 == 0) return false;
  if (s.transpose_a || s.transpose_b || s.batch != 1 || s.N % kWidth != 0 || s.M < 32) return false;
  return s.K * s.N <= kDirectFloats && !(s.M >= 512 && narrow_pays(s));
}

inline void direct_product(float* c, const float* a, const float* b, const GemmShape& s, float alpha,
                           float beta) {
  const int64_t block = ceil_div(s.K, ceil_div(s.K, kDirectDepth)), panels = ceil_div(s.N, kPanel);
  const int64_t tiles_m = ceil_div(s.M, kBlockM);
  const int64_t tiles_n =
      least(panels, round_up(most(ceil_div(s.N, kDirectColumns), ceil_div(8, tiles_m)), 2));
  parallel_for(tiles_m * tiles_n, [&](int64_t piece) {
    const int64_t tm = piece % tiles_m, tn = piece / tiles_m;
    const int64_t first = s.M * tm / tiles_m, m = s.M * (tm + 1) / tiles_m - first;
    const int64_t begin = panels * tn / tiles_n * kPanel,
                  end = least(s.N, panels * (tn + 1) / tiles_n * kPanel);
    const Panels rows(m);
    float* of_c[kBlockM];
    for (int64_t r = 0; r < m; ++r) of_c[r] = c + (first + r) * s.ldc;
    for (int64_t k0 = 0; k0 < s.K; k0 += block) {
      const int64_t k = least(block, s.K - k0);
      for (int64_t p = 0; p < rows.count; ++p) {
        const int64_t i = rows.first(p);
        for (int64_t j = begin; j < end; j += kPanel) {
          const Tile tile{of_c + i,       j,
                          rows.height(p), static_cast<int>(least(kPanel, end - j)),
                          alpha,          k0 == 0 ? beta : 1};
          stored_micro_of(tile.m, tile.n > kWidth)(k, a + (first + i) * s.lda + k0, s.lda, b + k0 * s.ldb + j,
                                                   s.ldb, tile);
        }
      }
    }
  });
}

}  // namespace
}  // namespace fr::FR_ISA
