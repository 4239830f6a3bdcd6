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
  Tensor radial;  // both_norms, once there is a gradient: sum_{n: label_n = m} r_n d_nm (h - c h') (M)
  bool keeps_both_norms() const { return options.scale == LogitScale::both_norms; }
  Tensor class_scale() const { return keeps_both_norms() ? class_norm : Tensor(); }
};

// Classes [begin, end).
struct Classes {
  int64_t begin, end;
  int64_t block(Device device) const { return std::min(end - begin, class_block(device)); }
};

// f(unit rows wh, lengths rho, first class, classes) for each block of classes: w is never copied as a whole.
template <class T, class F>
void for_class_blocks(const Kernels<T>& k, const Kept& s, const Classes& of, const F& f) {
  const int64_t B = of.block(s.w.device());
  const Tensor wh = like(s.xh, {B, s.D}), rho = like(s.r, {B});
  for (int64_t m = of.begin; m < of.end; m += B) {
    const int64_t classes = std::min(B, of.end - m);
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
  for_class_blocks(k, s, {0, M}, [&](const T* wh, const W* rho, int64_t m, int64_t classes) {
    k.gemm_wide(s.c.as<W>() + m, s.xh.data(), wh, {false, true, N, classes, D, D, D, M}, 1, 0);
    k.copy(s.class_norm.as<W>() + m, rho, size_t(classes) * sizeof(W));
  });
}

// What margin_softmax_backward gives beside the gradient of the scores; each (N), empty: not wanted.
struct RowGradients {
  Tensor d_label, dscale, radial;
};
// c_nm <- G_nm = dL/dc_nm, with factor_n in the place of h' at the label (no factor: h').
template <class T>
void score_gradient(const Kernels<T>& k, const Kept& s, const RowGradients& rows, const Tensor& dloss,
                    const Tensor& factor) {
  k.margin_softmax_backward(s.c.data(), rows.dscale.data(), rows.d_label.data(), rows.radial.data(),
                            dloss.data(), s.c.data(), s.scale.data(), s.class_scale().data(), s.lse.data(),
                            s.h.data(), s.dh.data(), factor.data(), s.labels.data(), s.N, s.M);
}

// The two products with the gradient of the scores, G in the place of c; either may be empty.
//   dxh = G wh,    dw_m += (v_m - <v_m, wh_m> wh_m) / rho_m  with  v = G^T xh
// With LogitScale::both_norms dw_m += v_m / rho_m + radial_m wh_m: the same pass beside rows of zeros, twice.
// dxh is a sum over the classes `of`; dw holds their rows.
template <class T>
void products(const Kernels<T>& k, const Kept& s, const Tensor& dxh, const Tensor& dw, const Classes& of) {
  using W = Wide<T>;
  const int64_t N = s.N, M = s.M, D = s.D, B = of.block(s.w.device());
  constexpr bool rounds = !std::is_same_v<T, W>;
  const Tensor v = like(s.c, {dw ? B : 0, D}), rounded = like(s.xh, {N, rounds ? B : 0});
  const bool radial = dw && s.radial;
  const Tensor zeros = radial ? Tensor::zeros({B, D}, s.xh.dtype(), s.xh.device()) : Tensor(),
               wide_zeros = radial ? Tensor::zeros({B, D}, s.c.dtype(), s.c.device()) : Tensor();
  for_class_blocks(k, s, of, [&](const T* wh, const W* rho, int64_t m, int64_t classes) {
    const T* g;
    const int64_t row = rounds ? B : M;
    if constexpr (rounds)
      k.narrow(rounded.data(), s.c.as<W>() + m, N, classes, row, M), g = rounded.as<T>();
    else
      g = s.c.as<T>() + m;
    if (dxh)
      k.gemm_wide(dxh.data(), g, wh, {false, false, N, D, classes, row, D, D}, 1,
                  m == of.begin ? W(0) : W(1));
    if (!dw) return;
    W* to = dw.as<W>() + (m - of.begin) * D;
    k.gemm_wide(v.data(), g, s.xh.data(), {true, false, classes, D, N, row, D, D}, 1, 0);
    k.l2_normalize_backward(to, v.data(), nullptr, radial ? zeros.as<T>() : wh, rho, classes, D, W(kTiny));
    if (radial)
      k.l2_normalize_backward(to, wide_zeros.data(), s.radial.as<W>() + m, wh, rho, classes, D, W(kTiny));
  });
}

// Sums x (N) over the rows of each class: (M).
Tensor sum_by_class(const Kept& s, const Tensor& x) {
  const Tensor sums = Tensor::zeros({s.M}, x.dtype(), x.device());
  with_kernels(x, [&](const auto& k) {
    k.scatter_add_rows(sums.data(), x.data(), nullptr, s.labels.data(), s.N, s.M, 1);
  });
  return sums;
}

// y += sum_n x_n                                             y (1), x (N)
void add_sum(const Tensor& y, const Tensor& x) {
  const Tensor sum = like(x, {1});
  with_kernels(x, [&](const auto& k) {
    k.reduce_forward(sum.data(), x.data(), Reduce::sum, 1, x.size(), 1);
    k.add_scaled(y.data(), sum.data(), 1, 1);
  });
}

// Where gradients go; each may be empty.
struct Gradients {
  Tensor dx, dw, ds;        // (N,D), (M,D), (1)
  bool dw_by_rows = false;  // dw is empty, but its rows will be asked for
};

// The exact and the detached gradient (h' = 1). Equations above margin_cross_entropy.
template <class T>
void chain_rule(const Kernels<T>& k, Kept& s, const Gradients& to, const Tensor& dloss) {
  const int64_t N = s.N, D = s.D;
  const DType type = s.c.dtype();
  const Device device = s.c.device();
  const bool by_norm = s.options.scale != LogitScale::fixed;
  const Tensor ones =
      s.options.gradient == MarginGradient::detached ? Tensor::full({N}, 1, type, device) : Tensor();
  const bool radial = s.keeps_both_norms() && (to.dw || to.dw_by_rows);
  const RowGradients rows{like(s.c, {N}), by_norm || to.ds ? Tensor::zeros({N}, type, device) : Tensor(),
                          radial ? like(s.c, {N}) : Tensor()};
  const Tensor dxh = to.dx ? like(s.c, {N, D}) : Tensor(), dr = by_norm ? rows.dscale : Tensor();
  score_gradient(k, s, rows, dloss, ones);
  if (radial) s.radial = sum_by_class(s, rows.radial);
  products(k, s, dxh, to.dw, {0, s.M});
  if (to.dx)
    k.l2_normalize_backward(to.dx.data(), dxh.data(), dr.data(), s.xh.data(), s.r.data(), N, D,
                            Wide<T>(kTiny));
  if (to.ds) add_sum(to.ds, rows.dscale);
}

// Rows `of` of the weights' gradient, once c is G. Caffe's is v itself: r_n xh_n = x_n.
template <class T>
void weight_rows(const Kernels<T>& k, const Kept& s, const Tensor& dw, const Classes& of) {
  if (s.options.gradient != MarginGradient::caffe_normalised) return products(k, s, Tensor(), dw, of);
  k.gemm_wide(dw.data(), s.c.as<T>() + of.begin, s.xh.data(),
              {true, false, of.end - of.begin, s.D, s.N, s.M, s.D, s.D}, 1, 1);
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

// wh_label of each row (N,D)
Tensor unit_label_rows(const Kept& s) {
  const Tensor own = like(s.c, {s.N, s.D}), unit = like(own, own.shape()), length = like(s.c, {s.N});
  with_kernels(own, [&](const auto& k) {
    k.gather_rows(own.data(), s.w.data(), s.labels.data(), s.N, s.D);
    k.l2_normalize_forward(unit.data(), length.data(), own.data(), s.N, s.D, kTiny);
  });
  return unit;
}

// What is added to dx_n beside the sum over the classes: inverse_n times that, along wh_label and along xh_n; all (N).
struct CaffeWeights {
  Tensor inverse, label, own;
};
CaffeWeights caffe_weights(const Kept& s, const CaffeRows& rows, const Tensor& d_label) {
  const std::vector<double> d = d_label.host<double>(), r = s.r.host<double>();
  std::vector<double> inverse(r.size(), 0), label(r.size(), 0), own(r.size(), 0);
  for (size_t n = 0; n < r.size(); ++n)
    if (r[n] >= kTiny)
      inverse[n] = 1 / r[n], label[n] = d[n] * (rows.factor[n] - 1), own[n] = d[n] * rows.own[n] * r[n];
  const auto tensor = [&](const std::vector<double>& v) { return Tensor::from(v, {s.N}, s.c.dtype()); };
  return {tensor(inverse), tensor(label), tensor(own)};
}

// The same without a word to the host, which on a device may not read numbers in between.
template <class T>
CaffeWeights caffe_weights(const Kernels<T>& k, const Kept& s, const CaffeFactors& rows,
                           const Tensor& d_label) {
  const auto product = [&](const Tensor& a, const Tensor& b) {
    const Tensor y = Tensor::zeros({s.N}, s.c.dtype(), s.c.device());
    add_scaled_rows<T>(k, y.data(), a.data(), b.data(), s.N, 1);
    return y;
  };
  const Tensor less = like(s.c, {s.N}),
               direction = product(rows.inverse, s.r);  // 1, or 0 where there is none
  k.affine_forward(less.data(), rows.factor.data(), 1, -1, s.N);
  return {rows.inverse, product(product(d_label, less), direction), product(d_label, rows.own)};
}

// The gradient of the authors' Caffe layer for A-Softmax, which is not the gradient of any function. With
// wh_m = w_m / rho_m:
//   a = psi'(c), e = (psi(c) - c psi'(c)) / r at the label,   q = sqrt(a^2 + e^2)
//   dx_n += sum_{m not the label} d_nm wh_m + d_n,label (lambda wh_label + (a wh_label + e x_n) / q) / (1 + lambda)
//   dw_m += sum_n d_nm x_n          neither the margin nor the scaling to unit length is differentiated
// q mixes a number with an inverse length, as the layer does. Both products take r_n d_nm; what dx has beside it at the
// label is added row by row.
template <class T>
void caffe_rule(const Kernels<T>& k, const Kept& s, const Gradients& to, const Tensor& dloss) {
  const int64_t N = s.N, D = s.D;
  const Tensor d_label = like(s.c, {N}), ones = Tensor::full({N}, 1, s.c.dtype(), s.c.device());
  const Tensor cosine = to.dx ? label_target(k, s, {}).h : Tensor();
  const Margin& margin = s.options.margin;
  const Target psi = to.dx && !s.c.on_host() ? label_target(k, s, {margin.kind, margin.m, 0}) : Target();
  score_gradient(k, s, {d_label, {}, {}}, dloss, ones);
  if (to.dw) weight_rows(k, s, to.dw, {0, s.M});
  if (!to.dx) return;
  const CaffeWeights weights =
      s.c.on_host() ? caffe_weights(s, caffe_rows(s, cosine.host<double>()), d_label)
                    : caffe_weights(k, s, caffe_factors(margin, cosine, psi.h, psi.dh, s.r), d_label);
  const Tensor dxh = like(s.c, {N, D});
  products(k, s, dxh, Tensor(), {0, s.M});  // r_n times the sum over the classes
  add_scaled_rows<T>(k, to.dx.data(), weights.inverse.data(), dxh.data(), N, D);
  add_scaled_rows<T>(k, to.dx.data(), weights.label.data(), unit_label_rows(s).data(), N, D);
  add_scaled_rows<T>(k, to.dx.data(), weights.own.data(), s.xh.data(), N, D);
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

void backward_of(Kept s, Node& self) {
  const bool rows = by_rows(self, 1);
  const Gradients to{grad_of(self, 0), rows ? Tensor() : grad_of(self, 1), grad_of(self, 2), rows};
  const Tensor dloss = Tensor::zeros({s.N}, s.c.dtype(), s.c.device());
  with_kernels(dloss, [&](const auto& k) {
    k.reduce_backward(dloss.data(), self.grad.data(), nullptr, nullptr, Reduce::mean, 1, s.N, 1);
  });
  with_kernels(s.xh, [&]<class T>(const Kernels<T>& k) {
    if constexpr (std::is_same_v<T, Wide<T>>)
      if (s.options.gradient == MarginGradient::caffe_normalised) return caffe_rule(k, s, to, dloss);
    chain_rule(k, s, to, dloss);
  });
  if (rows)
    leave_rows(self, 1, [s](const Tensor& g, int64_t first, int64_t count) {
      with_kernels(s.xh, [&](const auto& k) { weight_rows(k, s, g, {first, first + count}); });
    });
}

Kept save(const Var& x, const Var& w, const Tensor& labels, const MarginOptions& options) {
  const int64_t N = x.dim(0), D = x.dim(1), M = w.dim(0);
  const auto buffer = [&](Shape shape) { return like(x.value(), std::move(shape)); };
  const DType products = options.products == DType::bfloat16 ? DType::bfloat16 : x.dtype();
  const Tensor r = buffer({N}), xh({N, D}, products, x.device());
  return {N,           M,           D,           options,        w.value(),
          labels,      xh,          r,           buffer({N, M}), row_scale(options, r),
          buffer({N}), buffer({N}), buffer({N}), buffer({M}),    {}};
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
  return record("margin_cross_entropy", mean, {x, w, options.trained_scale},
                [s](Node& self) { backward_of(s, self); });
}

}  // namespace fr
