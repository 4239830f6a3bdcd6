// Winograd's minimal filtering F(4x4,3x3): the transforms of tiles of a map and of filters, lanes over channels.
//   Y = A' [ (G g G') . (B' d B) ] A        d a 6x6 tile of the input, g a filter, Y the 4x4 tile of the output
// The two gradients are its adjoints: of the input the same with turned filters, of the filter
//   dg = G' [ (A dY A') . (B' d B) ] G      summed over tiles.
// A last tile of 3 or 2 results needs fewer points: F(3,3) leaves out -b, F(2,3) also b, in each dimension. B' is scaled
// for G to stay as it is, so that all tiles share one set of filters.
// Private to conv2d.cpp.                                   Winograd 1980; Lavin and Gray 2016
#pragma once
#include "tensor/cpu/simd/gemm_vector.h"

namespace fr::FR_ISA {
namespace {

constexpr int kTile = 4, kReach = 6, kPlaces = kReach * kReach;  // 4 results see 6 inputs
constexpr int kBlock =
    16;  // channels of a tile that lie together: a cache line, so that no line is written in halves

FR_INLINE Vec vec_sub(Vec a, Vec b) { return vec_fma(vec_set(-1), b, a); }

// --- in one dimension, with the points 0, +-a, +-b and infinity ---
// a b = 1 keeps all constants near 1: with a = 1/sqrt(2), b = sqrt(2) the error is a quarter of that with 1 and 2.

constexpr float kA = 0.70710678f, kB = 1.41421356f, kA2 = 0.5f, kB2 = 2, kA3 = kA2 * kA, kB3 = kB2 * kB;

// `size` results of a tile use these of the 6 places 0, a, -a, b, -b, infinity.
constexpr bool has_place(int size, int place) {
  return size == 4 || (place != 4 && (size == 3 || place != 3));
}

struct InputTransform {  // B', size + 2 -> places: coefficients of prod (x - other points)
  static constexpr int kIn = kReach, kOut = kReach;
  static constexpr bool takes(int size, int i) { return i < size + 2; }
  static constexpr bool gives(int size, int i) { return has_place(size, i); }

  static FR_INLINE void apply(Const<4>, Vec (&o)[6], const Vec (&d)[6]) {
    const Vec middle = vec_set(-kA2 - kB2);
    const Vec even_a = vec_fma(vec_set(-kB2), d[2], d[4]), even_b = vec_fma(vec_set(-kA2), d[2], d[4]);
    const Vec odd_a = vec_mul(vec_set(kA), vec_fma(vec_set(-kB2), d[1], d[3]));
    const Vec odd_b = vec_mul(vec_set(kB), vec_fma(vec_set(-kA2), d[1], d[3]));
    o[0] = vec_add(d[0], vec_fma(middle, d[2], d[4]));
    o[1] = vec_add(even_a, odd_a), o[2] = vec_sub(even_a, odd_a);
    o[3] = vec_add(even_b, odd_b), o[4] = vec_sub(even_b, odd_b);
    o[5] = vec_add(d[1], vec_fma(middle, d[3], d[5]));
  }
  static FR_INLINE void apply(Const<3>, Vec (&o)[6], const Vec (&d)[6]) {  // times point + b
    const Vec even = vec_mul(vec_set(kA2 - kB2), d[2]);
    const Vec outer = vec_fma(vec_set(-kB), d[3], vec_fma(vec_set(-kA2), d[2], vec_mul(vec_set(kA), d[1])));
    const Vec inner = vec_fma(vec_set(kB), d[3], vec_fma(vec_set(-kB2), d[2], vec_mul(vec_set(-kA), d[1])));
    o[0] = vec_add(d[0], inner);
    o[1] = vec_fma(vec_set(kB + kA), vec_sub(d[3], d[1]), even);
    o[2] = vec_fma(vec_set(kB - kA), vec_add(d[3], d[1]), even);
    o[3] = vec_mul(vec_set(2 * kB), vec_fma(vec_set(-kA2), d[1], d[3]));
    o[5] = vec_add(d[4], outer);
  }
  static FR_INLINE void apply(Const<2>, Vec (&o)[6], const Vec (&d)[6]) {  // times point^2 - b^2
    const Vec even = vec_mul(vec_set(kA2 - kB2), d[2]), odd = vec_mul(vec_set(kA3 - kA * kB2), d[1]);
    o[0] = vec_fma(vec_set(-kB2), d[2], d[0]);
    o[1] = vec_add(even, odd), o[2] = vec_sub(even, odd);
    o[5] = vec_fma(vec_set(-kA2), d[1], d[3]);
  }
};
struct OutputTransform {  // A', places -> size: powers of the points
  static constexpr int kIn = kReach, kOut = kTile;
  static constexpr bool takes(int size, int i) { return has_place(size, i); }
  static constexpr bool gives(int size, int i) { return i < size; }

