#include "fr/loss/margin_loss.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "fr/loss/caffe_factors.h"
#include "fr/loss/margin_checks.h"

namespace fr {
namespace {

constexpr double kTiny = 1e-12;  // a shorter row has no direction
// Classes whose unit weights exist at one time: on the CPU they stay in the cache, on a card they fill it with work.
constexpr int64_t class_block(Device device) { return device == Device::cpu ? 512 : 16384; }

// What the backward pass reads. c is the one (N,M) matrix: cosines, with LogitScale::both_norms times |w_m|, until the
// gradient takes their place.
struct Kept {
  int64_t N, M, D;
  MarginOptions options;
  Tensor w, labels;
  Tensor xh, r;                 // x_n / r_n (N,D), of the products' type; r_n = |x_n| (N)
  Tensor c, scale, lse, h, dh;  // (N,M); (N) each
  Tensor class_norm;            // rho_m = |w_m| (M)
  bool keeps_both_norms() const { return options.scale == LogitScale::both_norms; }
  Tensor class_scale() const { return keeps_both_norms() ? class_norm : Tensor(); }
};

// f(unit rows wh, lengths rho, first class, classes) for each block of classes: w is never copied as a whole.
template <class T, class F>
void for_class_blocks(const Kernels<T>& k, const Kept& s, const F& f) {
  const int64_t B = std::min(s.M, class_block(s.w.device()));
  const Tensor wh = like(s.xh, {B, s.D}), rho = like(s.r, {B});
  for (int64_t m = 0; m < s.M; m += B) {
    const int64_t classes = std::min(B, s.M - m);
    k.l2_normalize_forward(wh.data(), rho.data(), s.w.as<Wide<T>>() + m * s.D, classes, s.D, Wide<T>(kTiny));
    f(wh.as<T>(), rho.as<Wide<T>>(), m, classes);
  }
}

// c = xh wh^T, and the lengths of the class weights.
template <class T>
void cosines(const Kernels<T>& k, const Kept& s, const Tensor& x) {
  using W = Wide<T>;
  const int64_t N = s.N, M = s.M, D = s.D;
  k.l2_normalize_forward(s.xh.data(), s.r.data(), x.data(), N, D, W(kTiny));
  for_class_blocks(k, s, [&](const T* wh, const W* rho, int64_t m, int64_t classes) {
    k.gemm_wide(s.c.as<W>() + m, s.xh.data(), wh, {false, true, N, classes, D, D, D, M}, 1, 0);
    k.copy(s.class_norm.as<W>() + m, rho, size_t(classes) * sizeof(W));
  });
}

// What margin_softmax_backward gives beside the gradient of the scores; each (N), empty: not wanted.
struct RowGradients {
  Tensor d_label, dscale, radial;
};
// g_nm = dL/dc_nm with factor_n in the place of h' at the label (no factor: h'). g may be the cosines.
template <class T>
void score_gradient(const Kernels<T>& k, const Kept& s, const Tensor& g, const RowGradients& rows,
                    const Tensor& dloss, const Tensor& factor) {
  k.margin_softmax_backward(g.data(), rows.dscale.data(), rows.d_label.data(), rows.radial.data(),
                            dloss.data(), s.c.data(), s.scale.data(), s.class_scale().data(), s.lse.data(),
                            s.h.data(), s.dh.data(), factor.data(), s.labels.data(), s.N, s.M);
}

// The two products with the gradient of the scores; either may be empty.
//   dxh = g wh,    dw_m += (v_m - <v_m, wh_m> wh_m) / rho_m  with  v = g^T xh
// With LogitScale::both_norms dw_m += v_m / rho_m, which is the same pass beside rows of zeros.
template <class T>
void products(const Kernels<T>& k, const Kept& s, const Tensor& dxh, const Tensor& dw, const Tensor& g) {
  using W = Wide<T>;
  const int64_t N = s.N, M = s.M, D = s.D, B = std::min(M, class_block(s.w.device()));
  constexpr bool rounds = !std::is_same_v<T, W>;
  const Tensor v = like(s.c, {dw ? B : 0, D}), rounded = like(s.xh, {N, rounds ? B : 0});
  const Tensor zeros =
      dw && s.keeps_both_norms() ? Tensor::zeros({B, D}, s.xh.dtype(), s.xh.device()) : Tensor();
  for_class_blocks(k, s, [&](const T* wh, const W* rho, int64_t m, int64_t classes) {
    const T* g_block;
    const int64_t row = rounds ? B : M;
    if constexpr (rounds)
      k.narrow(rounded.data(), g.as<W>() + m, N, classes, row, M), g_block = rounded.as<T>();
    else
      g_block = g.as<T>() + m;
    if (dxh)
      k.gemm_wide(dxh.data(), g_block, wh, {false, false, N, D, classes, row, D, D}, 1, m == 0 ? W(0) : W(1));
    if (!dw) return;
    k.gemm_wide(v.data(), g_block, s.xh.data(), {true, false, classes, D, N, row, D, D}, 1, 0);
    k.l2_normalize_backward(dw.as<W>() + m * D, v.data(), nullptr, zeros ? zeros.as<T>() : wh, rho, classes,
                            D, W(kTiny));
  });
}

// dw_label += radial_n wh_label, n ascending: what a score |w| h(c) holds beside the direction of x.
void add_radial(const Kept& s, const Tensor& dw, const Tensor& radial) {
  const Tensor own = like(s.c, {s.N, s.D}), unit = like(s.c, {s.N, s.D}), length = like(s.c, {s.N});
  with_kernels(dw, [&](const auto& k) {
    k.gather_rows(own.data(), s.w.data(), s.labels.data(), s.N, s.D);
    k.l2_normalize_forward(unit.data(), length.data(), own.data(), s.N, s.D, kTiny);
    k.scatter_add_rows(dw.data(), unit.data(), radial.data(), s.labels.data(), s.N, s.M, s.D);
  });
}

// y += sum_n x_n                                             y (1), x (N)
void add_sum(const Tensor& y, const Tensor& x) {
  const Tensor sum = like(x, {1});
  with_kernels(x, [&](const auto& k) {
    k.reduce_forward(sum.data(), x.data(), Reduce::sum, 1, x.size(), 1);
    k.add_scaled(y.data(), sum.data(), 1, 1);
  });
}

struct Gradients {
  Tensor dx, dw, ds;  // (N,D), (M,D), (1); each may be empty
};

// The exact and the detached gradient (h' = 1). Equations above margin_cross_entropy.
template <class T>
void chain_rule(const Kernels<T>& k, const Kept& s, const Gradients& to, const Tensor& dloss) {
  const int64_t N = s.N, D = s.D;
  const DType type = s.c.dtype();
  const Device device = s.c.device();
  const bool by_norm = s.options.scale != LogitScale::fixed;
  const Tensor ones =
      s.options.gradient == MarginGradient::detached ? Tensor::full({N}, 1, type, device) : Tensor();
  const RowGradients rows{like(s.c, {N}), by_norm || to.ds ? Tensor::zeros({N}, type, device) : Tensor(),
                          s.keeps_both_norms() && to.dw ? like(s.c, {N}) : Tensor()};
  const Tensor dxh = to.dx ? like(s.c, {N, D}) : Tensor(), dr = by_norm ? rows.dscale : Tensor();
  score_gradient(k, s, s.c, rows, dloss, ones);
  products(k, s, dxh, to.dw, s.c);
  if (to.dx)
    k.l2_normalize_backward(to.dx.data(), dxh.data(), dr.data(), s.xh.data(), s.r.data(), N, D,
                            Wide<T>(kTiny));
  if (rows.radial) add_radial(s, to.dw, rows.radial);
  if (to.ds) add_sum(to.ds, rows.dscale);
}

// Per row of the Caffe gradient: the factor of d_n,label in front of wh_label, and what multiplies d_n,label
// x_n.
struct CaffeRows {
  std::vector<double> factor, own;
};

// h and h' at the labels' cosines (N) under another margin; without one h is the cosine itself.
struct Target {
  Tensor h, dh;
};
template <class T>
Target label_target(const Kernels<T>& k, const Kept& s, const Margin& margin) {
  const Tensor loss = like(s.r, {s.N}), lse = like(s.r, {s.N});
  const Target t{like(s.r, {s.N}), like(s.r, {s.N})};
  k.margin_softmax_forward(loss.data(), lse.data(), t.h.data(), t.dh.data(), s.c.data(), s.scale.data(),
                           nullptr, s.labels.data(), margin, nullptr, s.N, s.M);
  return t;
}

// y_nd += a_n x_nd, which is how the gradient of a product with a repeated a_n flows.
template <class T>
void add_scaled_rows(const Kernels<T>& k, T* y, const T* a, const T* x, int64_t N, int64_t D) {
  k.binary_backward(y, nullptr, x, x, a, Binary::mul, {{1, 1, N, D}, {0, 0, D, 1}, {0, 0, 1, 0}});
}

CaffeRows caffe_rows(const Kept& s, const std::vector<double>& cosine) {
  const double lambda = s.options.margin.kind == Margin::Kind::a_softmax ? s.options.margin.lambda : 0;
  const std::vector<double> h = s.h.host<double>(), dh = s.dh.host<double>(), r = s.r.host<double>();
  CaffeRows rows{std::vector<double>(h.size(), 1), std::vector<double>(h.size(), 0)};
  for (size_t n = 0; n < h.size(); ++n) {
    if (r[n] < kTiny) continue;
    const double a = (1 + lambda) * dh[n] - lambda;                     // psi'
    const double e = (1 + lambda) * (h[n] - cosine[n] * dh[n]) / r[n];  // (psi - c psi') / r
    const double length = std::max(std::hypot(a, e), kTiny);
    rows.factor[n] = (lambda + a / length) / (1 + lambda);
    rows.own[n] = e / length / (1 + lambda);
  }
  return rows;
}

// The gradient of the authors' Caffe layer for A-Softmax, which is not the gradient of any function. With
// wh_m = w_m / rho_m:
//   a = psi'(c), e = (psi(c) - c psi'(c)) / r at the label,   q = sqrt(a^2 + e^2)
//   dx_n += sum_{m not the label} d_nm wh_m + d_n,label (lambda wh_label + (a wh_label + e x_n) / q) / (1 +
//   lambda) dw_m += sum_n d_nm x_n          neither the margin nor the scaling to unit length is
//   differentiated
// q mixes a number with an inverse length, as the layer does. dx and dw see different factors at the label: here dx has
// an (N,M) matrix of its own.
template <class T>
void caffe_embedding_gradient(const Kernels<T>& k, const Kept& s, const Tensor& dx, const Tensor& dloss) {
  const int64_t N = s.N, D = s.D;
  const DType type = s.c.dtype();
  const Tensor d_label({N}, type), g({N, s.M}, type), dxh({N, D}, type);
  const CaffeRows rows = caffe_rows(s, label_target(k, s, {}).h.template host<double>());
  score_gradient(k, s, g, {d_label, {}, {}}, dloss, Tensor::from(rows.factor, {N}, type));
  products(k, s, dxh, Tensor(), g);  // r_n times the sum over the classes
  const std::vector<double> d = d_label.host<double>(), r = s.r.host<double>();
  std::vector<double> a(r.size(), 0), b(r.size(), 0);
  for (size_t n = 0; n < r.size(); ++n)
    if (r[n] >= kTiny) a[n] = 1 / r[n], b[n] = d[n] * rows.own[n] * r[n];
  add_scaled_rows<T>(k, dx.data(), Tensor::from(a, {N}, type).data(), dxh.data(), N, D);
  add_scaled_rows<T>(k, dx.data(), Tensor::from(b, {N}, type).data(), s.xh.data(), N, D);
}

// The same without a word to the host, which on a device may not read numbers in between.
template <class T>
void caffe_embedding_gradient_in_place(const Kernels<T>& k, const Kept& s, const Tensor& dx,
                                       const Tensor& dloss) {
  const int64_t N = s.N, D = s.D;
  const Tensor d_label = like(s.c, {N}), g = like(s.c, {N, s.M}), dxh = like(s.c, {N, D});
  const Tensor own = Tensor::zeros({N}, s.c.dtype(), s.c.device());
  const Margin& margin = s.options.margin;
  const Target psi = label_target(k, s, {margin.kind, margin.m, 0});
  const CaffeFactors rows = caffe_factors(margin, label_target(k, s, {}).h, psi.h, psi.dh, s.r);
  score_gradient(k, s, g, {d_label, {}, {}}, dloss, rows.factor);
  products(k, s, dxh, Tensor(), g);
  add_scaled_rows<T>(k, own.data(), d_label.data(), rows.own.data(), N, 1);
  add_scaled_rows<T>(k, dx.data(), rows.inverse.data(), dxh.data(), N, D);
  add_scaled_rows<T>(k, dx.data(), own.data(), s.xh.data(), N, D);
}

template <class T>
void caffe_rule(const Kernels<T>& k, const Kept& s, const Gradients& to, const Tensor& dloss) {
  const int64_t N = s.N, M = s.M, D = s.D;
  const Tensor &dx = to.dx, &dw = to.dw;
  if (dx && s.c.on_host())
    caffe_embedding_gradient(k, s, dx, dloss);
  else if (dx)
    caffe_embedding_gradient_in_place(k, s, dx, dloss);
  if (!dw) return;
  const Tensor d_label = like(s.c, {N}), ones = Tensor::full({N}, 1, s.c.dtype(), s.c.device());
  score_gradient(k, s, s.c, {d_label, {}, {}}, dloss, ones);
  k.gemm(dw.data(), s.c.data(), s.xh.data(), {true, false, M, D, N, M, D, D}, 1, 1);  // r_n xh_n = x_n
}

// scale_n of all rows. A trained s is spread where it lies: the host may not read it.
Tensor row_scale(const MarginOptions& options, const Tensor& r) {
  if (options.scale != LogitScale::fixed) return r;
  if (!options.trained_scale) return Tensor::full(r.shape(), options.s, r.dtype(), r.device());
  const Tensor scale = like(r, r.shape());
  const Tensor& s = options.trained_scale.value();
  with_kernels(scale, [&](const auto& k) {
    k.binary_forward(scale.data(), s.data(), s.data(), Binary::max, {{1, 1, 1, r.size()}, {}, {}});
  });
  return scale;
}

Kept save(const Var& x, const Var& w, const Tensor& labels, const MarginOptions& options) {
  const int64_t N = x.dim(0), D = x.dim(1), M = w.dim(0);
  const auto buffer = [&](Shape shape) { return like(x.value(), std::move(shape)); };
  const DType products = options.products == DType::bfloat16 ? DType::bfloat16 : x.dtype();
  const Tensor r = buffer({N}), xh({N, D}, products, x.device());
  return {N,           M,           D,           options,        w.value(),
          labels,      xh,          r,           buffer({N, M}), row_scale(options, r),
          buffer({N}), buffer({N}), buffer({N}), buffer({M})};
}

}  // namespace

// Cross-entropy of scaled cosines with a margin at the label, averaged over the batch.
//                                                       x (N,D), w (M,D), labels (N) -> ()
//   xh_n = x_n / r_n,  r_n = |x_n|,   wh_m = w_m / rho_m,  rho_m = |w_m|,   c_nm = <xh_n, wh_m>
//   forward    z_nm = scale_n a_m c_nm,  z_n,label = scale_n a_label h(c_n,label),
//              L = (1/N) sum_n [lse_m(z_nm) - z_n,label],
//              scale_n = r_n or s;  a_m = rho_m with LogitScale::both_norms, else 1
//   backward   d_nm = dL/dz_nm = (softmax(z_n)_m - [m = label_n]) / N,
//              G_nm = dL/dc_nm = scale_n a_m d_nm,  times h'(c_n,label) at the label
//              dx_n += (1/r_n) (sum_m G_nm wh_m - (sum_m G_nm c_nm) xh_n) + dr_n xh_n
//              dr_n  = sum_m d_nm z_nm / r_n if scale_n = r_n, else 0
//              dw_m += (1/rho_m) (sum_n G_nm xh_n - (sum_n G_nm c_nm) wh_m)
//              both_norms: dw_m += (1/rho_m) sum_n G_nm xh_n + sum_{n: label_n = m} r_n d_nm (h - c h') wh_m
//              ds   += sum_nm d_nm z_nm / s
// With a fixed scale dx_n is orthogonal to x_n and dw_m to w_m: lengths do not matter. detached: h' = 1 in G.
// Saves xh, r, rho, lse, h, h' and the one matrix c, which the backward pass turns into G. wh is formed again, block by
// block.
// Liu et al. 2016, "Large-Margin Softmax", Eq. 4; Liu et al. 2017, "SphereFace", Eq. 5-7; Wang et al. 2017, "NormFace",
// Eq. 6; Wang et al. 2018, "CosFace", Eq. 4; Deng et al. 2019, "ArcFace", Eq. 3-4.
Var margin_cross_entropy(const Var& x, const Var& w, const Tensor& labels, const MarginOptions& options,
                         MarginOutput* output) {
  check_margin_arguments(x, w, labels, options);
  const Kept s = save(x, w, labels, options);
  const Tensor loss = like(x.value(), {s.N}), mean = like(x.value(), {});
  if (output) *output = {Tensor({s.N}, DType::int64, x.device()), s.class_norm};
  with_kernels(s.xh, [&](const auto& k) { cosines(k, s, x.value()); });
  with_kernels(mean, [&](const auto& k) {
    k.margin_softmax_forward(loss.data(), s.lse.data(), s.h.data(), s.dh.data(), s.c.data(), s.scale.data(),
                             s.class_scale().data(), s.labels.data(), options.margin,
                             options.class_margin.data(), s.N, s.M);
    if (output) k.argmax_rows(output->prediction.data(), s.c.data(), s.N, s.M);
    k.reduce_forward(mean.data(), loss.data(), Reduce::mean, 1, s.N, 1);
  });
  return record("margin_cross_entropy", mean, {x, w, options.trained_scale}, [s](Node& self) {
    const Gradients to{grad_of(self, 0), grad_of(self, 1), grad_of(self, 2)};
    const Tensor dloss = Tensor::zeros({s.N}, s.c.dtype(), s.c.device());
    with_kernels(dloss, [&](const auto& k) {
      k.reduce_backward(dloss.data(), self.grad.data(), nullptr, nullptr, Reduce::mean, 1, s.N, 1);
    });
    with_kernels(s.xh, [&]<class T>(const Kernels<T>& k) {
      if constexpr (std::is_same_v<T, Wide<T>>)
        if (s.options.gradient == MarginGradient::caffe_normalised) return caffe_rule(k, s, to, dloss);
      chain_rule(k, s, to, dloss);
    });
  });
}

}  // namespace fr
