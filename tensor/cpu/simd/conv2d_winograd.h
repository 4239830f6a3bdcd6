// 3x3 convolution with stride 1 in a quarter of the multiplications (winograd_transform.h has the equations): summed over
// channels, the product in brackets is 36 matrix products, one for each place of a tile, and they are all this file does.
// Nothing is packed: tiles are transformed into blocks of kBlock channels, [channel block][tile][kBlock], which the product
// reads as they lie. Private to conv2d.cpp.
#pragma once
#include "tensor/cpu/simd/gemm_block.h"
#include "tensor/cpu/simd/winograd_transform.h"

namespace fr::FR_ISA {
namespace {

constexpr int64_t kFetchAhead =
    kWidth == 16 ? 16 : 64;  // rows of filters: how far the next are fetched into L1

// m[MR tiles][kPanel] (add: +=) sum_c a[c / kBlock][tile][c % kBlock] b[c][kPanel];   blocks of a are a_step apart
template <int MR>
FR_ALIGNED void tiles_product(int64_t C, const float* a, int64_t a_step, const float* b, float* m, bool add) {
  Vec acc[MR][2];
  unroll<MR>(FR_LAMBDA(i) {
    acc[i.value][0] = add ? vec_load(m + i.value * kPanel) : vec_zero();
    acc[i.value][1] = add ? vec_load(m + i.value * kPanel + kWidth) : vec_zero();
  });
  auto step = [&](const float* ac, const float* bc) __attribute__((always_inline)) {
    const Vec b0 = vec_load(bc), b1 = vec_load(bc + kWidth);
    unroll<MR>(FR_LAMBDA(i) {
      const Vec av = vec_set(ac[i.value * kBlock]);
      acc[i.value][0] = vec_fma(av, b0, acc[i.value][0]);
      acc[i.value][1] = vec_fma(av, b1, acc[i.value][1]);
    });
  };
  const float* const following = a + MR * kBlock;  // tiles: those of the next call, more often than not
  for (; C >= kBlock; C -= kBlock, a += a_step) {
    const float* next = C >= 2 * kBlock ? a + a_step : following;
    for (int c = 0; c < kBlock; ++c, b += kPanel, next += kBlock) {
      for (int i = 0; i < kPanel; i += 16) prefetch(b + kFetchAhead * kPanel + i);
      if constexpr (kWidth == 16) prefetch(next);  // tiles come from L2 or further away
      step(a + c, b);
    }
  }
  for (int c = 0; c < C; ++c, b += kPanel) step(a + c, b);
  unroll<MR>(FR_LAMBDA(i) {
    vec_store(m + i.value * kPanel, acc[i.value][0]);
    vec_store(m + i.value * kPanel + kWidth, acc[i.value][1]);
  });
}

using TilesProduct = void (*)(int64_t C, const float* a, int64_t a_step, const float* b, float* m, bool add);
template <int... I>
constexpr auto tiles_table() {
  struct Table {
    TilesProduct of_rows[sizeof...(I)];
  };
  return Table{{tiles_product<I + 1>...}};
}
#ifdef __AVX512F__
constexpr auto kTilesProduct = tiles_table<0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13>();
#else
constexpr auto kTilesProduct = tiles_table<0, 1, 2, 3, 4, 5>();
#endif

// Found by measuring, for AVX-512 on a processor with 1 MiB of L2 a core and a last cache that keeps up with writes to
// 8 MiB, for AVX2 on one with 512 KiB (Zen 3). Floats:
constexpr int64_t kKeptFilters = 1 << 22;    // transformed filters, or sums, that are kept as a whole
constexpr int64_t kCachedFilters = 1 << 20;  // transformed filters that run_fused keeps near
constexpr int64_t kMapGroup = 1 << 22;       // transformed tiles of run_panels
constexpr int64_t kGradientGroup = 1 << 20;  // transformed tiles of both maps, for the gradient of the filter
constexpr int64_t kSliceSums = 80 << 10;     // sums of run_slices
constexpr int64_t kSliceTiles = 96 << 10;    // transformed tiles of run_slices
// Tiles of a piece of run_fused; tiles, channels and panels of a piece of run_panels; tiles transformed by one thread.
constexpr int64_t kFusedTiles = kMaxRows;
constexpr int64_t kPanelsTiles = kWidth == 16 ? 256 : 128, kPanelsChannels = 64,
                  kPanelsColumns = kWidth == 16 ? 2 : 1;
constexpr int64_t kManyTiles = 128;  // for run_fused with more filters than that
constexpr int64_t kChunk = 8;

// out (N,P,Q,K) <- end(the correlation of in (N,H,W,C) with the filters, address, channel).
template <class Filters, class End>
struct WinogradCorrelation {
  TiledMap<float> out;
  TiledMap<const float> in;
  TileGrid grid;
  const Filters& filters;
  const End& end;
  const float* prepared = nullptr;  // all transformed filters, [panel][place][channel][kPanel], or none

