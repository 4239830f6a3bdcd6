#include "fr/loss/margin_loss.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "fr/loss/caffe_factors.h"

namespace fr {
namespace {

constexpr double kTiny = 1e-12;  // a shorter row has no direction
// Classes whose unit weights exist at one time: on the CPU they stay in the cache, on a card they fill it with work.
constexpr int64_t class_block(Device device) { return device == Device::cpu ? 512 : 16384; }

// What the backward pass reads. c is the one (N,M) matrix: cosines until the gradient takes their place.
struct Kept {
  int64_t N, M, D;
  MarginOptions options;
  Tensor w, labels;
  Tensor xh, r;                 // x_n / r_n (N,D), of the products' type; r_n = |x_n| (N)
  Tensor c, scale, lse, h, dh;  // (N,M); (N) each
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

void check_options(const MarginOptions& o) {
  const char* op = "margin_cross_entropy";
  const Margin& m = o.margin;
  const bool a_softmax = m.kind == Margin::Kind::a_softmax;
  if (a_softmax)
    FR_CHECK(m.m == 1 || m.m == 2 || m.m == 3 || m.m == 4, op, ": A-Softmax needs m = 1, 2, 3 or 4, got ",
             m.m);
  FR_CHECK(!a_softmax || m.lambda >= 0, op, ": expected lambda >= 0, got ", m.lambda);
  FR_CHECK(std::isfinite(m.m), op, ": the margin is ", m.m);
  FR_CHECK(o.scale != LogitScale::fixed || (o.s > 0 && std::isfinite(o.s)), op, ": expected s > 0, got ",
           o.s);
  FR_CHECK(o.gradient != MarginGradient::caffe_normalised ||
               (o.scale == LogitScale::embedding_norm && m.kind != Margin::Kind::cosface),
           op, ": the Caffe gradient exists only for modified softmax and A-Softmax, scaled by |x|");
  FR_CHECK(o.gradient != MarginGradient::caffe_normalised || o.products != DType::bfloat16, op,
           ": the Caffe gradient has no bfloat16 products");
}

void check_inputs(const Var& x, const Var& w, const Tensor& labels) {
  const char* op = "margin_cross_entropy";
  FR_CHECK(x && w && x.shape().size() == 2 && w.shape().size() == 2 && x.dim(1) == w.dim(1), op,
           ": expected x (N,D) and w (M,D), got ", x ? to_string(x.shape()) : "nothing", " and ",
           w ? to_string(w.shape()) : "nothing");
  FR_CHECK(x.dtype() == w.dtype() && x.dtype() == wide(x.dtype()) && x.dtype() != DType::int64, op, ": x is ",
           to_string(x.dtype()), ", w is ", to_string(w.dtype()));
  FR_CHECK(x.device() == w.device(), op, ": x is on ", to_string(x.device()), ", w on ",
           to_string(w.device()));
  const int64_t N = x.dim(0), M = w.dim(0);
  FR_CHECK(N > 0 && M > 0 && x.dim(1) > 0, op, ": nothing to do for x ", to_string(x.shape()), " and w ",
           to_string(w.shape()));
  FR_CHECK(labels && labels.dtype() == DType::int64 && labels.shape() == Shape{N}, op,
           ": expected labels int64 (", N, "), got ", to_string(labels.shape()));
  FR_CHECK(labels.device() == x.device(), op, ": x is on ", to_string(x.device()), ", the labels on ",
           to_string(labels.device()));
  if (!labels.on_host()) return;  // who uploaded them has looked
  for (int64_t label : labels.host<int64_t>())
    FR_CHECK(label >= 0 && label < M, op, ": label ", label, " of ", M, " classes");
}

// c = xh wh^T, and the lengths of the class weights.
template <class T>
void cosines(const Kernels<T>& k, const Kept& s, const Tensor& x, const Tensor& class_norm) {
  using W = Wide<T>;
  const int64_t N = s.N, M = s.M, D = s.D;
  k.l2_normalize_forward(s.xh.data(), s.r.data(), x.data(), N, D, W(kTiny));
  for_class_blocks(k, s, [&](const T* wh, const W* rho, int64_t m, int64_t classes) {
    k.gemm_wide(s.c.as<W>() + m, s.xh.data(), wh, {false, true, N, classes, D, D, D, M}, 1, 0);
    k.copy(class_norm.as<W>() + m, rho, size_t(classes) * sizeof(W));
  });
}

// g_nm = scale_n d_nm, times factor_n at the label (no factor: h'). dscale may be empty. g may be the cosines.
template <class T>
void score_gradient(const Kernels<T>& k, const Kept& s, const Tensor& g, const Tensor& dscale,
                    const Tensor& d_label, const Tensor& dloss, const Tensor& factor) {
  k.margin_softmax_backward(g.data(), dscale.data(), d_label.data(), dloss.data(), s.c.data(), s.scale.data(),
                            s.lse.data(), s.h.data(), s.dh.data(), factor.data(), s.labels.data(), s.N, s.M);
}

// The two products with the gradient of the scores; either may be empty.
//   dxh = g wh,    dw_m += (v_m - <v_m, wh_m> wh_m) / rho_m  with  v = g^T xh
template <class T>
void products(const Kernels<T>& k, const Kept& s, const Tensor& dxh, const Tensor& dw, const Tensor& g) {
  using W = Wide<T>;
  const int64_t N = s.N, M = s.M, D = s.D, B = std::min(M, class_block(s.w.device()));
  constexpr bool rounds = !std::is_same_v<T, W>;
  const Tensor v = like(s.c, {dw ? B : 0, D}), rounded = like(s.xh, {N, rounds ? B : 0});
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
    k.l2_normalize_backward(dw.as<W>() + m * D, v.data(), nullptr, wh, rho, classes, D, W(kTiny));
  });
}

// The exact and the detached gradient (h' = 1). Equations above margin_cross_entropy.
template <class T>
void chain_rule(const Kernels<T>& k, const Kept& s, const Tensor& dx, const Tensor& dw, const Tensor& dloss) {
  const int64_t N = s.N, D = s.D;
  const DType type = s.c.dtype();
  const Device device = s.c.device();
  const Tensor ones =
      s.options.gradient == MarginGradient::detached ? Tensor::full({N}, 1, type, device) : Tensor();
  const Tensor dr =
      s.options.scale == LogitScale::embedding_norm ? Tensor::zeros({N}, type, device) : Tensor();
  const Tensor dxh = dx ? like(s.c, {N, D}) : Tensor(), d_label = like(s.c, {N});
  score_gradient(k, s, s.c, dr, d_label, dloss, ones);
  products(k, s, dxh, dw, s.c);
  if (dx)
    k.l2_normalize_backward(dx.data(), dxh.data(), dr.data(), s.xh.data(), s.r.data(), N, D, Wide<T>(kTiny));
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
                           s.labels.data(), margin, s.N, s.M);
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
  score_gradient(k, s, g, Tensor(), d_label, dloss, Tensor::from(rows.factor, {N}, type));
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
  score_gradient(k, s, g, Tensor(), d_label, dloss, rows.factor);
  products(k, s, dxh, Tensor(), g);
  add_scaled_rows<T>(k, own.data(), d_label.data(), rows.own.data(), N, 1);
  add_scaled_rows<T>(k, dx.data(), rows.inverse.data(), dxh.data(), N, D);
  add_scaled_rows<T>(k, dx.data(), own.data(), s.xh.data(), N, D);
}