  static FR_INLINE void apply(Const<4>, Vec (&o)[4], const Vec (&m)[6]) {
    const Vec sum_a = vec_add(m[1], m[2]), difference_a = vec_sub(m[1], m[2]);
    const Vec sum_b = vec_add(m[3], m[4]), difference_b = vec_sub(m[3], m[4]);
    o[0] = vec_add(m[0], vec_add(sum_a, sum_b));
    o[1] = vec_fma(vec_set(kA), difference_a, vec_mul(vec_set(kB), difference_b));
    o[2] = vec_fma(vec_set(kA2), sum_a, vec_mul(vec_set(kB2), sum_b));
    o[3] = vec_fma(vec_set(kA3), difference_a, vec_fma(vec_set(kB3), difference_b, m[5]));
  }
  static FR_INLINE void apply(Const<3>, Vec (&o)[4], const Vec (&m)[6]) {
    const Vec sum = vec_add(m[1], m[2]), difference = vec_sub(m[1], m[2]);
    o[0] = vec_add(vec_add(m[0], m[3]), sum);
    o[1] = vec_fma(vec_set(kA), difference, vec_mul(vec_set(kB), m[3]));
    o[2] = vec_fma(vec_set(kA2), sum, vec_fma(vec_set(kB2), m[3], m[5]));
  }
  static FR_INLINE void apply(Const<2>, Vec (&o)[4], const Vec (&m)[6]) {
    o[0] = vec_add(m[0], vec_add(m[1], m[2]));
    o[1] = vec_fma(vec_set(kA), vec_sub(m[1], m[2]), m[5]);
  }
};
struct GradientTransform {  // A, size -> places
  static constexpr int kIn = kTile, kOut = kReach;
  static constexpr bool takes(int size, int i) { return i < size; }
  static constexpr bool gives(int size, int i) { return has_place(size, i); }

  static FR_INLINE void apply(Const<4>, Vec (&o)[6], const Vec (&y)[4]) {
    const Vec even_a = vec_fma(vec_set(kA2), y[2], y[0]), even_b = vec_fma(vec_set(kB2), y[2], y[0]);
    const Vec odd_a = vec_fma(vec_set(kA3), y[3], vec_mul(vec_set(kA), y[1]));
    const Vec odd_b = vec_fma(vec_set(kB3), y[3], vec_mul(vec_set(kB), y[1]));
    o[0] = y[0];
    o[1] = vec_add(even_a, odd_a), o[2] = vec_sub(even_a, odd_a);
    o[3] = vec_add(even_b, odd_b), o[4] = vec_sub(even_b, odd_b);
    o[5] = y[3];
  }
  static FR_INLINE void apply(Const<3>, Vec (&o)[6], const Vec (&y)[4]) {
    const Vec even = vec_fma(vec_set(kA2), y[2], y[0]), odd = vec_mul(vec_set(kA), y[1]);
    o[0] = y[0];
    o[1] = vec_add(even, odd), o[2] = vec_sub(even, odd);
    o[3] = vec_fma(vec_set(kB2), y[2], vec_fma(vec_set(kB), y[1], y[0]));
    o[5] = y[2];
  }
  static FR_INLINE void apply(Const<2>, Vec (&o)[6], const Vec (&y)[4]) {
    o[0] = y[0];
    o[1] = vec_fma(vec_set(kA), y[1], y[0]), o[2] = vec_fma(vec_set(-kA), y[1], y[0]);
    o[5] = y[1];
  }
};
constexpr float kScaleA = 1 / (2 * kA2 * (kA2 - kB2)),
                kScaleB = 1 / (2 * kB2 * (kB2 - kA2));  // 1 / prod (point - others)
struct FilterTransform {                                // G, 3 -> 6
  static constexpr int kIn = 3, kOut = kReach;
  static constexpr bool takes(int, int) { return true; }
  static constexpr bool gives(int, int) { return true; }

