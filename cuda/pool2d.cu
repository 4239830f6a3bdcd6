// Maximum and average over windows of a feature map. The gradient of an element is gathered from the windows that hold it,
// in their order, so that no two threads write one place. A window that lies outside the map altogether gives 0 and has no
// gradient; its index is -1.
#include "cuda/passes.h"

namespace fr::FR_GPU {
namespace {

struct Pool : Pool2dShape {
  int64_t height, width;  // of y
  explicit Pool(const Pool2dShape& s) : Pool2dShape(s), height(s.P()), width(s.Q()) {}
};
struct Pixel {
  int64_t n, h, w;
};
FR_DEVICE Pixel pixel_of(int64_t i, int64_t height, int64_t width) {
  return {i / width / height, i / width % height, i % width};
}

// Rows [h0, h1) and columns [w0, w1) of a map.
struct Window {
  int64_t h0, h1, w0, w1;
  FR_DEVICE int64_t cells() const { return h0 < h1 && w0 < w1 ? (h1 - h0) * (w1 - w0) : 0; }
};
// What output (p, q) sees of x.
FR_DEVICE Window window_of(const Pool& s, int64_t p, int64_t q) {
  const int64_t top = p * s.stride_h - s.pad_h, left = q * s.stride_w - s.pad_w;
  return {max(top, int64_t{0}), min(top + s.R, s.H), max(left, int64_t{0}), min(left + s.S, s.W)};
}
// The outputs (p, q) whose windows hold (h, w).
FR_DEVICE Window windows_with(const Pool& s, int64_t h, int64_t w) {
  const int64_t bottom = h + s.pad_h, right = w + s.pad_w;
  return {divide_up(max(bottom - s.R + 1, int64_t{0}), s.stride_h), min(bottom / s.stride_h + 1, s.height),
          divide_up(max(right - s.S + 1, int64_t{0}), s.stride_w), min(right / s.stride_w + 1, s.width)};
}

template <int W>
FR_DEVICE Pack<int64_t, W> load_indices(const int64_t* p) {
  if constexpr (W == 1) return load<int64_t, 1>(p);
  Pack<int64_t, W> all;
  for (int j = 0; j + 1 < W; j += 2) {
    const Pack<int64_t, 2> two = load<int64_t, 2>(p + j);
    all.v[j] = two.v[0], all.v[j + 1] = two.v[1];
  }
  return all;
}
template <int W>
FR_DEVICE void store_indices(int64_t* p, const int64_t (&index)[W]) {
  if constexpr (W == 1)
    *p = index[0];
  else
    for (int j = 0; j + 1 < W; j += 2) store(p + j, Pack<int64_t, 2>{{index[j], index[j + 1]}});
}

// f.at(pixel, channel): one thread per pack of a pixel
template <class F>
FR_KERNEL(kPassThreads)
pixels_kernel(F f, Tiles t) {
  const TilePlace at = place_in(t, F::kWidth);
  if (!at.inside) return;
  for (int64_t i = block_x() * t.lanes + at.lane; i < t.rows; i += blocks_x() * t.lanes) f.at(i, at.c);
}
template <class F>
void for_pixels_of(const F& f, int64_t pixels, int64_t C) {
  const Tiles t = tiles(pixels, C, F::kWidth);
  if (pixels == 0) return;
  launch(Grid{grid_for(divide_up(pixels, t.lanes)).x, t.groups}, kPassThreads, 0, pixels_kernel<F>, f, t);
}
template <template <class, int> class F, class T, class... A>
void for_pixels(Access access, int64_t pixels, int64_t C, A... arguments) {
  if (access == Access::packs)
    for_pixels_of(F<T, kPack<T>>{arguments...}, pixels, C);
  else
    for_pixels_of(F<T, 1>{arguments...}, pixels, C);
}

template <class T, int W>
struct MaxForward {
  static constexpr int kWidth = W;
  T* y;
  int64_t* index;
  const T* x;
  Pool s;
  FR_DEVICE void at(int64_t i, int64_t c) const {
    const Pixel out = pixel_of(i, s.height, s.width);
    const Window window = window_of(s, out.h, out.w);
    const T* map = x + out.n * s.H * s.W * s.C + c;
    Pack<T, W> best;
    int64_t place[W];
    for (int j = 0; j < W; ++j) best.v[j] = T(0.0f), place[j] = -1;
    for (int64_t h = window.h0; h < window.h1; ++h)
      for (int64_t w = window.w0; w < window.w1; ++w) {
        const Pack<T, W> v = load<T, W>(map + (h * s.W + w) * s.C);
        for (int j = 0; j < W; ++j)
          if (place[j] < 0 || larger(float(v.v[j]), float(best.v[j])))
            best.v[j] = v.v[j], place[j] = h * s.W + w;
      }
    store(y + i * s.C + c, best);
    store_indices<W>(index + i * s.C + c, place);
  }
};
template <class T>
void max_pool_forward(T* y, int64_t* index, const T* x, const Pool2dShape& s) {
  for_pixels<MaxForward, T>(access_of<T>(s.C, y, index, x), s.N * s.P() * s.Q(), s.C, y, index, x, Pool(s));
}

template <class T, int W>
struct MaxBackward {
  static constexpr int kWidth = W;
  T* dx;
  const T* dy;
  const int64_t* index;
  Pool s;
  FR_DEVICE void at(int64_t i, int64_t c) const {
    const Pixel in = pixel_of(i, s.H, s.W);
    const Window outputs = windows_with(s, in.h, in.w);
    const int64_t here = in.h * s.W + in.w;
    float sum[W] = {};
    for (int64_t p = outputs.h0; p < outputs.h1; ++p)
      for (int64_t q = outputs.w0; q < outputs.w1; ++q) {
        const int64_t at = ((in.n * s.height + p) * s.width + q) * s.C + c;
        const Pack<int64_t, W> from = load_indices<W>(index + at);
        const Pack<T, W> d = load<T, W>(dy + at);
        for (int j = 0; j < W; ++j) sum[j] += from.v[j] == here ? float(d.v[j]) : 0;
      }
    Pack<T, W> out = load<T, W>(dx + i * s.C + c);
    for (int j = 0; j < W; ++j) out.v[j] = T(float(out.v[j]) + sum[j]);
    store(dx + i * s.C + c, out);
  }
};
template <class T>
void max_pool_backward(T* dx, const T* dy, const int64_t* index, const Pool2dShape& s) {
  for_pixels<MaxBackward, T>(access_of<T>(s.C, dx, dy, index), s.N * s.H * s.W, s.C, dx, dy, index, Pool(s));
}

template <class T, int W>
struct AverageForward {
  static constexpr int kWidth = W;
  T* y;
  const T* x;
  Pool s;
  FR_DEVICE void at(int64_t i, int64_t c) const {
    const Pixel out = pixel_of(i, s.height, s.width);
    const Window window = window_of(s, out.h, out.w);
    const T* map = x + out.n * s.H * s.W * s.C + c;
    float sum[W] = {};
    for (int64_t h = window.h0; h < window.h1; ++h)
      for (int64_t w = window.w0; w < window.w1; ++w) {
        const Pack<T, W> v = load<T, W>(map + (h * s.W + w) * s.C);
        for (int j = 0; j < W; ++j) sum[j] += float(v.v[j]);
      }
    const float cells = float(max(window.cells(), int64_t{1}));
    Pack<T, W> mean;
    for (int j = 0; j < W; ++j) mean.v[j] = T(sum[j] / cells);
    store(y + i * s.C + c, mean);
  }
};
template <class T>
void average_pool_forward(T* y, const T* x, const Pool2dShape& s) {
  for_pixels<AverageForward, T>(access_of<T>(s.C, y, x), s.N * s.P() * s.Q(), s.C, y, x, Pool(s));
}

template <class T, int W>
struct AverageBackward {
  static constexpr int kWidth = W;
  T* dx;
  const T* dy;
  Pool s;
  FR_DEVICE void at(int64_t i, int64_t c) const {
    const Pixel in = pixel_of(i, s.H, s.W);
    const Window outputs = windows_with(s, in.h, in.w);
    float sum[W] = {};
    for (int64_t p = outputs.h0; p < outputs.h1; ++p)
      for (int64_t q = outputs.w0; q < outputs.w1; ++q) {
        const Pack<T, W> d = load<T, W>(dy + ((in.n * s.height + p) * s.width + q) * s.C + c);
        const float cells = float(window_of(s, p, q).cells());
        for (int j = 0; j < W; ++j) sum[j] += float(d.v[j]) / cells;
      }
    Pack<T, W> out = load<T, W>(dx + i * s.C + c);
    for (int j = 0; j < W; ++j) out.v[j] = T(float(out.v[j]) + sum[j]);
    store(dx + i * s.C + c, out);
  }
};
template <class T>
void average_pool_backward(T* dx, const T* dy, const Pool2dShape& s) {
  for_pixels<AverageBackward, T>(access_of<T>(s.C, dx, dy), s.N * s.H * s.W, s.C, dx, dy, Pool(s));
}

}  // namespace

template <class T>
void install_pool2d(Kernels<T>& k) {
  k.max_pool_forward = max_pool_forward<T>;
  k.max_pool_backward = max_pool_backward<T>;
  k.average_pool_forward = average_pool_forward<T>;
  k.average_pool_backward = average_pool_backward<T>;
}

template void install_pool2d(Kernels<float>&);
template void install_pool2d(Kernels<bfloat16>&);

}  // namespace fr::FR_GPU