  struct Channels {  // a range of the input's
    int64_t begin, count;
    int64_t step() const { return place_step(count * kPanel); }  // between places of their filters
    int64_t panel() const { return kPlaces * step(); }           // floats of a panel of filters
  };
  struct
      Tiles {  // a range of those that were transformed together, of which the first is number `first` of all
    int64_t begin, count, first;
  };
  int64_t blocks() const { return ceil_div(in.C, kBlock); }
  int64_t panels() const { return ceil_div(out.C, kPanel); }
  int64_t v_places(int64_t T) const { return kPlaces * place_step(blocks() * T * kBlock); }
  static int64_t m_step(int64_t tiles) { return place_step(tiles * kPanel); }

  // m[panel][place][tile][kPanel] from v[place][block][T][kBlock] and u[panel][place][channel][kPanel]; channels after
  // the first are added.
  void product(float* m, int64_t step, const float* v, int64_t T, const Tiles& t, const float* u,
               const Channels& c, int64_t columns) const {
    const int64_t v_step = v_places(T) / kPlaces;
    for (int place = 0; place < kPlaces; ++place) {
      const TileGrid::Range has = grid.of_place(place);
      const int64_t first = most(t.begin, has.begin - t.first),
                    count = least(t.begin + t.count, has.end - t.first) - first;
      const int64_t groups = count <= 0 ? 0 : ceil_div(count, kMaxRows);
      const float* a = v + place * v_step + c.begin * T + first * kBlock;
      float* to = m + (first - t.begin) * kPanel;
      for (int64_t g = 0; g < groups; ++g) {
        const int64_t begin = count * g / groups, rows = count * (g + 1) / groups - begin;
        for (int64_t j = place; j < columns * kPlaces; j += kPlaces)
          kTilesProduct.of_rows[rows - 1](c.count, a + begin * kBlock, T * kBlock, u + j * c.step(),
                                          to + j * step + begin * kPanel, c.begin > 0);
      }
    }
  }

  // A piece transforms some tiles, multiplies them with the filters, a panel after the other, and writes them out. Its maps
  // stay within L2; the filters stream from the last cache.
  void run_fused() {
    const int64_t tiles = grid.tiles;
    const int64_t turns = ceil_div(tiles, kFusedTiles * threads());  // of every thread, equally long
    const int64_t T = ceil_div(tiles, turns * threads()), pieces = ceil_div(tiles, T);
    const int64_t workers = least(pieces, threads());
    const int64_t own = v_places(T) + kPlaces * m_step(T);
    Scratch<float> memory(static_cast<size_t>(prepared_size() + workers * own + blocks() * kBlock));
    float *u = memory.get(), *owned = u + prepared_size();
    set_zeros(owned + workers * own);
    prepare(u);
    for_each_piece(workers, pieces, [&](int64_t worker, int64_t i) {
      fused_piece(owned + worker * own, u, T, i * T, least(T, tiles - i * T));
    });
  }
  void fused_piece(float* v, const float* u, int64_t T, int64_t begin, int64_t count) const {
    float* m = v + v_places(T);
    const Channels all{0, in.C};
    transform_tiles<InputTransform>(v, T, 0, in, grid, begin, count);
    TileOut to[kFusedTiles];
    for (int64_t t = 0; t < count; ++t) to[t] = TileOut(out, grid, begin + t);
    for (int64_t j = 0; j < panels(); ++j) {
      product(m, m_step(T), v, T, {0, count, begin}, u + j * all.panel(), all, 1);
      for (int64_t t = 0; t < count; ++t) to[t].write(m + t * kPanel, m_step(T), out.C, j * kPanel, end);
    }
  }