  static FR_INLINE void apply(Const<4>, Vec (&o)[6], const Vec (&g)[3]) {
    const Vec even_a = vec_fma(vec_set(kScaleA * kA2), g[2], vec_mul(vec_set(kScaleA), g[0]));
    const Vec even_b = vec_fma(vec_set(kScaleB * kB2), g[2], vec_mul(vec_set(kScaleB), g[0]));
    const Vec odd_a = vec_mul(vec_set(kScaleA * kA), g[1]), odd_b = vec_mul(vec_set(kScaleB * kB), g[1]);
    o[0] = g[0];
    o[1] = vec_add(even_a, odd_a), o[2] = vec_sub(even_a, odd_a);
    o[3] = vec_add(even_b, odd_b), o[4] = vec_sub(even_b, odd_b);
    o[5] = g[2];
  }
};
struct FilterGradientTransform {  // G', 6 -> 3
  static constexpr int kIn = kReach, kOut = 3;
  static constexpr bool takes(int, int) { return true; }
  static constexpr bool gives(int, int) { return true; }

  static FR_INLINE void apply(Const<4>, Vec (&o)[3], const Vec (&u)[6]) {
    const Vec sum_a = vec_add(u[1], u[2]), difference_a = vec_sub(u[1], u[2]);
    const Vec sum_b = vec_add(u[3], u[4]), difference_b = vec_sub(u[3], u[4]);
    o[0] = vec_fma(vec_set(kScaleA), sum_a, vec_fma(vec_set(kScaleB), sum_b, u[0]));
    o[1] = vec_fma(vec_set(kScaleA * kA), difference_a, vec_mul(vec_set(kScaleB * kB), difference_b));
    o[2] = vec_fma(vec_set(kScaleA * kA2), sum_a, vec_fma(vec_set(kScaleB * kB2), sum_b, u[5]));
  }
};

// --- in two: out <- F in F' for `height` x `width` results; load(i, j) gives an element, store(i, j, v) takes one ---

struct Index {
  int value;
};
// A tile of 36 vectors fits the registers of AVX-512, but not the 16 of AVX2: there, loops that stay loops take one row
// at a time, and what lies between them is an array in L1. Unrolled, half of the instructions would be spills.
template <int N, class F>
FR_INLINE void each(const F& f) {
  if constexpr (kWidth == 16)
    unroll<N>(f);
  else
    for (int i = 0; i < N; ++i) f(Index{i});
}

template <class F, int height, int width, class Load, class Store>
FR_INLINE void transform(const Load& load, const Store& store) {
  constexpr int In = F::kIn, Out = F::kOut;
  Vec half[Out][In];
  each<In>(FR_LAMBDA(j) {
    if (!F::takes(width, j.value)) return;
    Vec column[In], result[Out];
    unroll<In>(FR_LAMBDA(i) {
      if constexpr (F::takes(height, i.value)) column[i.value] = load(i.value, j.value);
    });
    F::apply(Const<height>{}, result, column);
    unroll<Out>(FR_LAMBDA(i) {
      if constexpr (F::gives(height, i.value)) half[i.value][j.value] = result[i.value];
    });
  });
  each<Out>(FR_LAMBDA(i) {
    if (!F::gives(height, i.value)) return;
    Vec result[Out];
    F::apply(Const<width>{}, result, half[i.value]);
    unroll<Out>(FR_LAMBDA(j) {
      if constexpr (F::gives(width, j.value)) store(i.value, j.value, result[j.value]);
    });
  });
}

// --- from and to memory. The 36 places of a transformed tile are `step` floats apart. ---

// An odd number of cache lines, so that the 36 streams fall into different sets of a cache.
FR_INLINE int64_t place_step(int64_t floats) { return (ceil_div(floats, 16) | 1) * 16; }

FR_INLINE void prefetch(const float* p) { _mm_prefetch(reinterpret_cast<const char*>(p), _MM_HINT_T0); }

struct Places {
  float* at;
  int64_t step;
  FR_INLINE Vec operator()(int i, int j) const { return vec_load(at + (i * kReach + j) * step); }
  FR_INLINE void operator()(int i, int j, Vec v) const { vec_store(at + (i * kReach + j) * step, v); }
};

// Where the pixels of a tile are.
template <class T, int size>
struct Pixels {
  T* at[size][size];
  FR_INLINE T* (&operator[](int i))[size] { return at[i]; }
  FR_INLINE T* const (&operator[](int i) const)[size] { return at[i]; }
};

// How N maps of P x Q results are cut into tiles: whole ones of 4 x 4, and where the map ends a row and a column of lower
// and narrower ones. All tiles of a kind follow each other, in this order: low ones, whole ones, narrow ones, corners.
// So the tiles that have a place are neighbours too, whichever place it is.
struct TileGrid {
  int64_t N, rows, columns;             // of whole tiles
  int height, width;                    // of the last row and column; kTile: there are none
  int64_t low, narrow, corners, tiles;  // number of the first narrow tile, ...; there are `low` low ones

