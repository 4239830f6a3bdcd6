// Convolution and its two adjoints as tile products over the maps as they lie (implicit GEMM, NHWC), nothing unfolded:
//   forward          pixels of y  x  filters,  k = (r, s, c)
//   input gradient   pixels of dx x  channels, k = (r, s, filter).  With a stride the pixels of dx fall into stride_h x stride_w
//                    phases by h and w modulo the stride; each sees every gcd-th tap only and becomes a product of its own, so
//                    that no product multiplies zeros between pixels
//   filter gradient  filters x (r, s, c),      k = pixels of y, in slices where the result has few tiles
// Narrow groups: cuda/conv2d_groups.cu. Where they suit, the kernels for Hopper: cuda/conv2d_hopper.h.
#include "cuda/conv2d.h"

#include <numeric>

#include "cuda/conv2d_forward.h"
#include "cuda/conv2d_hopper.h"

namespace fr::FR_GPU {
namespace {

template <class T, Access access>
struct InputGradientProblem {
  using Element = T;
  static constexpr Contiguous kA = Contiguous::k, kB = Contiguous::side;
  static constexpr Access kAccess = access;
  static constexpr Statistics kStatistics = Statistics::no;

  Window<T> dy;  // its grid: the pixels of the phase
  FilterView<T> w;
  T* dx;                       // the first pixel of the phase
  int64_t image, line, pixel;  // elements between images of dx, lines and pixels of the phase
  int64_t channels, groups;    // channels: of a group
  Gradient into;
  bool vector;

  FR_HOST_DEVICE Extent extent() const {
    return {dy.pixels, channels, int64_t(w.taps_h) * w.taps_w * w.filters, groups};
  }
  template <class Panel>
  FR_DEVICE auto a(int64_t z, int64_t m, int64_t k) const {
    return PixelsLoader<Panel, access>(dy, int(z), m, k);
  }
  template <class Panel>
  FR_DEVICE auto b(int64_t z, int64_t n, int64_t k) const {
    return FilterTapsLoader<Panel, access>(w, int(z), n, k);
  }
  FR_DEVICE void finish(int64_t z, int64_t m, int64_t n, float (&v)[8], int count) const {
    const int64_t row = divide(m, dy.columns), picture = divide(row, dy.rows);
    T* to = dx + picture * image + (row - picture * dy.rows) * line + (m - row * dy.columns) * pixel +
            z * channels + n;
    add_into(to, v, count, into, vector);
  }
};

template <class T, Access access>
struct FilterGradientProblem {
  using Element = T;
  static constexpr Contiguous kA = Contiguous::side, kB = Contiguous::side;
  static constexpr Access kAccess = access;
  static constexpr Statistics kStatistics = Statistics::no;

  Window<T> x;
  PixelStep<T, access> step;
  const T* dy;
  Wide<T>* dw;
  int64_t K, filters, columns, groups;  // columns: R S channels of a group
  Gradient into;
  bool vector;

