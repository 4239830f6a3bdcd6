// Memory of the host: device and host are the same, so upload and download are copies.
#include <algorithm>
#include <cstring>

#include "tensor/cpu/ref.h"

namespace fr::ref {
namespace {

void copy(void* dst, const void* src, size_t bytes) {
  if (bytes) std::memcpy(dst, src, bytes);
}

template <class T>
void fill(T* y, T value, int64_t n) {
  std::fill_n(y, n, value);
}

// On the CPU nothing is narrower than it is wide.
template <class T>
void copy_rows(T* y, const T* x, int64_t rows, int64_t C, int64_t ldy, int64_t ldx) {
  for (int64_t r = 0; r < rows; ++r) std::copy_n(x + r * ldx, C, y + r * ldy);
}

template <class T>
void pictures(T* y, const uint8_t* x, const PictureWindow* windows, int64_t N, int64_t H, int64_t W,
              int64_t H0, int64_t W0) {
  parallel_for(N * H, [&](int64_t i) {
    const int64_t n = i / H, h = i % H;
    const PictureWindow& window = windows[n];
    const uint8_t* row = x + (n * H0 + std::clamp<int64_t>(window.top + h, 0, H0 - 1)) * W0 * 3;
    for (int64_t w = 0; w < W; ++w) {
      const int64_t from = std::clamp<int64_t>(window.left + (window.mirror ? W - 1 - w : w), 0, W0 - 1);
      for (int64_t c = 0; c < 3; ++c) y[(i * W + w) * 3 + c] = (T(row[from * 3 + c]) - T(127.5)) / 128;
    }
  });
}

}  // namespace

template <class T>
void install_memory(Kernels<T>& k) {
  k.alloc = arena_alloc;
  k.release = [](void* p) { arena_release(p); };
  k.upload = copy;
  k.download = copy;
  k.copy = copy;
  k.fill = fill;
  k.narrow = copy_rows;
  k.widen = copy_rows;
  k.pictures = pictures;
}

template void install_memory(Kernels<float>&);
template void install_memory(Kernels<double>&);

}  // namespace fr::ref
