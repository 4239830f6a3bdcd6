// A gradient that is formed by rows (Var::gradient_by_rows), taken block by block: what an optimiser does with it. The
// blocks follow from the shape and the device alone.
#pragma once
#include <algorithm>

#include "autograd/var.h"

namespace fr {

// A parameter (R, width), `rows` at a time, in `count` blocks.
struct GradientBlocks {
  int64_t R, width, rows, count;
};
inline GradientBlocks gradient_blocks(const Var& p) {
  // Elements formed at one time: on the CPU they stay in the second-level cache, on a card they fill it with work.
  const int64_t most = p.device() == Device::cpu ? 1 << 18 : 1 << 21;
  const int64_t R = p.dim(0), width = R > 0 ? p.value().size() / R : 0;
  const int64_t rows = std::max<int64_t>(1, std::min(R, most / std::max<int64_t>(width, 1)));
  return {R, width, rows, (R + rows - 1) / rows};
}

// f(g, first element, elements) for each block of the gradient of p; g holds the block at its start.
template <class F>
void for_gradient_blocks(const Var& p, const F& f) {
  const GradientBlocks b = gradient_blocks(p);
  const Tensor g = like(p.value(), {b.rows, b.width});
  for (int64_t first = 0; first < b.R; first += b.rows) {
    const int64_t rows = std::min(b.rows, b.R - first);
    p.gradient_rows(g, first, rows);
    f(g, first * b.width, rows * b.width);
  }
}

// The L2 norms of the blocks: as a gradient among others they stand for the whole one in squared_norm_many.
Tensor gradient_block_norms(const Var& p);

}  // namespace fr
