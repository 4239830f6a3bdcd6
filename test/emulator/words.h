// The words of cuda/gpu.h, which includes this, for the emulator.
#pragma once
#include "test/emulator/emulator.h"

#define FR_DEVICE inline
#define FR_KERNEL(...) void
#define FR_UNROLL
#define FR_ROLLED
#define FR_UNROLL_BY(n)

namespace fr::emulated {

FR_DEVICE int thread() { return emulator::here().thread; }
FR_DEVICE int threads() { return emulator::here().threads; }
FR_DEVICE int64_t block_x() { return emulator::here().block[0]; }
FR_DEVICE int64_t block_y() { return emulator::here().block[1]; }
FR_DEVICE int64_t block_z() { return emulator::here().block[2]; }
FR_DEVICE int64_t blocks_x() { return emulator::here().blocks[0]; }
FR_DEVICE int64_t blocks_y() { return emulator::here().blocks[1]; }
FR_DEVICE int64_t blocks_z() { return emulator::here().blocks[2]; }

FR_DEVICE void sync() { emulator::block_barrier(); }
FR_DEVICE void warp_sync() { emulator::warp_barrier(); }

template <class T>
FR_DEVICE T shuffle(T v, int from) {
  static_assert(sizeof(T) <= 8);
  uint64_t* slots = emulator::exchange();
  __builtin_memcpy(slots + thread() % kWarp, &v, sizeof v);
  warp_sync();
  T other;
  __builtin_memcpy(&other, slots + (from & (kWarp - 1)), sizeof other);
  warp_sync();
  return other;
}
template <class T>
FR_DEVICE T shuffle_xor(T v, int mask) {
  return shuffle(v, (thread() % kWarp) ^ mask);
}

template <class T>
FR_DEVICE T* shared(size_t byte_offset = 0) {
  return reinterpret_cast<T*>(emulator::shared_memory() + byte_offset);
}
FR_DEVICE void check_aligned(const void* p, size_t bytes) {
  if (reinterpret_cast<uintptr_t>(p) % bytes)
    emulator::fail("a vector access at an address that is not a multiple of it");
}

FR_DEVICE void copy_async16(void* to, const void* from, bool ok) { emulator::copy_ahead(to, from, 16, ok); }
FR_DEVICE void copy_async16_part(void* to, const void* from, int bytes) {
  emulator::copy_ahead(to, from, 16, bytes > 0, size_t(bytes));
}
FR_DEVICE void copy_async4(void* to, const void* from, bool ok) { emulator::copy_ahead(to, from, 4, ok); }
FR_DEVICE void copy_commit() { emulator::commit(); }
template <int n>
FR_DEVICE void copy_wait() {
  emulator::wait(n);
}

namespace detail {
enum class Transposed { no, yes };
void load_matrices(uint32_t (&r)[4], const void* row, Transposed transposed);
}  // namespace detail
FR_DEVICE void load_matrices(uint32_t (&r)[4], const void* row) {
  detail::load_matrices(r, row, detail::Transposed::no);
}
FR_DEVICE void load_matrices_transposed(uint32_t (&r)[4], const void* row) {
  detail::load_matrices(r, row, detail::Transposed::yes);
}
void multiply_bf16(float (&c)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1);
void multiply_tf32(float (&c)[4], const float (&a)[4], float b0, float b1);
FR_DEVICE uint32_t pack_bf16(float low, float high) {
  return uint32_t(bfloat16(low).bits) | uint32_t(bfloat16(high).bits) << 16;
}

template <class... P, class... A>
void launch(const Grid& grid, int threads, size_t shared_bytes, void (*kernel)(P...), A&&... arguments) {
  if (grid.x <= 0 || grid.y <= 0 || grid.z <= 0) return;
  emulator::run({grid.x, grid.y, grid.z}, threads, shared_bytes,
                [kernel, ... a = P(arguments)] { kernel(a...); });
}

// Host and device memory are the same, and everything is done when it returns, or recorded.
inline void copy_to_device(void* to, const void* from, size_t bytes) {
  emulator::copy_across(to, from, bytes);
}
inline void copy_to_host(void* to, const void* from, size_t bytes) { emulator::copy_across(to, from, bytes); }
inline void copy_on_device(void* to, const void* from, size_t bytes) {
  emulator::copy_on_device(to, from, bytes);
}
// There is no cuBLAS on the CPU: whoever selects it is told so.
enum class Stored { float32, bfloat16 };
inline void cublas_gemm(Stored, void*, Stored, const void*, const void*, const GemmShape&, float, float) {
  emulator::fail("cuBLAS is asked for");
}
inline int compute_capability() { return emulator::capability(); }  // major x 10 + minor
inline void* device_alloc(size_t bytes) { return emulator::device_alloc(bytes); }
inline void device_release(void* p) noexcept { emulator::device_release(p); }

}  // namespace fr::emulated
