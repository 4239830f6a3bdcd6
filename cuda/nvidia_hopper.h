// cuda/hopper.h for nvcc: PTX of sm_90a.
#pragma once
#include <cuda.h>

#include "cuda/gpu.h"

// A parameter of a kernel that copies read where it lies.
#define FR_GRID_CONSTANT const __grid_constant__

namespace fr::cuda {

// --- barriers (mbarrier): a phase ends when as many arrivals as were given, and all bytes expected, are there ---
struct Barrier {
  uint64_t state;
};
FR_DEVICE void barrier_init(Barrier* b, int arrivals) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;\n" ::"r"(shared_address(b)), "r"(arrivals)
               : "memory");
}
// After the last barrier_init and before the sync() that shows the barriers to the block: copies see them too.
FR_DEVICE void barriers_ready() { asm volatile("fence.mbarrier_init.release.cluster;\n" ::: "memory"); }
FR_DEVICE void barrier_arrive(Barrier* b) {
  asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];\n" ::"r"(shared_address(b)) : "memory");
}
// Arrives, and lets the phase wait for so many bytes of copies.
FR_DEVICE void barrier_arrive_expecting(Barrier* b, int bytes) {
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;\n" ::"r"(shared_address(b)), "r"(bytes)
               : "memory");
}
// Until the phase of this parity has ended; phases count from 0, and the one before the first, of parity 1, has.
FR_DEVICE void barrier_wait(Barrier* b, int parity) {
  uint32_t ended;
  do
    asm volatile(
        "{\n.reg .pred p;\nmbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2;\nselp.u32 %0, 1, 0, p;\n}\n"
        : "=r"(ended)
        : "r"(shared_address(b)), "r"(parity)
        : "memory");
  while (!ended);
}

// A barrier of this many threads, whole warps, beside sync(): which of the block they are must not change.
FR_DEVICE void sync_some(int threads) { asm volatile("bar.sync 1, %0;\n" ::"r"(threads) : "memory"); }

// --- copies by one thread; their bytes count on the barrier. What lies outside the map becomes zeros. ---
using TensorMap = CUtensorMap;

// Rows [row, row + box rows) of the 64 columns from `column`.
FR_DEVICE void copy_matrix(void* to, const TensorMap* map, Barrier* b, int column, int row) {
  asm volatile(
      "cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], [%1, {%3, "
      "%4}], "
      "[%2];\n" ::"r"(shared_address(to)),
      "l"(map), "r"(shared_address(b)), "r"(column), "r"(row)
      : "memory");
}
// The box of a PixelWalk from (n, h, w) on, each pixel moved by (tap_h, tap_w), the 64 channels from c.
FR_DEVICE void copy_pixels(void* to, const TensorMap* map, Barrier* b, int c, int w, int h, int n, int tap_w,
                           int tap_h) {
  asm volatile(
      "cp.async.bulk.tensor.4d.shared::cluster.global.im2col.mbarrier::complete_tx::bytes [%0], "
      "[%1, {%3, %4, %5, %6}], [%2], {%7, %8};\n" ::"r"(shared_address(to)),
      "l"(map), "r"(shared_address(b)), "r"(c), "r"(w), "r"(h), "r"(n), "h"(uint16_t(tap_w)),
      "h"(uint16_t(tap_h))
      : "memory");
}

// --- products of a warp group ---
// A matrix of rows of 64 in shared memory, 8 rows in 1024 bytes; + 2 k moves it by 16 k columns.
FR_DEVICE uint64_t operand(const void* p) {
  constexpr uint64_t leading = 1, stride = kSwizzleBytes / 16,
                     swizzle128 = 1;  // leading: not used with a swizzle
  return (uint64_t(shared_address(p)) & 0x3ffff) >> 4 | leading << 16 | stride << 32 | swizzle128 << 62;
}
// Before the first product after the sums were touched.
FR_DEVICE void multiply_fence() { asm volatile("wgmma.fence.sync.aligned;\n" ::: "memory"); }
FR_DEVICE void multiply_commit() { asm volatile("wgmma.commit_group.sync.aligned;\n" ::: "memory"); }
// Until at most n of the committed groups of this warp are on their way.
template <int n>
FR_DEVICE void multiply_wait() {
  asm volatile("wgmma.wait_group.sync.aligned %0;\n" ::"n"(n) : "memory");
}
// The compiler moves no use of the sums across this.
template <int count>
FR_DEVICE void hold(float (&sum)[count]) {
  FR_UNROLL
  for (int i = 0; i < count; ++i) asm volatile("" : "+f"(sum[i])::"memory");
}

