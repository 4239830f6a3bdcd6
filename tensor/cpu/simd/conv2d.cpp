// Convolution on the blocked matrix product: y = im2col(x) w', dw = dy' im2col(x), dx = im2col(dy) w per phase. 3x3
// filters with stride 1 go another way: conv2d_winograd.h.
#include "tensor/cpu/simd/conv2d_depthwise.h"
#include "tensor/cpu/simd/conv2d_direct.h"
#include "tensor/cpu/simd/conv2d_filter_gradient.h"
#include "tensor/cpu/simd/conv2d_pack.h"
#include "tensor/cpu/simd/conv2d_stem.h"
#include "tensor/cpu/simd/conv2d_winograd.h"

namespace fr::FR_ISA {
namespace {

int64_t tiles_of_map(const Conv2dShape& s) { return s.N * tiles_of(s.P()) * tiles_of(s.Q()); }

enum class Algorithm { depthwise, pointwise, stem, taps, winograd };

// Worth its transforms: enough channels, enough tiles to pay for those of the filters, and not mostly padding.
bool winograd_pays(const Conv2dShape& s, bool prepared) {
  return s.R == 3 && s.S == 3 && s.stride_h == 1 && s.stride_w == 1 && s.dilation_h == 1 &&
         s.dilation_w == 1 && s.pad_h <= 2 && s.pad_w <= 2 && s.groups == 1 && s.C >= 32 && s.K >= 32 &&
         s.P() > kTile && s.Q() > kTile && tiles_of_map(s) >= (prepared ? 8 : 16);
}

// Filters are prepared where making them ready takes a good part of the time: few outputs, and not too much to keep.
bool preparing_pays(const Conv2dShape& s) {
  return s.N * s.P() * s.Q() <= 1024 || tiles_of_map(s) < kManyTiles;
}
bool fits_prepared(const Conv2dShape& s) { return kPlaces * s.C * s.K <= kKeptFilters; }

// The one place that chooses.
Algorithm choose(const Conv2dShape& s, bool prepared = false) {
  if (s.groups == s.C && s.groups == s.K) return s.C == 1 ? Algorithm::taps : Algorithm::depthwise;
  const bool plain =
      s.R == 1 && s.S == 1 && s.stride_h == 1 && s.stride_w == 1 && s.pad_h == 0 && s.pad_w == 0;
  if (plain) return Algorithm::pointwise;
  if (s.groups == 1 && s.C < 16 && s.R * s.S * s.C <= kStemDepth) return Algorithm::stem;
  if (!winograd_selected()) return Algorithm::taps;
  const bool few = prepared && fits_prepared(s);
  return winograd_pays(s, few) ? Algorithm::winograd : Algorithm::taps;
}

// Pointwise and taps: which passes do without the packers of the blocked product. With more columns, the filters that
// each tile reads anew from L2 cost more than packed pixels. With AVX-512 the packed product has taller tiles, and it
// pays only where packing would cost most.
constexpr int64_t kDirectColumns = kWidth == 8 ? 192 : 64;
bool forward_is_direct(const Conv2dShape& s) {
  return s.K <= kDirectColumns && direct_pays(s.N * s.P() * s.Q(), s.C, s.groups);
}
bool input_gradient_is_direct(const Conv2dShape& s) {
  const int64_t phases = s.stride_h * s.stride_w;
  return (kWidth == 8 || phases > 1) && direct_pays(s.N * s.H * s.W / phases, s.K, s.groups);
}
bool filter_gradient_is_direct(const Conv2dShape& s, Algorithm algorithm) {
  return (kWidth == 8 || algorithm == Algorithm::taps) && filter_gradient_pays(s);
}

TapMatrix taps_of_input(const float* x, const Conv2dShape& s) {
  return {x,
          {s.P(), s.stride_h, -s.pad_h, s.dilation_h, s.R, s.H},
          {s.Q(), s.stride_w, -s.pad_w, s.dilation_w, s.S, s.W},
          s.C / s.groups,
          s.C};
}

float beta_of(Gradient into) { return into == Gradient::add ? 1 : 0; }

Product forward_product(const Conv2dShape& s) {
  return {s.N * s.P() * s.Q(), s.K / s.groups, s.R * s.S * (s.C / s.groups), s.groups, 1, 0};
}
MatrixB forward_filters(const float* w, const Conv2dShape& s) {
  const int64_t depth = s.R * s.S * (s.C / s.groups);
  return {w, depth, s.K / s.groups * depth, true};
}

void taps_forward(float* y, const float* x, const MatrixB& filters, const float* prepared,
                  const Conv2dShape& s) {
  const Product product = forward_product(s);
  Scratch<float> packed(static_cast<size_t>(prepared ? 0 : packed_b_floats(product)));
  if (!prepared) pack_b_once(packed.get(), product, filters);
  const DirectProduct direct(product, taps_of_input(x, s), prepared ? prepared : packed.get());
  const int64_t Q = s.Q();
  for_direct_pieces(s.N * s.P(), Q, s.K, [&](int64_t first, int64_t last, int64_t n0, int64_t n) {
    direct.pixels({y, s.P() * Q * s.K, Q * s.K, s.K}, first * Q, last * Q, n0, n);
  });
}

void direct_forward(Algorithm algorithm, float* y, const float* x, const float* w, const float* prepared,
                    const Conv2dShape& s) {
  if (algorithm == Algorithm::depthwise) return depthwise_forward(y, x, w, s);
  const int64_t C = s.C / s.groups, K = s.K / s.groups;
  const Product product = forward_product(s);
  const MatrixB filters = forward_filters(w, s);
  const MatrixC out{y, s.K, K};
  const GemmShape plain{false, true, product.M, K, C, s.C, C, s.K};
  if (algorithm == Algorithm::taps && !prepared && strip_pays(s))
    StripForward(s).forward(y, x, w);
  else if (forward_is_direct(s))
    taps_forward(y, x, filters, prepared, s);
  else if (algorithm == Algorithm::pointwise && s.groups == 1 && !prepared && narrow_pays(plain))
    narrow_product(y, x, w, plain, 1, 0);
  else if (algorithm == Algorithm::pointwise)
    multiply(product, MatrixA{x, s.C, C, false}, filters, out, prepared);
  else
    multiply(product, TapA{taps_of_input(x, s)}, filters, out, prepared);
}

void conv2d_forward(float* y, const float* x, const float* w, const Conv2dShape& s) {
  const Algorithm algorithm = choose(s);
  if (algorithm == Algorithm::winograd) return winograd_forward(y, x, w, nullptr, s, Overwrite{});
  if (algorithm == Algorithm::stem) return stem_forward(y, x, w, nullptr, s, Overwrite{});
  direct_forward(algorithm, y, x, w, nullptr, s);
}

int64_t conv2d_prepared_size(const Conv2dShape& s) {
  const Algorithm algorithm = choose(s, true);
  if (!preparing_pays(s) || algorithm == Algorithm::depthwise || s.N * s.P() * s.Q() == 0) return 0;
  if (algorithm == Algorithm::stem) return stem_filters(s);
  if (algorithm != Algorithm::winograd) return packed_b_floats(forward_product(s));
  const ForwardFilters none{nullptr, s.K, s.C};
  return fits_prepared(s) ? winograd_correlation(nullptr, nullptr, none, s, Overwrite{}).prepared_size() : 0;
}

void conv2d_prepare(float* prepared, const float* w, const Conv2dShape& s) {
  const Algorithm algorithm = choose(s, true);
  const ForwardFilters filters{w, s.K, s.C};
  if (algorithm == Algorithm::stem)
    arrange_stem(prepared, w, s);
  else if (algorithm == Algorithm::winograd)
    winograd_correlation(nullptr, nullptr, filters, s, Overwrite{}).prepare(prepared);
  else
    pack_b_once(prepared, forward_product(s), forward_filters(w, s));
}

void conv2d_fused_forward(float* y, const float* x, const float* w, const float* prepared,
                          const Conv2dFinish<float>& f, const Conv2dShape& s) {
  const Algorithm algorithm = choose(s, prepared);
  const Finish finish{f, y};
  if (algorithm == Algorithm::winograd) return winograd_forward(y, x, w, prepared, s, finish);
  if (algorithm == Algorithm::stem) return stem_forward(y, x, w, prepared, s, finish);
  direct_forward(algorithm, y, x, w, prepared, s);
  if (!f.scale && !f.shift && !f.slope && !f.residual) return;
  parallel_ranges(s.N * s.P() * s.Q(), 64, [&](int64_t begin, int64_t end) {
    for (float* row = y + begin * s.K; row != y + end * s.K; row += s.K)
      for_channels(
          s.K, [&](int64_t k, auto... mask) __attribute__((always_inline)) {
            vec_store(row + k, finish(vec_load(row + k, mask...), row + k, k, mask...), mask...);
          });
  });
}

void conv2d_forward_statistics(float* y, float* mean, float* rstd, float* running_mean, float* running_var,
                               const float* x, const float* w, const Conv2dShape& s, float eps,
                               float momentum) {
  table().conv2d_forward(y, x, w, s);
  table().batch_norm_statistics(mean, rstd, running_mean, running_var, y, s.N * s.P() * s.Q(), s.K, eps,
                                momentum);
}

void conv2d_backward_filter(float* dw, const float* dy, const float* x, const Conv2dShape& s, Gradient into) {
  const Algorithm algorithm = choose(s);
  if (algorithm == Algorithm::winograd) return winograd_backward_filter(dw, dy, x, s, into);
  if (algorithm == Algorithm::stem) return stem_backward_filter(dw, dy, x, s, beta_of(into));
  if (algorithm == Algorithm::depthwise) {
    if (into == Gradient::overwrite) zero_floats(dw, s.K * s.R * s.S);
    return depthwise_backward_filter(dw, dy, x, s);
  }
  if (filter_gradient_is_direct(s, algorithm)) return FilterGradient(s, dy, x).run(dw, beta_of(into));
  const int64_t C = s.C / s.groups, K = s.K / s.groups, columns = s.R * s.S * C;
  const Product product{K, columns, s.N * s.P() * s.Q(), s.groups, 1, beta_of(into)};
  const MatrixA gradient{dy, s.K, K, true};
  const MatrixC out{dw, columns, K * columns};
  if (algorithm == Algorithm::pointwise)
    multiply(product, gradient, MatrixB{x, s.C, C, false}, out);
  else
    multiply(product, gradient, TapB{taps_of_input(x, s)}, out);
}

// --- gradient of the input ---
// h = p stride - pad + r dilation. For the h of one phase a (h = a + i stride) only every (stride / g)-th r has a
// whole p, g = gcd(stride, dilation): r = r0 + t (stride / g), p = i + (a + pad - r0 dilation) / stride - t dilation / g.
struct Phase {
  int64_t offset, count;  // h = offset + i stride, i < count
  int64_t tap, tap_step;  // r0, stride / g
  Axis axis;              // over dy
};

int64_t common_divisor(int64_t a, int64_t b) { return b == 0 ? a : common_divisor(b, a % b); }

Phase phase_of(int64_t a, int64_t stride, int64_t dilation, int64_t pad, int64_t taps, int64_t size,
               int64_t out) {
  const int64_t g = common_divisor(stride, dilation), tap_step = stride / g;
  Phase p{a, a < size ? ceil_div(size - a, stride) : 0, 0, tap_step, {}};
  while (p.tap < least(taps, tap_step) && (a + pad - p.tap * dilation) % stride != 0) ++p.tap;
  const int64_t found = p.tap < least(taps, tap_step) ? ceil_div(taps - p.tap, tap_step) : 0;
  p.axis = {p.count, 1, (a + pad - p.tap * dilation) / stride, -dilation / g, found, out};
  return p;
}

// Row (tap of the phase, filter f) of the right operand: w_f,r,s,: of one group.
struct PhaseFilters {
  static constexpr bool kShare = true;
  const float* w;
  const Phase &h, &v;
  int64_t R, S, C, K;  // C, K of one group

