// Maximum and average over windows of a feature map. The gradient of an element is gathered from the windows that hold it,
// in their order, so that no two threads write one place. A window that lies outside the map altogether gives 0 and has no
// gradient; its index is -1.
#include "cuda/passes.h"

namespace fr::FR_GPU {
namespace {

// Pool2dShape in 32 bits, which hold the side of any map.
struct Pool {
  int H, W, R, S, stride_h, stride_w, pad_h, pad_w;
  int height, width;  // of y
  int64_t C;
  explicit Pool(const Pool2dShape& s)
      : H(int(s.H)),
        W(int(s.W)),
        R(int(s.R)),
        S(int(s.S)),
        stride_h(int(s.stride_h)),
        stride_w(int(s.stride_w)),
        pad_h(int(s.pad_h)),
        pad_w(int(s.pad_w)),
        height(int(s.P())),
        width(int(s.Q())),
        C(s.C) {}
};
struct Pixel {
  int64_t n;
  int h, w;
};
FR_DEVICE Pixel pixel_of(int64_t i, int height, int width) {
  const int64_t line = i / width, n = line / height;
  return {n, int(line - n * height), int(i - line * width)};
}
FR_DEVICE int64_t place_of(int64_t n, int h, int w, int height, int width) {
  return (n * height + h) * width + w;
}

// Rows [h0, h1) and columns [w0, w1) of a map.
struct Window {
  int h0, h1, w0, w1;
  FR_DEVICE int64_t cells() const { return h0 < h1 && w0 < w1 ? int64_t{h1 - h0} * (w1 - w0) : 0; }
};
// What output (p, q) sees of x.
FR_DEVICE Window window_of(const Pool& s, int p, int q) {
  const int top = p * s.stride_h - s.pad_h, left = q * s.stride_w - s.pad_w;
  return {max(top, 0), min(top + s.R, s.H), max(left, 0), min(left + s.S, s.W)};
}
// The outputs (p, q) whose windows hold (h, w).
FR_DEVICE Window windows_with(const Pool& s, int h, int w) {
  const int bottom = h + s.pad_h, right = w + s.pad_w;
  return {(max(bottom - s.R + 1, 0) + s.stride_h - 1) / s.stride_h, min(bottom / s.stride_h + 1, s.height),
          (max(right - s.S + 1, 0) + s.stride_w - 1) / s.stride_w, min(right / s.stride_w + 1, s.width)};
}

template <int W>
FR_DEVICE Pack<int64_t, W> load_indices(const int64_t* p) {
  constexpr int two = W > 1 ? 2 : 1;  // 16 bytes
  Pack<int64_t, W> all;
  for (int j = 0; j < W; j += two) {
    const Pack<int64_t, two> some = load<int64_t, two>(p + j);
    for (int i = 0; i < two; ++i) all.v[j + i] = some.v[i];
  }
  return all;
}
template <int W>
FR_DEVICE void store_indices(int64_t* p, const int64_t (&index)[W]) {
  constexpr int two = W > 1 ? 2 : 1;
  for (int j = 0; j < W; j += two) {
    Pack<int64_t, two> some;
    for (int i = 0; i < two; ++i) some.v[i] = index[j + i];
    store(p + j, some);
  }
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
    const T* map = x + place_of(out.n, 0, 0, s.H, s.W) * s.C + c;
    Pack<T, W> best;
    int64_t place[W];
    for (int j = 0; j < W; ++j) best.v[j] = T(0.0f), place[j] = -1;
    for (int h = window.h0; h < window.h1; ++h)
      for (int w = window.w0; w < window.w1; ++w) {
        const int64_t here = place_of(0, h, w, s.H, s.W);
        const Pack<T, W> v = load<T, W>(map + here * s.C);
        for (int j = 0; j < W; ++j)
          if (place[j] < 0 || larger(float(v.v[j]), float(best.v[j]))) best.v[j] = v.v[j], place[j] = here;
      }
    store(y + i * s.C + c, best);
    store_indices<W>(index + i * s.C + c, place);
  }
};
template <class T>
void max_pool_forward(T* y, int64_t* index, const T* x, const Pool2dShape& s) {
  for_packs<MaxForward, T>(width_of<T>(s.C, y, index, x), s.N * s.P() * s.Q(), s.C, y, index, x, Pool(s));
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
    const int64_t here = place_of(0, in.h, in.w, s.H, s.W);
    float sum[W] = {};
    for (int p = outputs.h0; p < outputs.h1; ++p)
      for (int q = outputs.w0; q < outputs.w1; ++q) {
        const int64_t at = place_of(in.n, p, q, s.height, s.width) * s.C + c;
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
  for_packs<MaxBackward, T>(width_of<T>(s.C, dx, dy, index), s.N * s.H * s.W, s.C, dx, dy, index, Pool(s));
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
    const T* map = x + place_of(out.n, 0, 0, s.H, s.W) * s.C + c;
    float sum[W] = {};
    for (int h = window.h0; h < window.h1; ++h)
      for (int w = window.w0; w < window.w1; ++w) {
        const Pack<T, W> v = load<T, W>(map + place_of(0, h, w, s.H, s.W) * s.C);
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
  for_packs<AverageForward, T>(width_of<T>(s.C, y, x), s.N * s.P() * s.Q(), s.C, y, x, Pool(s));
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
    for (int p = outputs.h0; p < outputs.h1; ++p)
      for (int q = outputs.w0; q < outputs.w1; ++q) {
        const Pack<T, W> d = load<T, W>(dy + place_of(in.n, p, q, s.height, s.width) * s.C + c);
        const float share = 1 / float(window_of(s, p, q).cells());
        for (int j = 0; j < W; ++j) sum[j] += share * float(d.v[j]);
      }
    Pack<T, W> out = load<T, W>(dx + i * s.C + c);
    for (int j = 0; j < W; ++j) out.v[j] = T(float(out.v[j]) + sum[j]);
    store(dx + i * s.C + c, out);
  }
};
template <class T>
void average_pool_backward(T* dx, const T* dy, const Pool2dShape& s) {
  for_packs<AverageBackward, T>(width_of<T>(s.C, dx, dy), s.N * s.H * s.W, s.C, dx, dy, Pool(s));
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
