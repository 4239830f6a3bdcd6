// Maximum and average over windows of a feature map. A window that lies outside the map altogether (padding
// as wide as the window) gives 0 and has no gradient; its index is -1.
#include <algorithm>

#include "tensor/cpu/ref.h"

namespace fr::ref {
namespace {

// The part of output (p, q)'s window that lies inside the map: rows [h0, h1), columns [w0, w1).
struct Window {
  int64_t h0, h1, w0, w1;
  Window(const Pool2dShape& s, int64_t p, int64_t q)
      : h0(std::max<int64_t>(p * s.stride_h - s.pad_h, 0)),
        h1(std::min(p * s.stride_h - s.pad_h + s.R, s.H)),
        w0(std::max<int64_t>(q * s.stride_w - s.pad_w, 0)),
        w1(std::min(q * s.stride_w - s.pad_w + s.S, s.W)) {}
  int64_t cells() const { return h0 < h1 && w0 < w1 ? (h1 - h0) * (w1 - w0) : 0; }
};

// f(n, window, c, i): i is the place of (n, p, q, c) in y
template <class F>
void for_each_output(const Pool2dShape& s, const F& f) {
  int64_t i = 0;
  for (int64_t n = 0; n < s.N; ++n)
    for (int64_t p = 0; p < s.P(); ++p)
      for (int64_t q = 0; q < s.Q(); ++q) {
        const Window window(s, p, q);
        for (int64_t c = 0; c < s.C; ++c, ++i) f(n, window, c, i);
      }
}

template <class T>
void max_pool_forward(T* y, int64_t* index, const T* x, const Pool2dShape& s) {
  for_each_output(s, [&](int64_t n, const Window& window, int64_t c, int64_t i) {
    const T* map = x + n * s.H * s.W * s.C + c;
    int64_t best = -1;
    for (int64_t h = window.h0; h < window.h1; ++h)
      for (int64_t w = window.w0; w < window.w1; ++w)
        if (best < 0 || larger(map[(h * s.W + w) * s.C], map[best * s.C])) best = h * s.W + w;
    index[i] = best;
    y[i] = best < 0 ? T(0) : map[best * s.C];
  });
}

template <class T>
void max_pool_backward(T* dx, const T* dy, const int64_t* index, const Pool2dShape& s) {
  for_each_output(s, [&](int64_t n, const Window&, int64_t c, int64_t i) {
    if (index[i] >= 0) dx[(n * s.H * s.W + index[i]) * s.C + c] += dy[i];
  });
}

template <class T>
void average_pool_forward(T* y, const T* x, const Pool2dShape& s) {
  for_each_output(s, [&](int64_t n, const Window& window, int64_t c, int64_t i) {
    double sum = 0;
    for (int64_t h = window.h0; h < window.h1; ++h)
      for (int64_t w = window.w0; w < window.w1; ++w) sum += x[((n * s.H + h) * s.W + w) * s.C + c];
    y[i] = window.cells() ? T(sum / static_cast<double>(window.cells())) : T(0);
  });
}

template <class T>
void average_pool_backward(T* dx, const T* dy, const Pool2dShape& s) {
  for_each_output(s, [&](int64_t n, const Window& window, int64_t c, int64_t i) {
    for (int64_t h = window.h0; h < window.h1; ++h)
      for (int64_t w = window.w0; w < window.w1; ++w)
        dx[((n * s.H + h) * s.W + w) * s.C + c] += dy[i] / T(window.cells());
  });
}

}  // namespace

template <class T>
void install_pool2d(Kernels<T>& k) {
  k.max_pool_forward = max_pool_forward;
  k.max_pool_backward = max_pool_backward;
  k.average_pool_forward = average_pool_forward;
  k.average_pool_backward = average_pool_backward;
}

template void install_pool2d(Kernels<float>&);
template void install_pool2d(Kernels<double>&);

}  // namespace fr::ref