  const float* row(int64_t group, int64_t k) const {
    const int64_t f = k % K, tap = k / K, r = h.tap + tap / v.axis.taps * h.tap_step;
    const int64_t s = v.tap + tap % v.axis.taps * v.tap_step;
    return w + (((group * K + f) * R + r) * S + s) * C;
  }
  void pack(float* dst, int64_t group, int64_t n0, int64_t n, int64_t k0, int64_t k) const {
    for (int64_t i = 0; i < k; ++i) {
      const float* src = row(group, k0 + i) + n0;
      for (int64_t j = 0; j < n; j += kPanel) {
        const int64_t columns = least(kPanel, n - j), width = columns <= kWidth ? kWidth : kPanel;
        float* y = dst + j * k + i * width;
        copy_floats(y, src + j, columns);
        for (int64_t t = columns; t < width; ++t) y[t] = 0;
      }
    }
  }
};

// Pixel m of a phase in dx.
struct PhaseOut {
  float* dx;
  const Phase &h, &v;
  const Conv2dShape& s;
  float* row(int64_t group, int64_t m) const {
    const int64_t j = m % v.count, i = m / v.count % h.count, n = m / v.count / h.count;
    const int64_t pixel = (n * s.H + h.offset + i * s.stride_h) * s.W + v.offset + j * s.stride_w;
    return dx + pixel * s.C + group * (s.C / s.groups);
  }
};

// One product for each phase of the input.
struct PhaseProducts {
  const float *dy, *w;
  const Conv2dShape& s;
  Gradient into;
  int64_t C = s.C / s.groups, K = s.K / s.groups;  // of one group

