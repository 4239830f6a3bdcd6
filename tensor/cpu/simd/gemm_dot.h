// C = alpha A B' + beta C for few rows of A, both stored with K along the rows: a fully connected layer at a small batch.
// Packing would cost as much as the product; instead tiles of dot products read A and B as they lie, lanes along K, so
// that B (the weights) streams through once at the speed of memory.
#pragma once
#include <utility>

#include "tensor/cpu/simd/gemm_vector.h"

namespace fr::FR_ISA {
namespace {

constexpr int64_t kDotRows = 16;              // of A at most
constexpr int64_t kDotDepth = 1024;           // of K at a time: A stays in L2, four rows of B in L1
constexpr int64_t kDotStep = kDotDepth + 16;  // between rows of the copy of A: not a multiple of a page
constexpr int kDotM = kWidth == 16 ? 6 : 3,
              kDotN = 4;  // a tile: kDotM kDotN accumulators, kDotN rows of B, one of A

inline bool dot_pays(const GemmShape& s) {
  return !s.transpose_a && s.transpose_b && s.M > 0 && s.M <= kDotRows && s.K >= (s.M <= 4 ? 64 : 2048);
}

FR_INLINE float vec_sum(Vec v) {
  alignas(64) float x[kWidth];
  vec_store(x, v);
  for (int step = kWidth / 2; step > 0; step /= 2)
    for (int i = 0; i < step; ++i) x[i] += x[i + step];
  return x[0];
}

// acc[i][j] (first: =, otherwise +=) sum over k of a_i,k b_j,k, a vector each; acc rows are N vectors apart.
template <int MR, int NR>
void dot_tile(float* acc, int64_t N, const float* a, int64_t lda, const float* b, int64_t ldb, int64_t k,
              bool first) {
  Vec sum[MR][NR];
  unroll<MR>(FR_LAMBDA(i) {
    unroll<NR>(FR_LAMBDA(j) {
      sum[i.value][j.value] = first ? vec_zero() : vec_load(acc + (i.value * N + j.value) * kWidth);
    });
  });
  auto step = [&](int64_t at, auto... mask) __attribute__((always_inline)) {
    Vec column[NR];
    unroll<NR>(FR_LAMBDA(j) { column[j.value] = vec_load(b + j.value * ldb + at, mask...); });
    unroll<MR>(FR_LAMBDA(i) {
      const Vec row = vec_load(a + i.value * lda + at, mask...);
      unroll<NR>(
          FR_LAMBDA(j) { sum[i.value][j.value] = vec_fma(row, column[j.value], sum[i.value][j.value]); });
    });
  };
  int64_t at = 0;
  for (; at + kWidth <= k; at += kWidth) step(at);
  if (at < k) step(at, first_lanes(static_cast<int>(k - at)));
  unroll<MR>(FR_LAMBDA(i) {
    unroll<NR>(FR_LAMBDA(j) { vec_store(acc + (i.value * N + j.value) * kWidth, sum[i.value][j.value]); });
  });
}

using DotTile = void (*)(float*, int64_t, const float*, int64_t, const float*, int64_t, int64_t, bool);
struct DotTable {
  DotTile of_rows[kDotM];
};
template <int NR, int... I>
constexpr DotTable dot_table(std::integer_sequence<int, I...>) {
  return {{dot_tile<I + 1, NR>...}};
}
constexpr DotTable kDotTiles = dot_table<kDotN>(std::make_integer_sequence<int, kDotM>()),
                   kDotSingles = dot_table<1>(std::make_integer_sequence<int, kDotM>());

// The left operand as it lies, or for more than a few rows a copy [block of K][row][kDotStep]: rows that are a multiple of
// 4 KiB apart would share a few sets of L1.
struct DotRows {
  const float* a;
  int64_t step, block;
  const float* at(int64_t m, int64_t k0) const { return a + m * step + k0 / kDotDepth * block; }
};

// Rows n0 .. n0 + n - 1 of B with all rows of A; acc holds M n vectors.
inline void dot_block(float* c, float* acc, const DotRows& a, const float* b, const GemmShape& s, float alpha,
                      float beta, int64_t n0, int64_t n) {
  const int64_t groups = ceil_div(s.M, kDotM);
  for (int64_t k0 = 0; k0 < s.K; k0 += kDotDepth) {
    const int64_t k = least(kDotDepth, s.K - k0);
    for (int64_t j = 0, columns; j < n; j += columns) {
      columns = n - j >= kDotN ? kDotN : 1;
      const float* rows_b = b + (n0 + j) * s.ldb + k0;
      const DotTable& table = columns == 1 ? kDotSingles : kDotTiles;
      for (int64_t g = 0; g < groups; ++g) {
        const int64_t m = s.M * g / groups, rows = s.M * (g + 1) / groups - m;
        table.of_rows[rows - 1](acc + (m * n + j) * kWidth, n, a.at(m, k0), a.step, rows_b, s.ldb, k,
                                k0 == 0);
      }
    }
  }
  for (int64_t m = 0; m < s.M; ++m)
    for (int64_t j = 0; j < n; ++j) {
      float* y = c + m * s.ldc + n0 + j;
      const float sum = alpha * vec_sum(vec_load(acc + (m * n + j) * kWidth));
      *y = beta == 0 ? sum : sum + beta * *y;
    }
}

inline void dot_product(float* c, const float* a, const float* b, const GemmShape& s, float alpha,
                        float beta) {
  const int64_t block = s.K > kDotDepth ? 16 : 64, blocks = ceil_div(s.N, block), pieces = s.batch * blocks;
  const int64_t workers = least(pieces, threads()), own = s.M * block * kWidth;
  const int64_t depths = s.M > 4 ? ceil_div(s.K, kDotDepth) : 0, copied = depths * s.M * kDotStep;
  Scratch<float> memory(static_cast<size_t>(workers * own + s.batch * copied));
  float* copy = memory.get() + workers * own;
  parallel_for(s.batch * depths, [&](int64_t i) {
    const int64_t k0 = i % depths * kDotDepth;
    for (int64_t m = 0; m < s.M; ++m)
      copy_floats(copy + (i * s.M + m) * kDotStep, a + i / depths * s.a_step + m * s.lda + k0,
                  least(kDotDepth, s.K - k0));
  });
  for_each_piece(workers, pieces, [&](int64_t worker, int64_t i) {
    const int64_t batch = i / blocks, n0 = i % blocks * block;
    const DotRows rows = depths > 0 ? DotRows{copy + batch * copied, kDotStep, s.M * kDotStep}
                                    : DotRows{a + batch * s.a_step, s.lda, kDotDepth};
    dot_block(c + batch * s.c_step, memory.get() + worker * own, rows, b + batch * s.b_step, s, alpha, beta,
              n0, least(block, s.N - n0));
  });
}

}  // namespace
}  // namespace fr::FR_ISA
