// Which tile a product is cut into, and into how many slices of k: by the time that a card of today would need, counted from
// the sizes alone, so that the bits do not depend on the card.
//   rounds = blocks / (blocks that run at once),   time = rounds x (depths of a slice + start and finish) x (time of a depth)
#include "cuda/product.h"

namespace fr::FR_GPU {
namespace {

TileSize selected = TileSize::automatic;

constexpr int64_t kMultiprocessors = 132;
constexpr int64_t kOverhead =
    8;  // start and finish of a block, in depths; and the second kernel where k is cut
constexpr int64_t kLeastDepths = 8;  // of a slice
constexpr int64_t kMostSlices = 256;

struct Cost {
  int64_t slices;
  double depths;  // of blocks that run one after the other
};

Cost cheapest(int64_t tiles, int64_t depths, int blocks) {
  Cost best{1, 1e300};
  const int64_t at_once = kMultiprocessors * blocks,
                most = max(min(depths / kLeastDepths, kMostSlices), int64_t(1));
  for (int64_t s = 1; s <= most; ++s) {
    const int64_t rounds = divide_up(tiles * s, at_once), cut = s > 1 ? kOverhead : 0;
    const double time = double(rounds * (divide_up(depths, s) + kOverhead + cut) + cut);
    if (time < best.depths) best = {s, time};
    if (rounds > 4) break;
  }
  return best;
}

// speed: of its inner loop beside that of a wide tile, by the bytes that it reads for a multiplication. A guess.
struct Size {
  TileSize size;
  int M, N, blocks;
  double speed;
};
constexpr Size kSizes[] = {{TileSize::wide, 128, 128, 2, 1},
                           {TileSize::narrow, 128, 64, 2, 0.8},
                           {TileSize::flat, 64, 128, 2, 0.8},
                           {TileSize::small, 64, 64, 4, 0.6}};

}  // namespace

void select_tile(TileSize size) { selected = size; }

int64_t choose_slices(int64_t tiles, int64_t depths, int blocks) {
  return cheapest(tiles, depths, blocks).slices;
}

TileSize choose_tile(const Extent& e) {
  if (selected != TileSize::automatic) return selected;
  TileSize best = TileSize::small;
  double least = 1e300;
  for (const Size& s : kSizes) {
    const int64_t tiles = divide_up(e.M, s.M) * divide_up(e.N, s.N) * e.count;
    const double time = cheapest(tiles, divide_up(e.K, 32), s.blocks).depths * s.M * s.N * s.blocks / s.speed;
    if (time < least) least = time, best = s.size;
  }
  return best;
}

}  // namespace fr::FR_GPU
