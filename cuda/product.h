// Tile products: for each z, C_z (M,N) = sum_k A_z (M,K) B_z (K,N), cut into tiles of one block each.
//   A Problem says where A and B come from and what becomes of C:
//     Element, kA, kB, kAccess           the values; which index is contiguous in A and in B; how they are read
//     extent()                           M, N, K and the number of products
//     a<Panel>(z, m, k), b<Panel>(z, n, k)   the loaders of a tile (cuda/load_matrix.h)
//     finish(z, m, n, v, count)              takes count <= 8 neighbouring sums, from column n, a multiple of 8
//     kStatistics, keep(z, tile, n, moments) whether it wants the moments of the columns of each tile (not where k is cut)
//   A block walks along k with two stages of copies on their way ahead of the one it multiplies: one barrier a stage.
//   Where there are few tiles, k is cut into slices: each slice leaves its sums in memory and a second kernel adds them in
//   order. The number of slices depends on the problem alone, so that the bits do not depend on the card.
// Expected (no card was at hand). A tile of 128 x 128 reads 16 KB from the second-level cache for 1 MFLOP, 64 FLOP a byte: at
// 5.5 TB/s no more than 350 TFLOP/s on an H200, at 12 TB/s no limit; 128 x 64 reads 43 FLOP a byte: 235. mma.sync itself ends
// at about 63 % of the 790 TFLOP/s that wgmma reaches. For channels of 256 and more 35 to 45 % of 790 would be good.
#pragma once
#include "base/error.h"
#include "cuda/fragments.h"
#include "cuda/load_map.h"
#include "cuda/load_matrix.h"
#include "cuda/statistics.h"

namespace fr::FR_GPU {

struct Extent {
  int64_t M = 0, N = 0, K = 0, count = 1;
};

// kStages 3: the most that lets two blocks of 128 x 128 lie on a multiprocessor of 100 KB.
template <class T, Arithmetic arithmetic_, int M_, int N_, int warps_m_, int warps_n_, int blocks_>
struct Tile {
  static constexpr Arithmetic arithmetic = arithmetic_;
  static constexpr int M = M_, N = N_, warps_m = warps_m_, warps_n = warps_n_, blocks = blocks_;
  static constexpr int threads = warps_m * warps_n * kWarp, stages = 3, depth = 64 / sizeof(T);
  static constexpr int a_bytes = M * 64, stage_bytes = (M + N) * 64, pipeline = stages * stage_bytes;
  // Finishing, the sums pass through the same memory in lines of N + 8 floats (a warp writes 8 lines of 8 bytes a lane: 8 more
  // and they meet no bank twice), as many lines at a time as find room.
  static constexpr int pitch = N + 8;
  static constexpr int lines = M * pitch * 4 <= pipeline ? M : M / 2;
  static constexpr int sums = lines * pitch * 4;
  static constexpr size_t kept = size_t(pipeline > sums ? pipeline : sums), shared_bytes = kept + 16;
};

// The sizes that are compiled for each type: wide, narrow (few columns), flat (few rows), small (few tiles, and all scalar
// access).
template <class T>
struct Tiles;
template <>
struct Tiles<bfloat16> {
  using Wide = Tile<bfloat16, Arithmetic::bf16, 128, 128, 2, 4, 2>;
  using Narrow = Tile<bfloat16, Arithmetic::bf16, 128, 64, 4, 2, 2>;
  using Flat = Tile<bfloat16, Arithmetic::bf16, 64, 128, 2, 4, 2>;
  using Small = Tile<bfloat16, Arithmetic::bf16, 64, 64, 2, 2, 4>;
};
template <>
struct Tiles<float> {
  using Wide = Tile<float, Arithmetic::float32, 128, 64, 4, 2, 2>;
  using Narrow = Wide;
  using Flat = Tile<float, Arithmetic::float32, 64, 128, 2, 4, 2>;
  using Small = Tile<float, Arithmetic::float32, 64, 64, 2, 2, 4>;
};
struct Tf32Tiles {
  using Wide = Tile<float, Arithmetic::tf32, 128, 128, 2, 4, 2>;
  using Narrow = Tile<float, Arithmetic::tf32, 128, 64, 4, 2, 2>;
  using Flat = Tile<float, Arithmetic::tf32, 64, 128, 2, 4, 2>;
  using Small = Tile<float, Arithmetic::tf32, 64, 64, 2, 2, 4>;
};

// How the tiles are numbered: z slowest, then slices; of m and n the one with fewer tiles runs fastest, so that the long
// operand is read once.
struct Division {
  int64_t tiles_m = 0, tiles_n = 0, depths = 0, slices = 1;
  float* partial = nullptr;  // (count, slices, M, N) where slices > 1

