// Convolutions whose groups are too narrow for tiles: the equations of the contract, one thread per element, neighbours in
// memory beside each other in a warp. Bound by memory: a depthwise 3x3 reads each map once from DRAM, the taps from the caches.
#include "cuda/conv2d.h"

#include "cuda/product.h"

namespace fr::FR_GPU {
namespace {

constexpr int kThreads = 256;

// one thread per element of y
template <class T>
FR_KERNEL(kThreads)
forward_kernel(T* y, const T* x, const T* w, Conv2dFinish<T> finish, Conv2dShape s) {
  const int64_t P = s.P(), Q = s.Q(), channels = s.C / s.groups, filters = s.K / s.groups,
                all = s.N * P * Q * s.K;
  for (int64_t i = block_x() * threads() + thread(); i < all; i += blocks_x() * threads()) {
    const int64_t pixel = divide(i, s.K), k = i - pixel * s.K, row = divide(pixel, Q), n = divide(row, P);
    const int64_t h0 = (row - n * P) * s.stride_h - s.pad_h, w0 = (pixel - row * Q) * s.stride_w - s.pad_w;
    const T* image = x + n * s.H * s.W * s.C + divide(k, filters) * channels;
    const T* weight = w + k * s.R * s.S * channels;
    float sum = 0;
    for (int64_t r = 0; r < s.R; ++r)
      for (int64_t t = 0; t < s.S; ++t, weight += channels) {
        const int64_t h = h0 + r * s.dilation_h, v = w0 + t * s.dilation_w;
        if (h < 0 || h >= s.H || v < 0 || v >= s.W) continue;
        const T* from = image + (h * s.W + v) * s.C;
        for (int64_t c = 0; c < channels; ++c) sum += float(from[c]) * float(weight[c]);
      }
    if (finish.scale) sum *= finish.scale[k];
    if (finish.shift) sum += finish.shift[k];
    if (finish.slope && !(sum > 0)) sum *= finish.slope[k];
    if (finish.residual) sum += float(finish.residual[i]);
    y[i] = T(sum);
  }
}

// Whether tap r of an axis reaches place h, and from which output.
FR_DEVICE bool reaches(int64_t& p, int64_t h, int64_t r, int64_t pad, int64_t dilation, int64_t stride,
                       int64_t P) {
  const int64_t scaled = h + pad - r * dilation;
  if (scaled < 0) return false;
  p = stride == 1 ? scaled : divide(scaled, stride);
  return p * stride == scaled && p < P;
}

// one thread per element of dx
template <class T>
FR_KERNEL(kThreads)
input_kernel(T* dx, const T* dy, const T* w, Conv2dShape s, Gradient into) {
  const int64_t P = s.P(), Q = s.Q(), channels = s.C / s.groups, filters = s.K / s.groups,
                all = s.N * s.H * s.W * s.C;
  for (int64_t i = block_x() * threads() + thread(); i < all; i += blocks_x() * threads()) {
    const int64_t pixel = divide(i, s.C), c = i - pixel * s.C, row = divide(pixel, s.W), n = divide(row, s.H);
    const int64_t group = divide(c, channels);
    const T* weight = w + group * filters * s.R * s.S * channels + (c - group * channels);
    float sum = 0;
    for (int64_t r = 0; r < s.R; ++r)
      for (int64_t t = 0; t < s.S; ++t) {
        int64_t p, q;
        if (!reaches(p, row - n * s.H, r, s.pad_h, s.dilation_h, s.stride_h, P) ||
            !reaches(q, pixel - row * s.W, t, s.pad_w, s.dilation_w, s.stride_w, Q))
          continue;
        const T* from = dy + ((n * P + p) * Q + q) * s.K + group * filters;
        for (int64_t k = 0; k < filters; ++k)
          sum += float(from[k]) * float(weight[((k * s.R + r) * s.S + t) * channels]);
      }
    dx[i] = T(sum + (into == Gradient::add ? float(dx[i]) : 0));
  }
}

struct PixelSlices {
  int64_t pixels, slices;
};

// one block per slice of the pixels (x), 32 filters (y) and (r, s, c) (z): 8 warps take every eighth pixel, a lane one filter
template <class T>
FR_KERNEL(kThreads)
filter_kernel(float* partial, const T* dy, const T* x, Conv2dShape s, PixelSlices cut) {
  const int64_t P = s.P(), Q = s.Q(), channels = s.C / s.groups, filters = s.K / s.groups;
  const int64_t k = block_y() * kWarp + lane(), columns = s.R * s.S * channels, column = block_z();
  const int64_t tap = divide(column, channels), r = divide(tap, s.S), t = tap - r * s.S,
                c = column - tap * channels;
  const int64_t begin = divide(block_x() * cut.pixels, cut.slices);
  const int64_t end = divide((block_x() + 1) * cut.pixels, cut.slices);
  float sum = 0;
  if (k < s.K) {
    const int64_t x_c = divide(k, filters) * channels + c;
    for (int64_t i = begin + warp(); i < end; i += kThreads / kWarp) {
      const int64_t row = divide(i, Q), n = divide(row, P);
      const int64_t h = (row - n * P) * s.stride_h - s.pad_h + r * s.dilation_h;
      const int64_t v = (i - row * Q) * s.stride_w - s.pad_w + t * s.dilation_w;
      if (h >= 0 && h < s.H && v >= 0 && v < s.W)
        sum += float(dy[i * s.K + k]) * float(x[((n * s.H + h) * s.W + v) * s.C + x_c]);
    }
  }
  float* sums = shared<float>();
  sums[thread()] = sum;
  sync();
  if (warp() > 0 || k >= s.K) return;
  for (int j = 1; j < kThreads / kWarp; ++j) sum += sums[j * kWarp + lane()];
  partial[(block_x() * s.K + k) * columns + column] = sum;
}

// What sum_slices_kernel needs to know.
struct FilterSums {
  float* dw;
  int64_t K, columns;
  Gradient into;
  FR_HOST_DEVICE Extent extent() const { return {K, columns, 0, 1}; }
  FR_DEVICE void finish(int64_t, int64_t m, int64_t n, float (&v)[8], int count) const {
    add_into(dw + m * columns + n, v, count, into, false);
  }
};

}  // namespace

template <class T>
void conv2d_groups_forward(T* y, const T* x, const T* w, const Conv2dFinish<T>& finish,
                           const Conv2dShape& s) {
  const int64_t all = s.N * s.P() * s.Q() * s.K;
  if (all > 0) launch(grid_for(divide_up(all, kThreads)), kThreads, 0, forward_kernel<T>, y, x, w, finish, s);
}

template <class T>
void conv2d_groups_backward_input(T* dx, const T* dy, const T* w, const Conv2dShape& s, Gradient into) {
  const int64_t all = s.N * s.H * s.W * s.C;
  if (all > 0) launch(grid_for(divide_up(all, kThreads)), kThreads, 0, input_kernel<T>, dx, dy, w, s, into);
}

template <class T>
void conv2d_groups_backward_filter(Wide<T>* dw, const T* dy, const T* x, const Conv2dShape& s,
                                   Gradient into) {
  const int64_t columns = s.R * s.S * (s.C / s.groups), packs = divide_up(s.K, kWarp);
  const int64_t pixels = s.N * max(s.P(), int64_t(0)) * max(s.Q(), int64_t(0));
  // Some 2000 blocks, with at least 64 pixels each.
  const int64_t slices = max(min(2048 / (packs * columns), pixels / 64), int64_t(1));
  const Workspace<float> partial(slices * s.K * columns);
  launch({slices, packs, columns}, kThreads, kThreads * sizeof(float), filter_kernel<T>, partial.get(), dy, x,
         s, PixelSlices{pixels, slices});
  Division d;
  d.slices = slices, d.partial = partial.get();
  launch(grid_for(divide_up(s.K * divide_up(columns, 8), kThreads)), kThreads, 0,
         sum_slices_kernel<FilterSums>, FilterSums{dw, s.K, columns, into}, d);
}

template void conv2d_groups_forward(float*, const float*, const float*, const Conv2dFinish<float>&,
                                    const Conv2dShape&);
template void conv2d_groups_forward(bfloat16*, const bfloat16*, const bfloat16*,
                                    const Conv2dFinish<bfloat16>&, const Conv2dShape&);
template void conv2d_groups_backward_input(float*, const float*, const float*, const Conv2dShape&, Gradient);
template void conv2d_groups_backward_input(bfloat16*, const bfloat16*, const bfloat16*, const Conv2dShape&,
                                           Gradient);
template void conv2d_groups_backward_filter(float*, const float*, const float*, const Conv2dShape&, Gradient);
template void conv2d_groups_backward_filter(float*, const bfloat16*, const bfloat16*, const Conv2dShape&,
                                            Gradient);

}  // namespace fr::FR_GPU