  FR_HOST_DEVICE Extent extent() const { return {filters, columns, x.pixels, groups}; }
  template <class Panel>
  FR_DEVICE auto a(int64_t z, int64_t m, int64_t k) const {
    return MatrixLoader<Panel, access>({dy + z * filters, K, filters, x.pixels}, m, k);
  }
  template <class Panel>
  FR_DEVICE auto b(int64_t z, int64_t n, int64_t k) const {
    return PatchesLoader<Panel, access>(x, step, int(z), n, k);
  }
  FR_DEVICE void finish(int64_t z, int64_t m, int64_t n, float (&v)[8], int count) const {
    add_into(dw + (z * filters + m) * columns + n, v, count, into, vector);
  }
};

// One axis of a phase of dx: h = first + stride i. The taps that reach it are r = tap + j tap_step, j < taps, and tap j lies at
// output start + i + j step: p stride = h + pad - r dilation.
struct Phase {
  int64_t size, tap, tap_step, taps, start, step;
  Phase(int64_t first, int64_t extent, int64_t stride, int64_t pad, int64_t dilation, int64_t R) {
    size = extent > first ? divide_up(extent - first, stride) : 0;
    tap_step = stride / std::gcd(stride, dilation);
    for (tap = 0; tap < tap_step && (first + pad - tap * dilation) % stride;) ++tap;
    taps = tap < tap_step && tap < R ? (R - 1 - tap) / tap_step + 1 : 0;
    start = taps ? (first + pad - tap * dilation) / stride : 0;
    step = -tap_step * dilation / stride;
  }
};

template <class T, Access access>
InputGradientProblem<T, access> phase_problem(T* dx, const T* dy, const T* w, const Conv2dShape& s,
                                              Gradient into, int64_t first_h, int64_t first_w) {
  const Phase h(first_h, s.H, s.stride_h, s.pad_h, s.dilation_h, s.R);
  const Phase v(first_w, s.W, s.stride_w, s.pad_w, s.dilation_w, s.S);
  const int64_t channels = s.C / s.groups;
  InputGradientProblem<T, access> problem;
  Window<T>& d = problem.dy;
  d = window_on(dy, max(s.P(), int64_t(0)), max(s.Q(), int64_t(0)), s.K, s.groups);
  d.rows = at_least_one(h.size), d.columns = at_least_one(v.size), d.pixels = s.N * h.size * v.size;
  d.taps_h = v.taps ? int(h.taps) : 0, d.taps_w = at_least_one(v.taps);
  d.start_h = int(h.start), d.start_w = int(v.start), d.step_h = int(h.step), d.step_w = int(v.step);
  FilterView<T>& f = problem.w;
  f.p = w + (h.tap * s.S + v.tap) * channels;
  f.filter = s.R * s.S * channels, f.row = int(h.tap_step * s.S * channels),
  f.column = int(v.tap_step * channels);
  f.taps_h = d.taps_h, f.taps_w = d.taps_w, f.filters = d.channels, f.channels = int(channels);
  problem.dx = dx + (first_h * s.W + first_w) * s.C;
  problem.image = s.H * s.W * s.C, problem.line = s.stride_h * s.W * s.C, problem.pixel = s.stride_w * s.C;
  problem.channels = channels, problem.groups = s.groups, problem.into = into;
  problem.vector = channels % 8 == 0 && aligned16(dx);
  return problem;
}

template <class T>
void conv2d_fused_forward(T* y, const T* x, const T* w, const T*, const Conv2dFinish<T>& finish,
                          const Conv2dShape& s) {
  if (narrow_groups(s)) return conv2d_groups_forward(y, x, w, finish, s);
  if constexpr (std::is_same_v<T, bfloat16>)
    if (hopper_convolution(y, x, w, finish, s)) return;
  as_forward_problem<Statistics::no>(y, x, w, finish, s, [](const auto& problem) { multiply(problem); });
}
template <class T>
void conv2d_forward(T* y, const T* x, const T* w, const Conv2dShape& s) {
  conv2d_fused_forward<T>(y, x, w, nullptr, {}, s);
}

template <class T>
void conv2d_backward_input(T* dx, const T* dy, const T* w, const Conv2dShape& s, Gradient into) {
  if (narrow_groups(s)) return conv2d_groups_backward_input(dx, dy, w, s, into);
  if constexpr (std::is_same_v<T, bfloat16>)
    if (hopper_input_gradient(dx, dy, w, s, into)) return;
  const int64_t channels = s.C / s.groups, filters = s.K / s.groups;
  const bool vector = chunks(w, channels, s.K) && chunks(dy, filters, s.N * s.P() * s.Q() * s.K);
  for (int64_t h = 0; h < s.stride_h; ++h)
    for (int64_t v = 0; v < s.stride_w; ++v)
      if (vector)
        multiply(phase_problem<T, Access::vector>(dx, dy, w, s, into, h, v));
      else
        multiply(phase_problem<T, Access::scalar>(dx, dy, w, s, into, h, v));
}

template <class T>
void conv2d_backward_filter(Wide<T>* dw, const T* dy, const T* x, const Conv2dShape& s, Gradient into) {
  if (narrow_groups(s)) return conv2d_groups_backward_filter(dw, dy, x, s, into);
  const int64_t channels = s.C / s.groups, filters = s.K / s.groups, columns = s.R * s.S * channels;
  const bool vector = columns % 4 == 0 && aligned16(dw);
  const auto run = [&]<Access access>(std::integral_constant<Access, access>) {
    const Window<T> window = outputs_on_inputs(x, s);
    multiply(FilterGradientProblem<T, access>{window, PixelStep<T, access>(window), dy, dw, s.K, filters,
                                              columns, s.groups, into, vector});
  };
  if (chunks(x, channels, s.N * s.H * s.W * s.C) && chunks(dy, filters, s.K))
    run(std::integral_constant<Access, Access::vector>());
  else
    run(std::integral_constant<Access, Access::scalar>());
}

int64_t conv2d_prepared_size(const Conv2dShape&) { return 0; }
template <class T>
void conv2d_prepare(T*, const T*, const Conv2dShape&) {}

}  // namespace

template <class T>
void install_conv2d(Kernels<T>& k) {
  k.conv2d_forward = conv2d_forward<T>;
  k.conv2d_prepared_size = conv2d_prepared_size;
  k.conv2d_prepare = conv2d_prepare<T>;
  k.conv2d_fused_forward = conv2d_fused_forward<T>;
  k.conv2d_forward_statistics = conv2d_forward_statistics<T>;
  k.conv2d_backward_input = conv2d_backward_input<T>;
  k.conv2d_backward_filter = conv2d_backward_filter<T>;
}

template void install_conv2d(Kernels<float>&);
template void install_conv2d(Kernels<bfloat16>&);

}  // namespace fr::FR_GPU
