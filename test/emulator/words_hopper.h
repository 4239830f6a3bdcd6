// The words of cuda/hopper.h, which includes this, for the emulator. A copy arrives, and a product is computed, at once or
// (lazy) as late as the waits allow: a copy when no thread can go on without it, its place full of NaN until then, a
// product when its warp waits for it. Too many arrivals, waits that nothing ends, places outside shared memory or not on
// a multiple of 1024, a product without multiply_fence() before it and a warp group whose warps disagree are errors.
#pragma once
#include "cuda/gpu.h"

#define FR_GRID_CONSTANT const

namespace fr::emulated {

struct Barrier {
  uint64_t state;
};
void barrier_init(Barrier* b, int arrivals);
FR_DEVICE void barriers_ready() {}
void barrier_arrive(Barrier* b);
void barrier_arrive_expecting(Barrier* b, int bytes);
void barrier_wait(Barrier* b, int parity);

FR_DEVICE void sync_some(int threads) { emulator::partial_barrier(threads); }

struct TensorMap {
  const bfloat16* p;
  int64_t size[4];         // C, W, H, N; columns, rows, 1, 1
  int64_t distance[4];     // in elements
  int lower, upper, step;  // 0, 0, 1 for a matrix
  int rows;                // of a box
};
void copy_matrix(void* to, const TensorMap* map, Barrier* b, int column, int row);
void copy_pixels(void* to, const TensorMap* map, Barrier* b, int c, int w, int h, int n, int tap_w,
                 int tap_h);

uint64_t operand(const void* p);
void multiply_fence();
void multiply_commit();
namespace detail {
void multiply_wait(int groups);
void multiply_group(float* sum, int columns, uint64_t a, uint64_t b);
}  // namespace detail
template <int n>
FR_DEVICE void multiply_wait() {
  detail::multiply_wait(n);
}
template <int count>
FR_DEVICE void hold(float (&)[count]) {}
template <int count>
FR_DEVICE void multiply_group(float (&sum)[count], uint64_t a, uint64_t b) {
  static_assert(count == 32 || count == 64 || count == 128);
  detail::multiply_group(sum, 2 * count, a, b);
}

template <int n>
FR_DEVICE void give_registers() {
  static_assert(n >= 24 && n <= 256 && n % 8 == 0);
}
template <int n>
FR_DEVICE void take_registers() {
  static_assert(n >= 24 && n <= 256 && n % 8 == 0);
}

inline int multiprocessors() { return 2; }  // few, so that a block of a small test has several tiles

}  // namespace fr::emulated