  // Many channels: all tiles of a group are transformed first. A piece transforms the filters of one or two panels, some
  // channels at a time, and multiplies the group with them: transformed filters never leave the cache.
  void run_panels() {
    const int64_t tiles = grid.tiles;
    const int64_t groups = ceil_div(kPlaces * in.C * tiles, kMapGroup), T = ceil_div(tiles, groups);
    const int64_t columns = least(kPanelsColumns, panels()), column_pieces = ceil_div(panels(), columns);
    const int64_t ranges =
        least(ceil_div(T, kMaxRows), most(ceil_div(T, kPanelsTiles), ceil_div(threads(), column_pieces)));
    const int64_t range = ceil_div(T, ranges), pieces = column_pieces * ranges,
                  workers = least(pieces, threads());
    const Channels first = channels(0);
    const int64_t v_size = v_places(T);
    const int64_t u_size = prepared ? 0 : columns * first.panel(),
                  own = u_size + columns * kPlaces * m_step(range);
    Scratch<float> memory(static_cast<size_t>(v_size + workers * own + blocks() * kBlock));
    float *v = memory.get(), *owned = v + v_size;
    set_zeros(owned + workers * own);
    for (int64_t begin = 0; begin < tiles; begin += T) {
      const int64_t count = least(T, tiles - begin);
      transform_group(v, T, begin, count);
      for_each_piece(workers, pieces, [&](int64_t worker, int64_t i) {
        float *u = owned + worker * own, *m = u + u_size;
        const int64_t j = i / ranges * columns, t0 = i % ranges * range;
        if (t0 < count) panels_piece(u, m, m_step(range), v, T, {t0, least(range, count - t0), begin}, j);
      });
    }
  }
  void transform_group(float* v, int64_t T, int64_t begin, int64_t count) const {
    parallel_ranges(count, kChunk, [&](int64_t first, int64_t last) {
      transform_tiles<InputTransform>(v, T, first, in, grid, begin + first, last - first);
    });
  }
  void panels_piece(float* u, float* m, int64_t step, const float* v, int64_t T, const Tiles& t,
                    int64_t first_panel) const {
    const int64_t columns = least(kPanelsColumns, panels() - first_panel);
    for (Channels c = channels(0); c.count > 0; c = channels(c.begin + c.count)) {
      for (int64_t j = 0; j < columns && !prepared; ++j)
        transform_filters(u + j * c.panel(), first_panel + j, c);
      product(m, step, v, T, t, prepared ? prepared + first_panel * c.panel() : u, c, columns);
    }
    for (int64_t k = 0; k < t.count; ++k) {
      const TileOut to(out, grid, t.first + t.begin + k);
      for (int64_t j = 0; j < columns; ++j)
        to.write(m + j * kPlaces * step + k * kPanel, step, out.C, (first_panel + j) * kPanel, end);
    }
  }

