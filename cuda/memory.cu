// Memory of the card: blocks, copies, and the passes that only change a value's place or type.
#include "cuda/gpu.h"

namespace fr::FR_GPU {
namespace {

constexpr int kThreads = 256;

// one thread per element, striding over the grid
template <class T>
FR_KERNEL(kThreads)
fill_kernel(T* y, T value, int64_t n) {
  for (int64_t i = block_x() * threads() + thread(); i < n; i += blocks_x() * threads()) y[i] = value;
}
template <class T>
void fill(T* y, Wide<T> value, int64_t n) {
  launch(grid_for(divide_up(n, kThreads)), kThreads, 0, fill_kernel<T>, y, T(value), n);
}

// one thread per element of the rows
template <class To, class From>
FR_KERNEL(kThreads)
convert_kernel(To* y, const From* x, int64_t rows, int64_t C, int64_t ldy, int64_t ldx) {
  for (int64_t i = block_x() * threads() + thread(); i < rows * C; i += blocks_x() * threads()) {
    const int64_t r = i / C, c = i % C;
    y[r * ldy + c] = To(x[r * ldx + c]);
  }
}
template <class To, class From>
void convert(To* y, const From* x, int64_t rows, int64_t C, int64_t ldy, int64_t ldx) {
  launch(grid_for(divide_up(rows * C, kThreads)), kThreads, 0, convert_kernel<To, From>, y, x, rows, C, ldy,
         ldx);
}

// one thread per pixel of the result
template <class T>
FR_KERNEL(kThreads)
pictures_kernel(T* y, const uint8_t* x, const PictureWindow* windows, int64_t N, int64_t H, int64_t W,
                int64_t H0, int64_t W0) {
  for (int64_t i = block_x() * threads() + thread(); i < N * H * W; i += blocks_x() * threads()) {
    const int64_t n = i / (H * W), h = i / W % H, w = i % W;
    const PictureWindow window = windows[n];
    const int64_t row = min(max(window.top + h, int64_t{0}), H0 - 1);
    const int64_t column = min(max(window.left + (window.mirror ? W - 1 - w : w), int64_t{0}), W0 - 1);
    const uint8_t* from = x + ((n * H0 + row) * W0 + column) * 3;
    for (int c = 0; c < 3; ++c) y[i * 3 + c] = T((float(from[c]) - 127.5f) * (1 / 128.0f));
  }
}
template <class T>
void pictures(T* y, const uint8_t* x, const PictureWindow* windows, int64_t N, int64_t H, int64_t W,
              int64_t H0, int64_t W0) {
  launch(grid_for(divide_up(N * H * W, kThreads)), kThreads, 0, pictures_kernel<T>, y, x, windows, N, H, W,
         H0, W0);
}

}  // namespace

template <class T>
void install_memory(Kernels<T>& k) {
  k.alloc = device_alloc;
  k.release = [](void* p) { device_release(p); };
  k.upload = copy_to_device;
  k.download = copy_to_host;
  k.copy = copy_on_device;
  k.fill = fill<T>;
  k.narrow = convert<T, Wide<T>>;
  k.widen = convert<Wide<T>, T>;
  k.pictures = pictures<T>;
}

template void install_memory(Kernels<float>&);
template void install_memory(Kernels<bfloat16>&);

}  // namespace fr::FR_GPU
