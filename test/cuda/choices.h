// What the kernels choose by themselves, and a test may choose for them: on a card every row of the contract is so small that
// one size of tile, and one tile a block, would do for all.
#pragma once
#include <cstdint>

namespace fr {
namespace cuda {
enum class TileSize { automatic, wide, narrow, flat, small };  // as in cuda/product.h
void select_tile(TileSize size);
void limit_hopper_blocks(int64_t most);  // cuda/conv2d_hopper.h
}  // namespace cuda
namespace emulated {
void limit_hopper_blocks(int64_t most);
}
}  // namespace fr
