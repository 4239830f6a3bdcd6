// The innermost product: a tile of C in registers, one rank-1 update per k.
//   AVX-512: up to 14 rows x 32 columns = 28 accumulators, 2 vectors of B, 1 broadcast of A: 31 of 32 registers
//   AVX2:    up to  6 rows x 16 columns = 12 accumulators, 2 vectors of B, 1 broadcast of A: 15 of 16 registers
// Per k the larger tile needs 14 (6) cycles on two FMA ports and 8 (4) on two load ports.
#include "tensor/cpu/simd/gemm_micro.h"

#include <utility>

#include "tensor/cpu/simd/gemm_vector.h"

namespace fr::FR_ISA {
namespace {

// y <- end(y, c) for a tile that is all there.
template <int MR, int NV, class End>
FR_INLINE void write_whole(const Vec (&acc)[MR][NV], const Tile& tile, const End& end) {
  unroll<MR>(FR_LAMBDA(i) {
    float* c = tile.rows[i.value] + tile.column;
    unroll<NV>(
        FR_LAMBDA(v) { vec_store(c + v.value * kWidth, end(acc[i.value][v.value], c + v.value * kWidth)); });
  });
}

// The rows and columns of a tile at the edge, from y with `width` columns.
void write_part(const float* y, int width, const Tile& tile) {
  for (int i = 0; i < tile.m; ++i, y += width) {
    float* c = tile.rows[i] + tile.column;
    for (int j = 0; j < tile.n; j += kWidth) {
      const Mask mask = first_lanes(static_cast<int>(least(kWidth, tile.n - j)));
      Vec sum = vec_load(y + j);
      if (tile.beta != 0) sum = vec_fma(vec_set(tile.beta), vec_load(c + j, mask), sum);
      vec_store(c + j, sum, mask);
    }
  }
}

// Element (i, k) of the left operand: of a packed panel [k][MR], or of rows that are lda apart.
template <int MR>
struct PanelA {
  const float* a;
  FR_INLINE float at(int i, int k) const { return a[k * MR + i]; }
  FR_INLINE void next(int k) { a += k * MR; }
};
template <int MR>
struct RowsA {
  static constexpr int kBases =
      (MR + 2) / 3;  // base, base + lda, base + 2 lda are addresses of one instruction
  const float* base[kBases];
  int64_t lda;
  FR_INLINE RowsA(const float* a, int64_t step) : lda(step) {
    unroll<kBases>(FR_LAMBDA(i) {
      base[i.value] = a + 3 * i.value * step;
      asm("" : "+r"(base[i.value]));  // or the compiler derives one from the other in the innermost loop
    });
  }
  FR_INLINE float at(int i, int k) const { return base[i / 3][i % 3 * lda + k]; }
  FR_INLINE void next(int k) {
    unroll<kBases>(FR_LAMBDA(i) { base[i.value] += k; });
  }
};

// Row k of the right operand: of a packed panel [k][NV * kWidth], or of rows that are ldb apart.
template <int NV>
struct PanelB {
  const float* b;
  FR_INLINE const float* row(int k) const { return b + k * NV * kWidth; }
  FR_INLINE void next(int k) { b += k * NV * kWidth; }
};
struct StoredB {
  const float* b;
  int64_t ldb;
  FR_INLINE const float* row(int k) const { return b + k * ldb; }
  FR_INLINE void next(int k) { b += k * ldb; }
};

// What a tile product asks for meanwhile.
struct NothingAhead {
  FR_INLINE void next() {}
};
struct LinesAhead {
  Ahead at;
  FR_INLINE void next() {
    _mm_prefetch(at.line, _MM_HINT_T1);
    at.line += at.step;
  }
};

template <int MR, int NV, class A, class B, class Lines = NothingAhead>
FR_INLINE void tile_product(int64_t k, A a, B b, const Tile& tile, Lines lines = {}) {
  Vec acc[MR][NV];
  unroll<MR>(FR_LAMBDA(i) { unroll<NV>(FR_LAMBDA(v) { acc[i.value][v.value] = vec_zero(); }); });
  constexpr int kUnroll = kAheadEvery;
  auto step = [&](int u) __attribute__((always_inline)) {
    const float* bk = b.row(u);
    Vec bv[NV];
    unroll<NV>(FR_LAMBDA(v) { bv[v.value] = vec_load(bk + v.value * kWidth); });
    unroll<MR>(FR_LAMBDA(i) {
      const Vec av = vec_set(a.at(i.value, u));
      unroll<NV>(FR_LAMBDA(v) { acc[i.value][v.value] = vec_fma(av, bv[v.value], acc[i.value][v.value]); });
    });
  };
  unroll<MR>(FR_LAMBDA(i) {
    if (i.value < tile.m)
      _mm_prefetch(reinterpret_cast<const char*>(tile.rows[i.value] + tile.column), _MM_HINT_T0);
  });
  int64_t p = 0;
  for (; p + kUnroll <= k; p += kUnroll, a.next(kUnroll), b.next(kUnroll)) {
    lines.next();
    unroll<kUnroll>(FR_LAMBDA(u) {
#ifdef __AVX512F__
      constexpr int ahead = 32;  // B comes from L2 or further away
      unroll<NV>(FR_LAMBDA(v) {
        _mm_prefetch(reinterpret_cast<const char*>(b.row(u.value + ahead) + v.value * kWidth), _MM_HINT_T0);
      });
#endif
      step(u.value);
    });
  }
  for (; p < k; ++p, a.next(1), b.next(1)) step(0);

  if (tile.alpha != 1) {
    const Vec alpha = vec_set(tile.alpha);
    unroll<MR>(FR_LAMBDA(i) {
      unroll<NV>(FR_LAMBDA(v) { acc[i.value][v.value] = vec_mul(alpha, acc[i.value][v.value]); });
    });
  }
  if (tile.m != MR || tile.n != NV * kWidth) {
    alignas(64) float y[MR * NV * kWidth];
    unroll<MR>(FR_LAMBDA(i) {
      unroll<NV>(FR_LAMBDA(v) { vec_store(y + (i.value * NV + v.value) * kWidth, acc[i.value][v.value]); });
    });
    return write_part(y, NV * kWidth, tile);
  }
  if (tile.beta == 0)
    write_whole(
        acc, tile, [](Vec y, const float*) __attribute__((always_inline)) { return y; });
  else if (tile.beta == 1)
    write_whole(
        acc, tile,
        [](Vec y, const float* c) __attribute__((always_inline)) { return vec_add(vec_load(c), y); });
  else
    write_whole(
        acc, tile, [beta = vec_set(tile.beta)](Vec y, const float* c) __attribute__((always_inline)) {
          return vec_fma(beta, vec_load(c), y);
        });
}

template <int MR, int NV>
FR_ALIGNED void micro_kernel(int64_t k, const float* a, const float* b, const Tile& tile) {
  tile_product<MR, NV>(k, PanelA<MR>{a}, PanelB<NV>{b}, tile);
}
template <int MR, int NV>
FR_ALIGNED void ahead_micro_kernel(int64_t k, const float* a, const float* b, const Tile& tile, Ahead ahead) {
  tile_product<MR, NV>(k, PanelA<MR>{a}, PanelB<NV>{b}, tile, LinesAhead{ahead});
}
template <int MR, int NV>
FR_ALIGNED void rows_micro_kernel(int64_t k, const float* a, int64_t lda, const float* b, const Tile& tile) {
  tile_product<MR, NV>(k, RowsA<MR>(a, lda), PanelB<NV>{b}, tile);
}
template <int MR, int NV>
FR_ALIGNED void stored_micro_kernel(int64_t k, const float* a, int64_t lda, const float* b, int64_t ldb,
                                    const Tile& tile) {
  tile_product<MR, NV>(k, RowsA<MR>(a, lda), StoredB{b, ldb}, tile);
}

template <int NV, int... I>
constexpr auto micro_tables(std::integer_sequence<int, I...>) {
  struct Tables {
    MicroKernel of_rows[kMaxRows];
    AheadKernel ahead[kMaxRows];
    RowsKernel of_stored_rows[kMaxRows];
    StoredKernel of_stored[kMaxRows];
  };
  return Tables{{micro_kernel<I + 1, NV>...},
                {ahead_micro_kernel<I + 1, NV>...},
                {rows_micro_kernel<I + 1, NV>...},
                {stored_micro_kernel<I + 1, NV>...}};
}
constexpr auto kMicro1 = micro_tables<1>(std::make_integer_sequence<int, kMaxRows>());
constexpr auto kMicro2 = micro_tables<2>(std::make_integer_sequence<int, kMaxRows>());

}  // namespace

MicroKernel micro_of(int rows, bool wide) {
  return wide ? kMicro2.of_rows[rows - 1] : kMicro1.of_rows[rows - 1];
}
AheadKernel ahead_micro_of(int rows, bool wide) {
  return wide ? kMicro2.ahead[rows - 1] : kMicro1.ahead[rows - 1];
}
RowsKernel rows_micro_of(int rows, bool wide) {
  return wide ? kMicro2.of_stored_rows[rows - 1] : kMicro1.of_stored_rows[rows - 1];
}
StoredKernel stored_micro_of(int rows, bool wide) {
  return wide ? kMicro2.of_stored[rows - 1] : kMicro1.of_stored[rows - 1];
}

}  // namespace fr::FR_ISA