  TileGrid(int64_t n, int64_t P, int64_t Q)
      : N(n), rows(P / kTile), columns(Q / kTile), height(last(P % kTile)), width(last(Q % kTile)) {
    low = height < kTile ? N * columns : 0;
    narrow = low + N * rows * columns;
    corners = narrow + (width < kTile ? N * rows : 0);
    tiles = corners + (height < kTile && width < kTile ? N : 0);
  }
  static int last(int64_t rest) { return rest == 0 ? kTile : static_cast<int>(most(2, rest)); }

  struct Range {
    int64_t begin, end;
  };
  Range of_place(int place) const {
    const bool in_low = has_place(height, place / kReach), in_narrow = has_place(width, place % kReach);
    return {in_low ? 0 : low, !in_narrow ? narrow : in_low ? tiles : corners};
  }
  struct Position {
    int64_t n, row, column;
    int height, width;
  };
  Position position(int64_t t) const {
    if (t < low) return {t / columns, rows, t % columns, height, kTile};
    if (t < narrow) {
      t -= low;
      return {t / (rows * columns), t / columns % rows, t % columns, kTile, kTile};
    }
    if (t < corners) return {(t - narrow) / rows, (t - narrow) % rows, columns, kTile, width};
    return {t - corners, rows, columns, height, width};
  }
};

// f(Const<height>, Const<width>) of a tile.
template <class F>
FR_INLINE void with_size(const TileGrid::Position& p, const F& f) {
  const auto rows = [&](auto height) {
    p.width == 4 ? f(height, Const<4>{}) : p.width == 3 ? f(height, Const<3>{}) : f(height, Const<2>{});
  };
  p.height == 4 ? rows(Const<4>{}) : p.height == 3 ? rows(Const<3>{}) : rows(Const<2>{});
}

// A map (N,H,W,C) under a grid; tile (i, j) of an image starts at pixel (4 i - pad_h, 4 j - pad_w).
template <class T>
struct TiledMap {
  T* x;
  int64_t H, W, C, pad_h, pad_w;
  const float* zeros = nullptr;  // C of them, read where a tile leaves the map

  // Pixels beyond the map are `outside`.
  template <int size>
  FR_INLINE Pixels<T, size> pixels(const TileGrid::Position& p, T* outside) const {
    const int64_t h0 = p.row * kTile - pad_h, w0 = p.column * kTile - pad_w;
    Pixels<T, size> at;
    for (int i = 0; i < size; ++i)
      for (int j = 0; j < size; ++j) {
        const int64_t h = h0 + i, w = w0 + j;
        at[i][j] = h >= 0 && h < H && w >= 0 && w < W ? x + ((p.n * H + h) * W + w) * C : outside;
      }
    return at;
  }
};

// A transformed tile of a map: v[place][block][T][kBlock] <- F (tile) F', at the places that it has. Lanes beyond the last
// channel up to a whole vector are zero.
template <class F, int height, int width>
void transform_tile(float* v, int64_t T, const Pixels<const float, F::kIn>& at, int64_t channel,
                    int64_t channels) {
  const int64_t step = place_step(ceil_div(channels, kBlock) * T * kBlock);
  for_channels(
      channels, [&](int64_t c, auto... mask) __attribute__((always_inline)) {
        transform<F, height, width>(
            [&](int i, int j)
                __attribute__((always_inline)) { return vec_load(at[i][j] + channel + c, mask...); },
            Places{v + c / kBlock * T * kBlock + c % kBlock, step});
      });
}
// Tiles begin .. begin + count - 1, of which the first is number `first` of the T in v; some channels of the map.
template <class F>
void transform_channels(float* v, int64_t T, int64_t first, const TiledMap<const float>& map,
                        const TileGrid& grid, int64_t begin, int64_t count, int64_t channel,
                        int64_t channels) {
  for (int64_t t = 0; t < count; ++t) {
    const TileGrid::Position p = grid.position(begin + t);
    const auto at = map.template pixels<F::kIn>(p, map.zeros);
    with_size(p, [&](auto height, auto width) {
      transform_tile<F, height.value, width.value>(v + (first + t) * kBlock, T, at, channel, channels);
    });
  }
}
template <class F>
void transform_tiles(float* v, int64_t T, int64_t first, const TiledMap<const float>& map,
                     const TileGrid& grid, int64_t begin, int64_t count) {
  transform_channels<F>(v, T, first, map, grid, begin, count, 0, map.C);
}

// Channels n0 .. n0 + kPanel - 1 of a tile of C <- end(A' m A, address, channel), m[place][kPanel].
template <int height, int width, class End>
void write_tile(const Pixels<float, kTile>& at, const float* m, int64_t step, int64_t C, int64_t n0,
                const End& end) {
  for_channels(
      least(kPanel, C - n0), [&](int64_t c, auto... mask) __attribute__((always_inline)) {
        transform<OutputTransform, height, width>(
            Places{const_cast<float*>(m) + c, step}, [&](int i, int j, Vec o) __attribute__((always_inline)) {
              if (!at[i][j]) return;
              float* p = at[i][j] + n0 + c;
              vec_store(p, end(o, p, n0 + c, mask...), mask...);
            });
      });
}

// A tile of the results, and where it goes.
struct TileOut {
  TileGrid::Position p;
  Pixels<float, kTile> at;