  struct Place {
    int z, slice, m, n;  // m, n: tiles
  };
  FR_DEVICE Place place(int64_t i) const {
    const int64_t tiles = tiles_m * tiles_n, product = divide(i, tiles), tile = i - product * tiles;
    const int64_t z = divide(product, slices), slice = product - z * slices;
    const int64_t shorter = min(tiles_m, tiles_n), slow = divide(tile, shorter), fast = tile - slow * shorter;
    const bool m_fast = tiles_m <= tiles_n;
    return {int(z), int(slice), int(m_fast ? fast : slow), int(m_fast ? slow : fast)};
  }
  FR_DEVICE float* part(int64_t z, int64_t slice, const Extent& e) const {
    return partial + (z * slices + slice) * e.M * e.N;
  }
  FR_DEVICE int64_t begin(int64_t slice) const { return divide(slice * depths, slices); }
};

// The sums of `count` depths of k from k on.
template <class Tile, class LoadA, class LoadB, class Sum>
FR_DEVICE void accumulate(Sum& sum, LoadA& a, LoadB& b, int count) {
  char* const memory = shared<char>();
  int ahead = 0, to = 0, at = 0;  // the depth to be copied next, its stage, the stage to be multiplied
  const auto copy = [&] {
    if (ahead < count) {
      a.copy(memory + to * Tile::stage_bytes), b.copy(memory + to * Tile::stage_bytes + Tile::a_bytes);
      a.advance(), b.advance();
    }
    copy_commit();
    ++ahead, to = to + 1 == Tile::stages ? 0 : to + 1;
  };
  FR_ROLLED
  for (int s = 0; s < Tile::stages - 1; ++s) copy();
  FR_ROLLED
  for (int i = 0; i < count; ++i) {
    copy_wait<Tile::stages - 2>();
    sync();  // stage `at` has arrived for all; and nobody reads any longer what `copy` now writes
    copy();
    const char* stage = memory + at * Tile::stage_bytes;
    sum.step(stage, stage + Tile::a_bytes);
    at = at + 1 == Tile::stages ? 0 : at + 1;
  }
  sync();
}

// Hands the sums of a tile on, eight neighbours a thread at a time: to the problem, or to the slice's part of the memory.
template <class Tile, class Problem, class Sum>
FR_DEVICE void finish_tile(const Problem& problem, const Division& division, const Sum& sum,
                           const Division::Place& at) {
  constexpr bool statistics = Problem::kStatistics == Statistics::yes;
  [[maybe_unused]] ColumnMoments<Tile::N, Tile::threads> moments;
  const Extent e = problem.extent();
  const int64_t n0 = at.n * int64_t(Tile::N);
  float* const lines = shared<float>();
  FR_ROLLED  // the sums that wait for the second round leave few registers
  for (int line = 0; line < Tile::M; line += Tile::lines) {
    const int64_t m0 = at.m * int64_t(Tile::M) + line;
    if (line) sync();
    sum.put(lines, Tile::pitch, line, Tile::lines);
    sync();
    if constexpr (statistics)
      moments.add(int(min(e.M - m0, int64_t(Tile::lines))),
                  [&](int r) { return lines[r * Tile::pitch + moments.column()]; });
    FR_ROLLED
    for (int i = thread(); i < Tile::lines * (Tile::N / 8); i += Tile::threads) {
      const int r = i / (Tile::N / 8), c = i % (Tile::N / 8) * 8;
      const int64_t m = m0 + r, n = n0 + c;
      if (m >= e.M || n >= e.N) continue;
      float v[8];
      read_eight(v, lines + r * Tile::pitch + c, 8, true);
      const int count = int(min(e.N - n, int64_t(8)));
      if (division.slices == 1)
        problem.finish(at.z, m, n, v, count);
      else
        write_eight(division.part(at.z, at.slice, e) + m * e.N + n, v, count, e.N % 4 == 0);
    }
  }
  if constexpr (statistics) {
    const Moments of_tile = moments.joined(lines);
    if (thread() < Tile::N && n0 + thread() < e.N && division.slices == 1)
      problem.keep(at.z, at.m, n0 + thread(), of_tile);
  }
}

// one block per tile, slice and product; cuda/fragments.h says how its threads share the tile
template <class Tile, class Problem>
FR_KERNEL(Tile::threads, Tile::blocks)
product_kernel(const Problem problem, const Division division) {
  using T = typename Problem::Element;
  using A = Panel<T, Problem::kA, Tile::M, Tile::threads>;
  using B = Panel<T, Problem::kB, Tile::N, Tile::threads>;
  Multiplier<Tile::arithmetic, A, B, Tile::warps_m, Tile::warps_n> sum;
  auto* const place = shared<Division::Place>(Tile::kept);  // waits there: the main loop needs every register
  {
    const Division::Place at = division.place(block_x());
    if (thread() == 0) *place = at;
    const int64_t first = division.begin(at.slice), end = division.begin(at.slice + 1);
    auto a = problem.template a<A>(at.z, at.m * int64_t(Tile::M), first * Tile::depth);
    auto b = problem.template b<B>(at.z, at.n * int64_t(Tile::N), first * Tile::depth);
    accumulate<Tile>(sum, a, b, int(end - first));
  }
  finish_tile<Tile>(problem, division, sum, *place);
}

// one thread per eight neighbours of the result, slices added in order
template <class Problem>
FR_KERNEL(256)
sum_slices_kernel(const Problem problem, const Division division) {
  const Extent e = problem.extent();
  const int64_t eights = divide_up(e.N, 8), all = e.count * e.M * eights;
  for (int64_t i = block_x() * threads() + thread(); i < all; i += blocks_x() * threads()) {
    const int64_t row = divide(i, eights), n = (i - row * eights) * 8, z = divide(row, e.M),
                  m = row - z * e.M;
    const int count = int(min(e.N - n, int64_t(8)));
    float v[8] = {}, part[8];
    for (int64_t s = 0; s < division.slices; ++s) {
      read_eight(part, division.part(z, s, e) + m * e.N + n, count, e.N % 4 == 0);
      for (int j = 0; j < 8; ++j) v[j] += part[j];
    }
    problem.finish(z, m, n, v, count);
  }
}

// --- the host's part ---

enum class TileSize { automatic, wide, narrow, flat, small };
// For tests and measurements: every product that has the choice takes this size.
void select_tile(TileSize size);
TileSize choose_tile(const Extent& e);
// Slices of k for so many tiles with so many depths each, `blocks` of them on a multiprocessor.
int64_t choose_slices(int64_t tiles, int64_t depths, int blocks);

struct Cut {
  int64_t tile_rows, slices;
};

template <class Tile, class Problem>
Cut multiply_by(const Problem& problem) {
  const Extent e = problem.extent();
  FR_CHECK(e.K < int64_t{1} << 31, "product: expected a sum of fewer than 2^31 terms, got ", e.K);
  Division d;
  d.tiles_m = divide_up(e.M, Tile::M), d.tiles_n = divide_up(e.N, Tile::N),
  d.depths = divide_up(e.K, Tile::depth);
  const int64_t tiles = d.tiles_m * d.tiles_n * e.count;
  if (tiles == 0) return {Tile::M, 1};
  d.slices = choose_slices(tiles, d.depths, Tile::blocks);
  const Workspace<float> partial(d.slices > 1 ? d.slices * e.count * e.M * e.N : 1);
  d.partial = partial.get();
  launch(Grid{tiles * d.slices}, Tile::threads, Tile::shared_bytes, product_kernel<Tile, Problem>, problem,
         d);
  if (d.slices > 1)
    launch(grid_for(divide_up(e.count * e.M * divide_up(e.N, 8), 256)), 256, 0, sum_slices_kernel<Problem>,
           problem, d);
  return {Tile::M, d.slices};
}

template <class Tiles, class Problem>
Cut multiply_sized(const Problem& problem) {
  switch (choose_tile(problem.extent())) {
    case TileSize::wide:
      return multiply_by<typename Tiles::Wide>(problem);
    case TileSize::narrow:
      return multiply_by<typename Tiles::Narrow>(problem);
    case TileSize::flat:
      return multiply_by<typename Tiles::Flat>(problem);
    default:
      return multiply_by<typename Tiles::Small>(problem);
  }
}

template <class Problem>
Cut multiply(const Problem& problem) {
  using T = typename Problem::Element;
  if constexpr (Problem::kAccess == Access::scalar) {
    return multiply_by<typename Tiles<T>::Small>(problem);
  } else {
    if constexpr (std::is_same_v<T, float>)
      if (tf32_selected() && compute_capability() >= 80) return multiply_sized<Tf32Tiles>(problem);
    return multiply_sized<Tiles<T>>(problem);
  }
}

}  // namespace fr::FR_GPU