template <class T>
void caffe_rule(const Kernels<T>& k, const Kept& s, const Tensor& dx, const Tensor& dw, const Tensor& dloss) {
  const int64_t N = s.N, M = s.M, D = s.D;
  if (dx && s.c.on_host())
    caffe_embedding_gradient(k, s, dx, dloss);
  else if (dx)
    caffe_embedding_gradient_in_place(k, s, dx, dloss);
  if (!dw) return;
  const Tensor d_label = like(s.c, {N}), ones = Tensor::full({N}, 1, s.c.dtype(), s.c.device());
  score_gradient(k, s, s.c, Tensor(), d_label, dloss, ones);
  k.gemm(dw.data(), s.c.data(), s.xh.data(), {true, false, M, D, N, M, D, D}, 1, 1);  // r_n xh_n = x_n
}

Kept save(const Var& x, const Var& w, const Tensor& labels, const MarginOptions& options) {
  const int64_t N = x.dim(0), D = x.dim(1), M = w.dim(0);
  const auto buffer = [&](Shape shape) { return like(x.value(), std::move(shape)); };
  const DType products = options.products == DType::bfloat16 ? DType::bfloat16 : x.dtype();
  Kept s{N,
         M,
         D,
         options,
         w.value(),
         labels,
         Tensor({N, D}, products, x.device()),
         buffer({N}),
         buffer({N, M}),
         {},
         buffer({N}),
         buffer({N}),
         buffer({N})};
  s.scale =
      options.scale == LogitScale::embedding_norm ? s.r : Tensor::full({N}, options.s, x.dtype(), x.device());
  return s;
}

}  // namespace

