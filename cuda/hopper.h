// What kernels for compute capability 9.0 alone are written in, beside cuda/gpu.h: barriers in shared memory that count
// threads and bytes, copies of boxes by the tensor memory accelerator (TMA), products of warp groups (wgmma). Only files
// *_sm90a.cu include it: they are compiled for that card alone.
//
// Operands lie in shared memory as rows of 64 bfloat16, 128 bytes, from a multiple of 1024 on, with the "128-byte swizzle":
// the 16 bytes at address a stand at a ^ (a / 128 % 8) * 16. Copies write them so and products read them so.
#pragma once
#include "cuda/gpu.h"

namespace fr::FR_GPU {

constexpr int kGroup = 128;  // threads of a warp group: four warps, the first with a number divisible by 4
constexpr int kRowBytes = 128, kSwizzleBytes = 1024;

// Pixels of images (N,H,W,C) in the order in which a convolution visits them: from `lower` beyond the top and the left by
// `step` while not further than `upper` beyond H - 1 (W - 1), columns first, then rows, then images. A box is the next
// `pixels` of them, 64 channels each.
struct PixelWalk {
  int64_t N, H, W, C;
  int lower, upper, step, pixels;
};

}  // namespace fr::FR_GPU

#ifdef PROSOPON_EMULATED
#include "test/emulator/words_hopper.h"
#else
#include "cuda/nvidia_hopper.h"
#endif

namespace fr::FR_GPU {

// --- the host's part; Error where the driver refuses ---
// A matrix (rows, columns) of which copies take boxes of `box_rows` rows and 64 columns.
TensorMap map_matrix(const bfloat16* p, int64_t rows, int64_t columns, int box_rows);
TensorMap map_pixels(const bfloat16* p, const PixelWalk& walk);
int multiprocessors();  // of the card

}  // namespace fr::FR_GPU