  // The next ones to be multiplied: all when their filters need no transform on the way.
  Channels channels(int64_t begin) const {
    return {begin, prepared ? in.C - begin : least(kPanelsChannels, in.C - begin)};
  }
  void prepare(float* u) const {
    const Channels all{0, in.C};
    parallel_for(panels(), [&](int64_t j) { transform_filters(u + j * all.panel(), j, all); });
  }
  int64_t prepared_size() const { return panels() * Channels{0, in.C}.panel(); }
  void transform_filters(float* u, int64_t panel, const Channels& c) const {
    filters.transform_panel(u, c.step(), panel * kPanel, c.begin, c.count);
  }
  void set_zeros(float* zeros) {
    zero_floats(zeros, blocks() * kBlock);
    in.zeros = zeros;
  }
  // With few tiles, writing all transformed filters to memory and reading them back would take longer than the product.
  void run() {
    const int64_t filters_floats = kPlaces * in.C * out.C;
    const bool fused =
        filters_floats <= kCachedFilters || (filters_floats <= kKeptFilters && grid.tiles >= kManyTiles);
    fused && !prepared ? run_fused() : run_panels();
  }
};

inline int64_t tiles_of(int64_t size) { return ceil_div(size, kTile); }

template <class End>
WinogradCorrelation<ForwardFilters, End> winograd_correlation(float* y, const float* x,
                                                              const ForwardFilters& filters,
                                                              const Conv2dShape& s, const End& end) {
  return {
      {y, s.P(), s.Q(), s.K, 0, 0}, {x, s.H, s.W, s.C, s.pad_h, s.pad_w}, {s.N, s.P(), s.Q()}, filters, end};
}
template <class End>
void winograd_forward(float* y, const float* x, const float* w, const float* prepared, const Conv2dShape& s,
                      const End& end) {
  const ForwardFilters filters{w, s.K, s.C};
  auto correlation = winograd_correlation(y, x, filters, s, end);
  correlation.prepared = prepared;
  correlation.run();
}

// dx: dy padded by 2 - pad, correlated with the turned filters, channels and filters exchanged.
template <class End>
void winograd_backward_input(float* dx, const float* dy, const float* w, const Conv2dShape& s,
                             const End& end) {
  WinogradCorrelation<TurnedFilters, End>{{dx, s.H, s.W, s.C, 0, 0},
                                          {dy, s.P(), s.Q(), s.K, 2 - s.pad_h, 2 - s.pad_w},
                                          {s.N, s.H, s.W},
                                          TurnedFilters{w, s.K, s.C},
                                          end}
      .run();
}

// --- gradient of the filter ---

// du[MR][NV kWidth] (add: +=) sum_t z[t][MR of kBlock] v[c / kBlock][t][c % kBlock], c of NV vectors from `first` on;
// blocks of v are v_step apart
template <int MR, int NV>
FR_ALIGNED void filters_product(int64_t T, const float* z, const float* v, int64_t first, int64_t v_step,
                                float* du, int64_t ld, bool add) {
  const float* from[NV];
  unroll<NV>(FR_LAMBDA(n) {
    const int64_t c = first + n.value * kWidth;
    from[n.value] = v + c / kBlock * v_step + c % kBlock;
  });
  Vec acc[MR][NV];
  unroll<MR>(FR_LAMBDA(i) {
    unroll<NV>(FR_LAMBDA(n) {
      acc[i.value][n.value] = add ? vec_load(du + i.value * ld + n.value * kWidth) : vec_zero();
    });
  });
  for (int64_t t = 0; t < T * kBlock; t += kBlock) {
    Vec b[NV];
    unroll<NV>(FR_LAMBDA(n) { b[n.value] = vec_load(from[n.value] + t); });
    unroll<MR>(FR_LAMBDA(i) {
      const Vec a = vec_set(z[t + i.value]);
      unroll<NV>(FR_LAMBDA(n) { acc[i.value][n.value] = vec_fma(a, b[n.value], acc[i.value][n.value]); });
    });
  }
  unroll<MR>(FR_LAMBDA(i) {
    unroll<NV>(FR_LAMBDA(n) { vec_store(du + i.value * ld + n.value * kWidth, acc[i.value][n.value]); });
  });
}

// dw: G' [ sum over tiles of (A dY A') . (B' d B) ] G
struct WinogradFilterGradient {
  float* dw;
  TiledMap<const float> x, dy;
  TileGrid grid;
  Gradient into;

  struct Region {
    int64_t k, c;              // its first blocks
    int64_t k_count, c_count;  // in blocks of kWidth
  };
  int64_t blocks_k() const { return ceil_div(dy.C, kWidth); }
  int64_t blocks_c() const { return ceil_div(x.C, kWidth); }

  // Tiles that are transformed together: few enough for the last cache, many enough that adding to the sums of all
  // filters is not what takes the time.
  int64_t group() const {
    const int64_t fit = kGradientGroup / (kPlaces * (x.C + dy.C)), enough = 2 * x.C * dy.C / (x.C + dy.C);
    return ceil_div(grid.tiles, ceil_div(grid.tiles, most(most(fit, enough), kChunk)));
  }

  // Transformed tiles of both maps, T at a time, and sums.
  struct Maps {
    int64_t T, v_step, z_step;
    float *v = nullptr, *z = nullptr, *sums = nullptr;

    Maps(int64_t tiles, int64_t channels, int64_t filters)
        : T(tiles),
          v_step(place_step(ceil_div(channels, kBlock) * T * kBlock)),
          z_step(place_step(ceil_div(filters, kBlock) * T * kBlock)) {}
    int64_t floats() const { return kPlaces * (v_step + z_step); }
    void place(float* memory) { v = memory, z = v + kPlaces * v_step, sums = z + kPlaces * z_step; }
  };
  int64_t zeros() const { return most(x.C, dy.C) + kWidth; }
  void set_zeros(float* p) {
    zero_floats(p, zeros());
    x.zeros = dy.zeros = p;
  }