// Cross-entropy of scaled cosines with a margin at the label, averaged over the batch.
//                                                       x (N,D), w (M,D), labels (N) -> ()
//   xh_n = x_n / r_n,  r_n = |x_n|,   wh_m = w_m / rho_m,  rho_m = |w_m|,   c_nm = <xh_n, wh_m>
//   forward    z_nm = scale_n c_nm,  z_n,label = scale_n h(c_n,label),   L = (1/N) sum_n [lse_m(z_nm) -
//   z_n,label] backward   d_nm = dL/dz_nm = (softmax(z_n)_m - [m = label_n]) / N,
//              G_nm = scale_n d_nm,  times h'(c_n,label) at the label
//              dx_n += (1/r_n) (sum_m G_nm wh_m - (sum_m G_nm c_nm) xh_n) + dr_n xh_n
//              dr_n  = sum_m d_nm z_nm / r_n if scale_n = r_n, else 0
//              dw_m += (1/rho_m) (sum_n G_nm xh_n - (sum_n G_nm c_nm) wh_m)
// With a fixed scale dx_n is orthogonal to x_n and dw_m to w_m: lengths do not matter. detached: h' = 1 in G.
// Saves xh, r, lse, h, h' and the one matrix c, which the backward pass turns into G. wh is formed again, block by block.
// Liu et al. 2017, "SphereFace", Eq. 5-7; Wang et al. 2018, "CosFace", Eq. 4; Wang et al. 2017, "NormFace",
// Eq. 6.
Var margin_cross_entropy(const Var& x, const Var& w, const Tensor& labels, const MarginOptions& options,
                         MarginOutput* output) {
  check_options(options);
  check_inputs(x, w, labels);
  const Kept s = save(x, w, labels, options);
  const Tensor loss = like(x.value(), {s.N}), mean = like(x.value(), {}), class_norm = like(x.value(), {s.M});
  if (output) *output = {Tensor({s.N}, DType::int64, x.device()), class_norm};
  with_kernels(s.xh, [&](const auto& k) { cosines(k, s, x.value(), class_norm); });
  with_kernels(mean, [&](const auto& k) {
    k.margin_softmax_forward(loss.data(), s.lse.data(), s.h.data(), s.dh.data(), s.c.data(), s.scale.data(),
                             s.labels.data(), s.options.margin, s.N, s.M);
    if (output) k.argmax_rows(output->prediction.data(), s.c.data(), s.N, s.M);
    k.reduce_forward(mean.data(), loss.data(), Reduce::mean, 1, s.N, 1);
  });
  return record("margin_cross_entropy", mean, {x, w}, [s](Node& self) {
    const Tensor dx = grad_of(self, 0), dw = grad_of(self, 1);
    const Tensor dloss = Tensor::zeros({s.N}, s.c.dtype(), s.c.device());
    with_kernels(dloss, [&](const auto& k) {
      k.reduce_backward(dloss.data(), self.grad.data(), nullptr, nullptr, Reduce::mean, 1, s.N, 1);
    });
    with_kernels(s.xh, [&]<class T>(const Kernels<T>& k) {
      if constexpr (std::is_same_v<T, Wide<T>>)
        if (s.options.gradient == MarginGradient::caffe_normalised) return caffe_rule(k, s, dx, dw, dloss);
      chain_rule(k, s, dx, dw, dloss);
    });
  });
}

}  // namespace fr
