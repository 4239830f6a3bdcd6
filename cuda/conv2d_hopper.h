// Convolution in bfloat16 on cards of compute capability 9.0 (cuda/conv2d_sm90a.cu). Each returns false, and does nothing,
// where select_hopper() is off, where the card is another one, and where the shape does not suit: one group, channels and
// filters multiples of 64, square filters, equal padding. All others: cuda/conv2d.cu.
#pragma once
#include "cuda/gpu.h"
#include "cuda/statistics.h"

namespace fr::FR_GPU {

bool hopper_convolution(bfloat16* y, const bfloat16* x, const bfloat16* w,
                        const Conv2dFinish<bfloat16>& finish, const Conv2dShape& s);
// Also mean and squared deviation of the columns of its tiles, (tiles of pixels, K). Returns the rows of a tile, 0: not done.
int64_t hopper_convolution_moments(bfloat16* y, Moments* moments, const bfloat16* x, const bfloat16* w,
                                   const Conv2dShape& s);
// Stride 1 only.
bool hopper_input_gradient(bfloat16* dx, const bfloat16* dy, const bfloat16* w, const Conv2dShape& s,
                           Gradient into);

// For tests: so many blocks at most, and each takes several tiles; 0: one for each multiprocessor.
void limit_hopper_blocks(int64_t most);

}  // namespace fr::FR_GPU