// The names of 10 operands, and the values of 32.
#define FR_TEN(t) \
  "%" #t "0, %" #t "1, %" #t "2, %" #t "3, %" #t "4, %" #t "5, %" #t "6, %" #t "7, %" #t "8, %" #t "9, "
#define FR_SUMS8(i)                                                                                       \
  "+f"(sum[i]), "+f"(sum[i + 1]), "+f"(sum[i + 2]), "+f"(sum[i + 3]), "+f"(sum[i + 4]), "+f"(sum[i + 5]), \
      "+f"(sum[i + 6]), "+f"(sum[i + 7])
#define FR_SUMS32(i) FR_SUMS8(i), FR_SUMS8(i + 8), FR_SUMS8(i + 16), FR_SUMS8(i + 24)
#define FR_MULTIPLY(columns, sums, a_and_b)                                                \
  "{\n.reg .pred add;\nsetp.eq.u32 add, 0, 0;\nwgmma.mma_async.sync.aligned.m64n" #columns \
  "k16.f32.bf16.bf16 {" sums "}, " a_and_b ", add, 1, 1, 0, 0;\n}\n"

// sum += A B: A (64,16), B (16,N) given as its N rows of 16, both by operand(). With warp w of the group and lane l,
// sum[i] is at row 16 w + l / 4 + 8 (i / 2 % 2), column 8 (i / 4) + 2 (l % 4) + i % 2.
FR_DEVICE void multiply_group(float (&sum)[32], uint64_t a, uint64_t b) {
  asm volatile(FR_MULTIPLY(64, FR_TEN() FR_TEN(1) FR_TEN(2) "%30, %31", "%32, %33")
               : FR_SUMS32(0)
               : "l"(a), "l"(b));
}
FR_DEVICE void multiply_group(float (&sum)[64], uint64_t a, uint64_t b) {
  asm volatile(
      FR_MULTIPLY(128, FR_TEN() FR_TEN(1) FR_TEN(2) FR_TEN(3) FR_TEN(4) FR_TEN(5) "%60, %61, %62, %63",
                  "%64, %65")
      : FR_SUMS32(0), FR_SUMS32(32)
      : "l"(a), "l"(b));
}
FR_DEVICE void multiply_group(float (&sum)[128], uint64_t a, uint64_t b) {
  asm volatile(FR_MULTIPLY(256,
                           FR_TEN() FR_TEN(1) FR_TEN(2) FR_TEN(3) FR_TEN(4) FR_TEN(5) FR_TEN(6) FR_TEN(7)
                               FR_TEN(8) FR_TEN(9) FR_TEN(10) FR_TEN(11)  //
                           "%120, %121, %122, %123, %124, %125, %126, %127",
                           "%128, %129")
               : FR_SUMS32(0), FR_SUMS32(32), FR_SUMS32(64), FR_SUMS32(96)
               : "l"(a), "l"(b));
}
#undef FR_TEN
#undef FR_SUMS8
#undef FR_SUMS32
#undef FR_MULTIPLY

// Registers of each thread of the warp group, fewer or more than at the start of the kernel.
template <int n>
FR_DEVICE void give_registers() {
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;\n" ::"n"(n));
}
template <int n>
FR_DEVICE void take_registers() {
  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;\n" ::"n"(n));
}

}  // namespace fr::cuda

#include "cuda/tensor_map.h"
