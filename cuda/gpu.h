// What a kernel is written in: the only header that kernels include. nvcc takes the device's own instructions; any other
// compiler, with PROSOPON_EMULATED defined, takes the emulator (test/emulator), which runs the same source on the CPU.
// Rules for kernels
//   - nothing of CUDA but what stands here; shared memory only from shared(), a copy ahead only by copy_async*();
//   - loops stride over the grid where they can, so that a test may launch few blocks;
//   - no word between the threads of a warp without warp_sync() or a shuffle, in which all 32 lanes take part;
//   - no atomics: every sum has a fixed order.
#pragma once
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "tensor/kernels.h"

#ifdef PROSOPON_EMULATED
#define FR_GPU emulated
#else
#define FR_GPU cuda
#endif

namespace fr::FR_GPU {

// Blocks of a launch; blocks are numbered by (x, y, z).
struct Grid {
  int64_t x = 1, y = 1, z = 1;
};

constexpr int kWarp = 32;

// n values of T that are moved by one instruction; the address must be a multiple of the size.
template <class T, int n>
struct alignas(sizeof(T) * n) Pack {
  T v[n];
};
template <class T>
constexpr int kPack = 16 / int(sizeof(T));  // values of T in 16 bytes

template <class T>
FR_HOST_DEVICE constexpr T min(T a, T b) {
  return b < a ? b : a;
}
template <class T>
FR_HOST_DEVICE constexpr T max(T a, T b) {
  return a < b ? b : a;
}
FR_HOST_DEVICE constexpr int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }  // ceil(a / b)

}  // namespace fr::FR_GPU

#ifdef PROSOPON_EMULATED
#include "test/emulator/words.h"
#else
#include "cuda/nvidia.h"
#endif

namespace fr::FR_GPU {

// --- what follows is written in the words of either ---

FR_DEVICE int lane() { return thread() % kWarp; }
FR_DEVICE int warp() { return thread() / kWarp; }

template <class T>
FR_DEVICE T warp_sum(T v) {  // in every lane
  for (int step = kWarp / 2; step > 0; step /= 2) v += shuffle_xor(v, step);
  return v;
}
template <class T>
FR_DEVICE T warp_max(T v) {
  for (int step = kWarp / 2; step > 0; step /= 2) {
    const T other = shuffle_xor(v, step);
    v = other > v ? other : v;
  }
  return v;
}

// The sum over the block, in every thread; `scratch` is shared memory for one value a warp. Barriers before and after.
template <class T>
FR_DEVICE T block_sum(T v, T* scratch) {
  v = warp_sum(v);
  sync();
  if (lane() == 0) scratch[warp()] = v;
  sync();
  T sum = 0;
  for (int w = 0; w < threads() / kWarp; ++w) sum += scratch[w];
  return sum;
}

template <class T, int n>
FR_DEVICE Pack<T, n> load(const T* p) {
  check_aligned(p, sizeof(T) * n);
  return *reinterpret_cast<const Pack<T, n>*>(p);
}
template <class T, int n>
FR_DEVICE void store(T* p, const Pack<T, n>& value) {
  check_aligned(p, sizeof(T) * n);
  *reinterpret_cast<Pack<T, n>*>(p) = value;
}

// Whether rows of `row` elements, one after the other from each of these places, can be moved in packs of n.
template <int n, class... T>
bool packs_fit(int64_t row, const T*... places) {
  return row % n == 0 && ((reinterpret_cast<uintptr_t>(places) % (n * sizeof(T)) == 0) && ...);
}

// Grid for n pieces of work of one block each, at most `most` blocks: the kernel strides.
inline Grid grid_for(int64_t pieces, int64_t most = 132 * 16) {
  return {pieces < 1 ? 1 : pieces < most ? pieces : most};
}

// Device memory for the length of a scope, ordered with the launches around it.
template <class T>
class Workspace {
 public:
  explicit Workspace(int64_t n) : p_(static_cast<T*>(device_alloc(size_t(n) * sizeof(T)))) {}
  ~Workspace() { device_release(p_); }
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;
  T* get() const { return p_; }

 private:
  T* p_;
};

// Each sets the entries of its family, for T = float and bfloat16.
template <class T>
void install_memory(Kernels<T>& k);
template <class T>
void install_elementwise(Kernels<T>& k);  // calls the next
template <class T>
void install_binary(Kernels<T>& k);
template <class T>
void install_reduce(Kernels<T>& k);
template <class T>
void install_gemm(Kernels<T>& k);
template <class T>
void install_conv2d(Kernels<T>& k);
template <class T>
void install_channel(Kernels<T>& k);  // calls the next
template <class T>
void install_batch_norm(Kernels<T>& k);
template <class T>
void install_pool2d(Kernels<T>& k);
template <class T>
void install_rows(Kernels<T>& k);
template <class T>
void install_distances(Kernels<T>& k);
template <class T>
void install_pair_loss(Kernels<T>& k);
template <class T>
void install_mined(Kernels<T>& k);
template <class T>
void install_datasets(Kernels<T>& k);
template <class T>
void install_likelihood(Kernels<T>& k);
template <class T>
void install_softmax(Kernels<T>& k);
template <class T>
void install_search(Kernels<T>& k);
template <class T>
void install_domain(Kernels<T>& k);
template <class T>
void install_sgd(Kernels<T>& k);
template <class T>
void install_adam(Kernels<T>& k);

}  // namespace fr::FR_GPU
