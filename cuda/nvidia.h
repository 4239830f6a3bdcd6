// gpu.h for nvcc: intrinsics and PTX. Instructions that the architecture lacks trap: the host chooses kernels by the
// card's compute capability, so they are never reached.
#pragma once
#include <cuda_runtime.h>

#include "cuda/device.h"

#define FR_DEVICE __device__ __forceinline__
// A kernel of at most `threads` threads a block; with `blocks` of them to fit on a multiprocessor.
#define FR_KERNEL(...) __global__ void __launch_bounds__(__VA_ARGS__)
// Before a loop: written out (of a known number of rounds), not written out, or n rounds side by side and no more, where the
// compiler left alone would run out of registers.
#define FR_PRAGMA(text) _Pragma(#text)
#define FR_UNROLL FR_PRAGMA(unroll)
#define FR_ROLLED FR_PRAGMA(unroll 1)
#define FR_UNROLL_BY(n) FR_PRAGMA(unroll n)

namespace fr::cuda {

FR_DEVICE int thread() { return int(threadIdx.x); }
FR_DEVICE int threads() { return int(blockDim.x); }
FR_DEVICE int64_t block_x() { return blockIdx.x; }
FR_DEVICE int64_t block_y() { return blockIdx.y; }
FR_DEVICE int64_t block_z() { return blockIdx.z; }
FR_DEVICE int64_t blocks_x() { return gridDim.x; }
FR_DEVICE int64_t blocks_y() { return gridDim.y; }
FR_DEVICE int64_t blocks_z() { return gridDim.z; }

FR_DEVICE void sync() { __syncthreads(); }
FR_DEVICE void warp_sync() { __syncwarp(); }
template <class T>
FR_DEVICE T shuffle_xor(T v, int mask) {
  return __shfl_xor_sync(0xffffffffu, v, mask);
}
template <class T>
FR_DEVICE T shuffle(T v, int from) {
  return __shfl_sync(0xffffffffu, v, from);
}

// The block's shared memory, as many bytes as the launch asked for, aligned to 1024.
template <class T>
FR_DEVICE T* shared(size_t byte_offset = 0) {
  extern __shared__ __align__(1024) unsigned char arena[];
  return reinterpret_cast<T*>(arena + byte_offset);
}
FR_DEVICE uint32_t shared_address(const void* p) { return uint32_t(__cvta_generic_to_shared(p)); }
FR_DEVICE void check_aligned(const void*, size_t) {}

// --- copies ahead (sm_80): from global to shared memory while the thread goes on; where not ok, zeros are written and
// nothing is read. A thread waits for its own copies, then a sync() shows them to the block. ---
FR_DEVICE void copy_async16(void* to, const void* from, bool ok) {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;\n" ::"r"(shared_address(to)), "l"(from),
               "r"(ok ? 16 : 0)
               : "memory");
#else
  *static_cast<int4*>(to) = ok ? *static_cast<const int4*>(from) : int4{0, 0, 0, 0};
#endif
}
// The first `bytes` (0 to 16) of the 16; the others become zeros.
FR_DEVICE void copy_async16_part(void* to, const void* from, int bytes) {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;\n" ::"r"(shared_address(to)), "l"(from),
               "r"(bytes)
               : "memory");
#else
  for (int i = 0; i < 16; i += 2)
    *reinterpret_cast<uint16_t*>(static_cast<char*>(to) + i) =
        i < bytes ? *reinterpret_cast<const uint16_t*>(static_cast<const char*>(from) + i) : uint16_t(0);
#endif
}
FR_DEVICE void copy_async4(void* to, const void* from, bool ok) {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;\n" ::"r"(shared_address(to)), "l"(from),
               "r"(ok ? 4 : 0)
               : "memory");
#else
  *static_cast<int*>(to) = ok ? *static_cast<const int*>(from) : 0;
#endif
}
FR_DEVICE void copy_commit() {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.commit_group;\n" ::: "memory");
#endif
}
// Until at most n of the thread's committed groups are on their way.
template <int n>
FR_DEVICE void copy_wait() {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.wait_group %0;\n" ::"n"(n) : "memory");
#endif
}

// --- tensor cores ---
// Four 8x8 matrices of 16-bit values; lane i gives the address of row i % 8 of matrix i / 8 (16 bytes, aligned) and
// receives in r[m] the values (row lane / 4, columns 2 (lane % 4) and the next) of matrix m; transposed: of its transpose.
FR_DEVICE void load_matrices(uint32_t (&r)[4], const void* row) {
#if __CUDA_ARCH__ >= 750
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];\n"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(shared_address(row))
               : "memory");
#endif
}
FR_DEVICE void load_matrices_transposed(uint32_t (&r)[4], const void* row) {
#if __CUDA_ARCH__ >= 750
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];\n"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(shared_address(row))
               : "memory");
#endif
}
// C (16,8) += A (16,16) B (16,8) in bfloat16, sums in float. With g = lane / 4, t = lane % 4, pairs of values in a word:
//   a[0] (g, 2t) a[1] (g + 8, 2t) a[2] (g, 2t + 8) a[3] (g + 8, 2t + 8);   b[0] (2t, g) b[1] (2t + 8, g), pairs down k;
//   c[0..1] (g, 2t), (g, 2t + 1)  c[2..3] (g + 8, 2t), (g + 8, 2t + 1)
FR_DEVICE void multiply_bf16(float (&c)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
#if __CUDA_ARCH__ >= 800
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
      "{%0,%1,%2,%3};\n"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
#else
  __trap();
#endif
}
// C (16,8) += A (16,8) B (8,8), operands rounded to TF32 (10 bits after the point), sums in float.
//   a[0] (g, t) a[1] (g + 8, t) a[2] (g, t + 4) a[3] (g + 8, t + 4);   b[0] (t, g) b[1] (t + 4, g);   c as above
FR_DEVICE void multiply_tf32(float (&c)[4], const float (&a)[4], float b0, float b1) {
#if __CUDA_ARCH__ >= 800
  uint32_t x[6];
  const float from[6] = {a[0], a[1], a[2], a[3], b0, b1};
  for (int i = 0; i < 6; ++i) asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(x[i]) : "f"(from[i]));
  asm volatile(
      "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
      "{%0,%1,%2,%3};\n"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(x[0]), "r"(x[1]), "r"(x[2]), "r"(x[3]), "r"(x[4]), "r"(x[5]));
#else
  __trap();
#endif
}

// Two floats rounded to bfloat16, the first in the lower half.
FR_DEVICE uint32_t pack_bf16(float low, float high) {
#if __CUDA_ARCH__ >= 800
  uint32_t r;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(r) : "f"(high), "f"(low));
  return r;
#else
  return uint32_t(bfloat16(low).bits) | uint32_t(bfloat16(high).bits) << 16;
#endif
}

// Runs kernel(arguments...) on the stream of the device. Error{device} where the launch is refused.
template <class... P, class... A>
void launch(const Grid& grid, int threads, size_t shared_bytes, void (*kernel)(P...), A&&... arguments) {
  if (grid.x <= 0 || grid.y <= 0 || grid.z <= 0) return;
  if (shared_bytes > 48 * 1024)
    check_call(cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel),
                                    cudaFuncAttributeMaxDynamicSharedMemorySize, int(shared_bytes)),
               "shared memory of a kernel");
  kernel<<<dim3(unsigned(grid.x), unsigned(grid.y), unsigned(grid.z)), unsigned(threads), shared_bytes,
           stream()>>>(P(arguments)...);
  check_call(cudaGetLastError(), "launch of a kernel");
}

}  // namespace fr::cuda
