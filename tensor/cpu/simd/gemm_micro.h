// The tile product in registers, chosen by its height and width. Private to the matrix product and the convolution.
#pragma once
#include "tensor/cpu/simd/simd.h"

namespace fr::FR_ISA {

#ifdef __AVX512F__
constexpr int kWidth = 16, kMaxRows = 14;
#else
constexpr int kWidth = 8, kMaxRows = 6;
#endif
constexpr int kPanel = 2 * kWidth;  // columns of a packed panel of B

// Where a tile goes: m rows and n columns from `column` on, C = alpha a b + beta C (beta = 0: C is not read).
struct Tile {
  float* const* rows;
  int64_t column;
  int m, n;
  float alpha, beta;
};

// a: [k][rows], b: [k][kPanel], or [k][kWidth] when not wide. tile.m <= rows; tile.n fits and reaches the last vector.
using MicroKernel = void (*)(int64_t k, const float* a, const float* b, const Tile& tile);
MicroKernel micro_of(int rows, bool wide);

// Lines of memory that will be read later, `step` bytes apart: the product asks for one every kAheadEvery of k.
struct Ahead {
  const char* line;
  int64_t step;
};
constexpr int kAheadEvery = kWidth == 16 ? 2 : 4;
using AheadKernel = void (*)(int64_t k, const float* a, const float* b, const Tile& tile, Ahead ahead);
AheadKernel ahead_micro_of(int rows, bool wide);

// The same with `rows` rows of a as they are stored, lda apart.
using RowsKernel = void (*)(int64_t k, const float* a, int64_t lda, const float* b, const Tile& tile);
RowsKernel rows_micro_of(int rows, bool wide);

// And with b as it is stored too, its rows ldb apart: whole vectors of columns.
using StoredKernel = void (*)(int64_t k, const float* a, int64_t lda, const float* b, int64_t ldb,
                              const Tile& tile);
StoredKernel stored_micro_of(int rows, bool wide);

}  // namespace fr::FR_ISA