  PhaseProducts(const float* gradient, const float* filters, const Conv2dShape& shape, Gradient to)
      : dy(gradient), w(filters), s(shape), into(to) {}

  Phase rows(int64_t a) const { return phase_of(a, s.stride_h, s.dilation_h, s.pad_h, s.R, s.H, s.P()); }
  Phase columns(int64_t b) const { return phase_of(b, s.stride_w, s.dilation_w, s.pad_w, s.S, s.W, s.Q()); }
  Product product(const Phase& h, const Phase& v) const {
    return {s.N * h.count * v.count, C, h.axis.taps * v.axis.taps * K, s.groups, 1, beta_of(into)};
  }
  TapMatrix taps(const Phase& h, const Phase& v) const { return {dy, h.axis, v.axis, K, s.K}; }
  PhaseFilters filters(const Phase& h, const Phase& v) const { return {w, h, v, s.R, s.S, C, K}; }

  // f(rows, columns) for each
  template <class F>
  void for_phases(const F& f) const {
    for (int64_t a = 0; a < s.stride_h; ++a)
      for (int64_t b = 0; b < s.stride_w; ++b) f(rows(a), columns(b));
  }

  void packed(float* dx) const {
    for_phases([&](const Phase& h, const Phase& v) {
      const Product p = product(h, v);
      if (p.K > 0 || into == Gradient::overwrite)
        multiply(p, TapA{taps(h, v)}, filters(h, v), PhaseOut{dx, h, v, s});
    });
  }