  // du[place][filter][channel] of a region (tiles before these: +=) z' v at one place, summed over the tiles that have it
  void product(float* du, int64_t step, const Maps& maps, int64_t begin, int64_t tiles, const Region& r,
               int place) const {
    constexpr int rows = kWidth / 2, wide = kWidth == 16 ? 2 : 3;
    const int64_t ld = r.c_count * kWidth, block = maps.T * kBlock;
    const TileGrid::Range has = grid.of_place(place);
    const int64_t first = most(0, has.begin - begin), count = most(0, least(tiles, has.end - begin) - first);
    const float* v = maps.v + place * maps.v_step + first * kBlock;
    const float* z = maps.z + place * maps.z_step + first * kBlock;
    for (int64_t c = 0, n; c < r.c_count; c += n) {
      n = least(r.c_count - c == 4 ? 2 : wide, r.c_count - c);
      const auto kernel = n == 1   ? filters_product<rows, 1>
                          : n == 2 ? filters_product<rows, 2>
                                   : filters_product<rows, wide>;
      for (int64_t k = r.k * kWidth, end = k + r.k_count * kWidth; k < end; k += rows)
        kernel(count, z + k / kBlock * block + k % kBlock, v, (r.c + c) * kWidth, block,
               du + place * step + (k - r.k * kWidth) * ld + c * kWidth, ld, begin > 0);
    }
  }

  // dw: G' du G for filters first .. last - 1 of a region.
  void add_rows(const float* du, int64_t step, const Region& r, int64_t first, int64_t last) const {
    const int64_t ld = r.c_count * kWidth, c0 = r.c * kWidth, k0 = r.k * kWidth;
    for (int64_t k = first; k < last; ++k)
      for_channels(
          least(ld, x.C - c0), [&](int64_t c, auto... mask) __attribute__((always_inline)) {
            transform<FilterGradientTransform, kTile, kTile>(
                Places{const_cast<float*>(du) + (k - k0) * ld + c, step},
                [&](int i, int j, Vec g) __attribute__((always_inline)) {
                  float* p = dw + (k * 9 + i * 3 + j) * x.C + c0 + c;
                  vec_store(p, into == Gradient::add ? vec_add(vec_load(p, mask...), g) : g, mask...);
                });
          });
  }

  void transform_both(const Maps& maps, int64_t begin, int64_t count) const {
    parallel_for(2 * ceil_div(count, kChunk), [&](int64_t i) {
      const int64_t first = i / 2 * kChunk, n = least(kChunk, count - first);
      if (i % 2 == 0)
        transform_tiles<InputTransform>(maps.v, maps.T, first, x, grid, begin + first, n);
      else
        transform_tiles<GradientTransform>(maps.z, maps.T, first, dy, grid, begin + first, n);
    });
  }

  // Very few filters: a piece is a slice of them with all channels. Its sums and, some at a time, its tiles stay within L2,
  // at the cost of transforming x in every piece.
  int64_t slices() const {
    return most(ceil_div(kPlaces * x.C * dy.C, kSliceSums), least(threads(), ceil_div(dy.C, kBlock)));
  }
  bool slices_pay() const { return kWidth == kBlock && slices() <= 2; }
  void run_slices() {
    const int64_t blocks = ceil_div(dy.C, kBlock), count = least(slices(), blocks),
                  widest = ceil_div(blocks, count);
    const int64_t workers = least(count, threads());
    const int64_t T = least(grid.tiles, most(kChunk, kSliceTiles / (kPlaces * (x.C + widest * kBlock))));
    const int64_t step = place_step(widest * kBlock * blocks_c() * kWidth);
    const int64_t own = Maps(T, x.C, widest * kBlock).floats() + kPlaces * step;
    Scratch<float> memory(static_cast<size_t>(workers * own + zeros()));
    set_zeros(memory.get() + workers * own);
    for_each_piece(workers, count, [&](int64_t worker, int64_t i) {
      const int64_t first = blocks * i / count * kBlock,
                    filters = least(dy.C, blocks * (i + 1) / count * kBlock) - first;
      Maps maps(T, x.C, filters);
      maps.place(memory.get() + worker * own);
      const int64_t k_count = ceil_div(filters, kWidth);
      for (int64_t begin = 0; begin < grid.tiles; begin += T) {
        const int64_t tiles = least(T, grid.tiles - begin);
        transform_tiles<InputTransform>(maps.v, T, 0, x, grid, begin, tiles);
        transform_channels<GradientTransform>(maps.z, T, 0, dy, grid, begin, tiles, first, filters);
        for (int place = 0; place < kPlaces; ++place)
          product(maps.sums, step, maps, begin, tiles, {0, 0, k_count, blocks_c()}, place);
      }
      add_rows(maps.sums, step, {first / kWidth, 0, k_count, blocks_c()}, first, first + filters);
    });
  }

