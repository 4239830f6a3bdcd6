// Which tile a product is cut into, and into how many slices: from its sizes alone.
#include "cuda/product.h"

namespace fr::FR_GPU {
namespace {

TileSize selected = TileSize::automatic;

// A card of today runs about this many blocks of a product at once.
constexpr int64_t kBlocks = 264;
constexpr int64_t kLeastDepths = 8, kMostSlices = 128;  // of a slice: shorter ones are all start and finish

}  // namespace

void select_tile(TileSize size) { selected = size; }

int64_t choose_slices(int64_t tiles, int64_t depths) {
  return max(min(min(kBlocks / tiles, depths / kLeastDepths), kMostSlices), int64_t(1));
}

// Wide tiles where their blocks, slices included, fill most of a card: they read least. Narrow ones for at most 64 columns.
TileSize choose_tile(const Extent& e) {
  if (selected != TileSize::automatic) return selected;
  if (e.M <= 64) return TileSize::small;
  const bool narrow = e.N <= 64;
  const int64_t tiles = divide_up(e.M, 128) * divide_up(e.N, narrow ? 64 : 128) * e.count;
  const bool fills = tiles * max(min(e.K / 32 / kLeastDepths, kMostSlices), int64_t(1)) >= kBlocks * 2 / 3;
  return !fills ? TileSize::small : narrow ? TileSize::narrow : TileSize::wide;
}

}  // namespace fr::FR_GPU