  // A piece does some lines of all phases: their rows of dy and dx are the same.
  void direct(float* dx) const {
    int64_t floats = 0;
    for_phases([&](const Phase& h, const Phase& v) {
      if (product(h, v).K > 0) floats += packed_b_floats(product(h, v));
    });
    Scratch<float> memory(static_cast<size_t>(floats));
    float* to = memory.get();
    for_phases([&](const Phase& h, const Phase& v) {
      if (product(h, v).K == 0) return;
      pack_b_once(to, product(h, v), filters(h, v));
      to += packed_b_floats(product(h, v));
    });
    const int64_t lines = ceil_div(s.H, s.stride_h);  // of an image
    for_direct_pieces(s.N * lines, ceil_div(s.W, s.stride_w), C,
                      [&](int64_t first, int64_t last, int64_t n0, int64_t n) {
                        piece(dx, memory.get(), lines, first, last, n0, n);
                      });
  }
  void piece(float* dx, const float* packed, int64_t lines, int64_t first, int64_t last, int64_t n0,
             int64_t n) const {
    for_phases([&](const Phase& h, const Phase& v) {
      // line l of all images, which may have one line less in this phase
      auto pixel = [&](int64_t l) { return (l / lines * h.count + least(l % lines, h.count)) * v.count; };
      const int64_t line = s.W * s.C;
      const GridOut out{dx + h.offset * line + v.offset * s.C, s.H * line, s.stride_h * line,
                        s.stride_w * s.C};
      const Product p = product(h, v);
      if (p.K > 0) {
        DirectProduct(p, taps(h, v), packed).pixels(out, pixel(first), pixel(last), n0, n);
        packed += packed_b_floats(p);
      } else if (into == Gradient::overwrite) {
        Place at(taps(h, v), pixel(first));
        for (int64_t m = pixel(first); m < pixel(last); ++m, at.next(taps(h, v)))
          zero_floats(out.y + at.n * out.image + at.i * out.line + at.j * out.pixel + n0, n);
      }
    });
  }
};

void conv2d_backward_input(float* dx, const float* dy, const float* w, const Conv2dShape& s, Gradient into) {
  const Algorithm algorithm = choose(s);
  if (algorithm == Algorithm::winograd)
    return into == Gradient::add ? winograd_backward_input(dx, dy, w, s, AddTo{})
                                 : winograd_backward_input(dx, dy, w, s, Overwrite{});
  if (algorithm == Algorithm::depthwise) {
    if (into == Gradient::overwrite) zero_floats(dx, s.N * s.H * s.W * s.C);
    return depthwise_backward_input(dx, dy, w, s);
  }
  const int64_t C = s.C / s.groups, K = s.K / s.groups;
  if (algorithm == Algorithm::pointwise && !input_gradient_is_direct(s)) {
    const GemmShape plain{false, false, s.N * s.H * s.W, C, K, s.K, C, s.C};
    if (s.groups == 1 && narrow_pays(plain)) return narrow_product(dx, dy, w, plain, 1, beta_of(into));
    return multiply(Product{plain.M, C, K, s.groups, 1, beta_of(into)}, MatrixA{dy, s.K, K, false},
                    MatrixB{w, C, K * C, false}, MatrixC{dx, s.C, C});
  }
  PhaseProducts phases(dy, w, s, into);
  if (input_gradient_is_direct(s))
    phases.direct(dx);
  else
    phases.packed(dx);
}

}  // namespace

void install_conv2d(Kernels<float>& k) {
  k.conv2d_forward = conv2d_forward;
  k.conv2d_prepared_size = conv2d_prepared_size;
  k.conv2d_prepare = conv2d_prepare;
  k.conv2d_fused_forward = conv2d_fused_forward;
  k.conv2d_forward_statistics = conv2d_forward_statistics;
  k.conv2d_backward_input = conv2d_backward_input;
  k.conv2d_backward_filter = conv2d_backward_filter;
}

}  // namespace fr::FR_ISA