  TileOut() = default;
  TileOut(const TiledMap<float>& map, const TileGrid& grid, int64_t t)
      : p(grid.position(t)), at(map.pixels<kTile>(p, nullptr)) {}

  template <class End>
  void write(const float* m, int64_t step, int64_t C, int64_t n0, const End& end) const {
    with_size(
        p, [&](auto height, auto width) { write_tile<height.value, width.value>(at, m, step, C, n0, end); });
  }
};

// What is written in place of a result.
struct Overwrite {
  template <class... M>
  FR_INLINE Vec operator()(Vec y, const float*, int64_t, M...) const {
    return y;
  }
};
struct AddTo {
  template <class... M>
  FR_INLINE Vec operator()(Vec y, const float* at, int64_t, M... mask) const {
    return vec_add(vec_load(at, mask...), y);
  }
};
struct Finish {  // Conv2dFinish
  Conv2dFinish<float> f;
  const float* y;  // the whole map

  template <class... M>
  FR_INLINE Vec operator()(Vec u, const float* at, int64_t k, M... mask) const {
    if (f.scale) u = vec_mul(u, vec_load(f.scale + k, mask...));
    if (f.shift) u = vec_add(u, vec_load(f.shift + k, mask...));
    if (f.slope) u = vec_prelu(u, vec_load(f.slope + k, mask...));
    if (f.residual) u = vec_add(u, vec_load(f.residual + (at - y), mask...));
    return u;
  }
};

// Filters as the right operand: u[place][channel][kPanel] <- G g G' for the kPanel columns from n0. Lanes beyond the
// last column are zero.
struct ForwardFilters {  // column k, channel c: w_k..c
  const float* w;
  int64_t K, C;

  void transform_panel(float* u, int64_t step, int64_t n0, int64_t first, int64_t channels) const {
    alignas(64) float taps[9 * kWidth * kWidth];  // [tap][channel][filter]
    for (int64_t v = 0; v < kPanel; v += kWidth)
      for (int64_t c0 = 0; c0 < channels; c0 += kWidth) {
        const int64_t count = least(kWidth, channels - c0);
        for (int tap = 0; tap < 9; ++tap) {
          const float* rows[kWidth];
          for (int64_t i = 0; i < kWidth; ++i)
            rows[i] = n0 + v + i < K ? w + ((n0 + v + i) * 9 + tap) * C + first + c0 : kNoFilter;
          for (int i = 0; i < kWidth; ++i) prefetch(rows[i] + kWidth);
          transpose_rows(taps + tap * kWidth * kWidth, kWidth, rows, count);
        }
        for (int64_t c = 0; c < count; ++c) {
          transform<FilterTransform, kTile, kTile>(
              [&](int i, int j) __attribute__((always_inline)) {
                return vec_load(taps + ((i * 3 + j) * kWidth + c) * kWidth);
              },
              Places{u + (c0 + c) * kPanel + v, step});
        }
      }
  }
  alignas(64) static constexpr float kNoFilter[kWidth] = {};
};
struct TurnedFilters {  // column c, channel k: w_k..c turned by 180 degrees
  const float* w;
  int64_t K, C;

  void transform_panel(float* u, int64_t step, int64_t n0, int64_t first, int64_t channels) const {
    for (int64_t k = 0; k < channels; ++k)
      for (int64_t v = 0; v < kPanel; v += kWidth) {
        const Mask mask = first_lanes(static_cast<int>(most(0, least(kWidth, C - n0 - v))));
        transform<FilterTransform, kTile, kTile>(
            [&](int i, int j) __attribute__((always_inline)) {
              const float* row = w + ((first + k) * 9 + 8 - i * 3 - j) * C + n0 + v;
              prefetch(row + 4 * 9 * C);  // rows are far apart: no hardware prefetcher sees the pattern
              return vec_load(row, mask);
            },
            Places{u + k * kPanel + v, step});
      }
  }
};

}  // namespace
}  // namespace fr::FR_ISA