  // Some filters: a piece is one place, whose three matrices fit L2; the sums of all places are kept.
  void run_places() {
    const int64_t T = group(), K = blocks_k() * kWidth, ld = blocks_c() * kWidth, step = place_step(K * ld);
    const Region all{0, 0, blocks_k(), blocks_c()};
    Maps maps(T, x.C, dy.C);
    Scratch<float> memory(static_cast<size_t>(maps.floats() + kPlaces * step + zeros()));
    maps.place(memory.get());
    set_zeros(maps.sums + kPlaces * step);
    for (int64_t begin = 0; begin < grid.tiles; begin += T) {
      const int64_t count = least(T, grid.tiles - begin);
      transform_both(maps, begin, count);
      const int64_t splits = least(blocks_k(), ceil_div(2 * threads(), kPlaces));
      parallel_for(kPlaces * splits, [&](int64_t i) {
        const int64_t k = blocks_k() * (i % splits) / splits, end = blocks_k() * (i % splits + 1) / splits;
        product(maps.sums + k * kWidth * ld, step, maps, begin, count, {k, 0, end - k, blocks_c()},
                static_cast<int>(i / splits));
      });
    }
    parallel_ranges(dy.C, 4,
                    [&](int64_t first, int64_t last) { add_rows(maps.sums, step, all, first, last); });
  }

  // Many filters: a piece is a region of filters x channels at all places, and its sums are turned into gradients while
  // they are in the cache.
  void run_regions() {
    const int64_t T = group(), side = 64 / kWidth, rk = least(side, blocks_k()), rc = least(side, blocks_c());
    const int64_t across = ceil_div(blocks_c(), rc), regions = ceil_div(blocks_k(), rk) * across;
    const int64_t workers = least(regions, threads());
    const bool once = T == grid.tiles;  // then a worker needs the sums of its region only
    const int64_t step = place_step(rk * rc * kWidth * kWidth);
    const int64_t sums = (once ? workers : regions) * kPlaces * step;
    Maps maps(T, x.C, dy.C);
    Scratch<float> memory(static_cast<size_t>(maps.floats() + sums + zeros()));
    maps.place(memory.get());
    set_zeros(maps.sums + sums);
    for (int64_t begin = 0; begin < grid.tiles; begin += T) {
      const int64_t count = least(T, grid.tiles - begin);
      transform_both(maps, begin, count);
      for_each_piece(workers, regions, [&](int64_t worker, int64_t i) {
        const int64_t k = i / across * rk, c = i % across * rc;
        const Region r{k, c, least(rk, blocks_k() - k), least(rc, blocks_c() - c)};
        float* sum = maps.sums + (once ? worker : i) * kPlaces * step;
        for (int place = 0; place < kPlaces; ++place) product(sum, step, maps, begin, count, r, place);
        if (begin + T >= grid.tiles)
          add_rows(sum, step, r, k * kWidth, least(dy.C, (k + r.k_count) * kWidth));
      });
    }
  }

  void run() {
    if (slices_pay()) return run_slices();
    kPlaces* x.C* dy.C <= kKeptFilters ? run_places() : run_regions();
  }
};

inline void winograd_backward_filter(float* dw, const float* dy, const float* x, const Conv2dShape& s,
                                     Gradient into) {
  WinogradFilterGradient{
      dw, {x, s.H, s.W, s.C, s.pad_h, s.pad_w}, {dy, s.P(), s.Q(), s.K, 0, 0}, {s.N, s.P(), s.Q()}, into}
      .run();
}

}  // namespace
}  // namespace fr::FR_ISA
