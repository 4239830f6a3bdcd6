#include "fr/loss/margin_loss.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "tensor/arena.h"

namespace fr {
namespace {

constexpr double kTiny = 1e-12;        // a shorter row has no direction
constexpr int64_t kNormRows = 256;     // rows normalised at a time when only their lengths are wanted
constexpr int64_t kGradientRows = 16;  // rows of the score matrix whose gradient is held beside the scores

// What the backward pass reads. c is the one (N,M) matrix: cosines until the gradient takes their place.
struct Saved {
  int64_t N, M, D;
  MarginOptions options;
  Tensor w, labels;
  Tensor xh, r;                 // x_n / r_n (N,D), r_n = |x_n| (N)
  Tensor inverse_rho;           // 1 / |w_m| (M), 0 for a row without direction
  Tensor c, scale, lse, h, dh;  // (N,M); (N) each
};

// b_m repeats down the rows of a (N,M);  b_n repeats along the rows of a (N,D).
BroadcastShape per_column(int64_t N, int64_t M) { return {{1, 1, N, M}, {0, 0, M, 1}, {0, 0, 0, 1}}; }
BroadcastShape per_row(int64_t N, int64_t D) { return {{1, 1, N, D}, {0, 0, D, 1}, {0, 0, 1, 0}}; }

// y_nd += a_n x_nd, which is how the gradient of a product with repeated a_n flows.
template <class T>
void add_scaled_rows(const Kernels<T>& k, T* y, const T* a, const T* x, int64_t N, int64_t D) {
  k.binary_backward(y, nullptr, x, x, a, Binary::mul, per_row(N, D));
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
}

void check_inputs(const Var& x, const Var& w, const Tensor& labels, const MarginOptions& o) {
  const char* op = "margin_cross_entropy";
  FR_CHECK(x && w && x.shape().size() == 2 && w.shape().size() == 2 && x.dim(1) == w.dim(1), op,
           ": expected x (N,D) and w (M,D), got ", x ? to_string(x.shape()) : "nothing", " and ",
           w ? to_string(w.shape()) : "nothing");
  FR_CHECK(x.dtype() == w.dtype() && x.dtype() != DType::int64, op, ": x is ", to_string(x.dtype()),
           ", w is ", to_string(w.dtype()));
  const int64_t N = x.dim(0), M = w.dim(0);
  FR_CHECK(N > 0 && M > 0 && x.dim(1) > 0, op, ": nothing to do for x ", to_string(x.shape()), " and w ",
           to_string(w.shape()));
  FR_CHECK(labels && labels.dtype() == DType::int64 && labels.shape() == Shape{N}, op,
           ": expected labels int64 (", N, "), got ", to_string(labels.shape()));
  for (int64_t label : labels.host<int64_t>())
    FR_CHECK(label >= 0 && label < M, op, ": label ", label, " of ", M, " classes");
  FR_CHECK(!o.class_norm || (o.class_norm.shape() == Shape{M} && o.class_norm.dtype() == w.dtype()), op,
           ": expected class_norm (", M, "), got ", to_string(o.class_norm.shape()));
}

Tensor inverse_norms(const Tensor& norm) {
  std::vector<double> inverse = norm.host<double>();
  for (double& v : inverse) v = v < kTiny ? 0 : 1 / v;
  return Tensor::from(inverse, norm.shape(), norm.dtype());
}

// c = (xh w^T) / rho by columns: the class weights are never copied to be normalised.
template <class T>
void cosines(const Kernels<T>& k, const Saved& s, const Tensor& x) {
  const int64_t N = s.N, M = s.M, D = s.D;
  k.l2_normalize_forward(s.xh.data(), s.r.data(), x.data(), N, D, T(kTiny));
  k.gemm(s.c.data(), s.xh.data(), s.w.data(), {false, true, N, M, D, D, D, M}, 1, 0);
  k.binary_forward(s.c.data(), s.c.data(), s.inverse_rho.data(), Binary::mul, per_column(N, M));
}

// From cosines to G / rho in the place of the cosines, a few rows at a time because the column sums need
// both:
//   G_nm = scale_n d_nm (target: times factor_n),   column_dot_m += sum_n G_nm c_nm,   c_nm <- G_nm / rho_m
template <class T>
void replace_scores(const Kernels<T>& k, const Saved& s, T* column_dot, T* dscale, const T* dloss,
                    const T* factor) {
  const int64_t M = s.M, B = std::min(s.N, kGradientRows);
  const Scratch<T> g{size_t(B * M)}, d_label{size_t(B)};
  const T *scale = s.scale.data(), *lse = s.lse.data(), *h = s.h.data(), *dh = s.dh.data();
  const T* inverse_rho = s.inverse_rho.data();
  const int64_t* label = s.labels.data();
  for (int64_t n = 0; n < s.N; n += B) {
    const int64_t rows = std::min(B, s.N - n);
    T* c = s.c.as<T>() + n * M;
    k.margin_softmax_backward(g.get(), dscale ? dscale + n : nullptr, d_label.get(), dloss + n, c, scale + n,
                              lse + n, h + n, dh + n, factor ? factor + n : nullptr, label + n, rows, M);
    k.binary_backward(nullptr, column_dot, g.get(), c, inverse_rho, Binary::mul, per_column(rows, M));
    k.binary_forward(c, g.get(), inverse_rho, Binary::mul, per_column(rows, M));
  }
}

// The exact and the detached gradient (h' = 1). Equations above margin_cross_entropy.
template <class T>
void chain_rule(const Kernels<T>& k, const Saved& s, const Tensor& dx, const Tensor& dw,
                const Tensor& dloss) {
  const int64_t N = s.N, M = s.M, D = s.D;
  const DType type = s.c.dtype();
  const Tensor column_dot = Tensor::zeros({M}, type);
  const Tensor ones = s.options.gradient == MarginGradient::detached ? Tensor::full({N}, 1, type) : Tensor();
  const Tensor dr = s.options.scale == LogitScale::embedding_norm ? Tensor::zeros({N}, type) : Tensor();
  replace_scores<T>(k, s, column_dot.data(), dr.data(), dloss.data(), ones.data());
  if (dw) {
    const Tensor a({M}, type);  // -column_dot / rho^2
    k.binary_forward(a.data(), column_dot.data(), s.inverse_rho.data(), Binary::mul, per_column(1, M));
    k.binary_forward(a.data(), a.data(), s.inverse_rho.data(), Binary::mul, per_column(1, M));
    k.affine_forward(a.data(), a.data(), -1, 0, M);
    k.gemm(dw.data(), s.c.data(), s.xh.data(), {true, false, M, D, N, M, D, D}, 1, 1);
    add_scaled_rows<T>(k, dw.data(), a.data(), s.w.data(), M, D);
  }
  if (dx) {
    const Tensor dxh({N, D}, type);
    k.gemm(dxh.data(), s.c.data(), s.w.data(), {false, false, N, D, M, M, D, D}, 1, 0);
    k.l2_normalize_backward(dx.data(), dxh.data(), dr.data(), s.xh.data(), s.r.data(), N, D, T(kTiny));
  }
}

// Per row of the Caffe gradient: the factor of d_n,label in front of wh_label, and what multiplies d_n,label
// x_n.
struct CaffeRows {
  std::vector<double> factor, own;
};

CaffeRows caffe_rows(const Saved& s, const std::vector<double>& cosine) {
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
// q mixes a number with an inverse length, as the layer does. Two different targets' factors need a second
// (N,M) matrix.
template <class T>
void caffe_rule(const Kernels<T>& k, const Saved& s, const Tensor& dx, const Tensor& dw,
                const Tensor& dloss) {
  const int64_t N = s.N, M = s.M, D = s.D;
  const DType type = s.c.dtype();
  const Tensor d_label({N}, type), cosine({N}, type), a({N}, type), b({N}, type);
  const auto gradient = [&](const Tensor& g, const Tensor& factor) {  // g = r d, the target times the factor
    k.margin_softmax_backward(g.data(), nullptr, d_label.data(), dloss.data(), s.c.data(), s.scale.data(),
                              s.lse.data(), s.h.data(), s.dh.data(), factor.data(), s.labels.data(), N, M);
  };
  if (dx) {
    // With no margin the target function is the cosine itself.
    k.margin_softmax_forward(a.data(), b.data(), cosine.data(), d_label.data(), s.c.data(), s.scale.data(),
                             s.labels.data(), Margin{}, N, M);
    CaffeRows rows = caffe_rows(s, cosine.host<double>());
    const Tensor g({N, M}, type), dxh({N, D}, type), inverse_r = inverse_norms(s.r);
    gradient(g, Tensor::from(rows.factor, {N}, type));
    k.binary_forward(g.data(), g.data(), s.inverse_rho.data(), Binary::mul, per_column(N, M));
    k.gemm(dxh.data(), g.data(), s.w.data(), {false, false, N, D, M, M, D, D}, 1, 0);
    add_scaled_rows<T>(k, dx.data(), inverse_r.data(), dxh.data(), N, D);
    const std::vector<double> d = d_label.host<double>(), r = s.r.host<double>();
    for (size_t n = 0; n < d.size(); ++n) rows.own[n] *= d[n] * r[n];
    add_scaled_rows<T>(k, dx.data(), Tensor::from(rows.own, {N}, type).data(), s.xh.data(), N, D);
  }
  if (dw) {
    gradient(s.c, Tensor::full({N}, 1, type));
    k.gemm(dw.data(), s.c.data(), s.xh.data(), {true, false, M, D, N, M, D, D}, 1, 1);
  }
}

Saved save(const Var& x, const Var& w, const Tensor& labels, const MarginOptions& options) {
  const int64_t N = x.dim(0), D = x.dim(1), M = w.dim(0);
  const DType type = x.dtype();
  Saved s{N,
          M,
          D,
          options,
          w.value(),
          labels,
          Tensor({N, D}, type),
          Tensor({N}, type),
          inverse_norms(options.class_norm ? options.class_norm : row_norms(w.value())),
          Tensor({N, M}, type),
          {},
          Tensor({N}, type),
          Tensor({N}, type),
          Tensor({N}, type)};
  s.scale = options.scale == LogitScale::embedding_norm ? s.r : Tensor::full({N}, options.s, type);
  return s;
}

}  // namespace

Tensor row_norms(const Tensor& x) {
  FR_CHECK(x && x.rank() == 2, "row_norms: expected x (N,D), got ", to_string(x.shape()));
  const int64_t N = x.dim(0), D = x.dim(1);
  const Tensor norm({N}, x.dtype()), unit({std::min(N, kNormRows), D}, x.dtype());
  const auto norms = [&]<class T>(const Kernels<T>& k) {
    for (int64_t n = 0; n < N; n += kNormRows)
      k.l2_normalize_forward(unit.data(), norm.as<T>() + n, x.as<T>() + n * D, std::min(kNormRows, N - n), D,
                             T(kTiny));
  };
  with_kernels(x, norms);
  return norm;
}

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
// Saves xh, r, 1/rho, lse, h, h' and the one matrix c, which the backward pass turns into G / rho.
// Liu et al. 2017, "SphereFace", Eq. 5-7; Wang et al. 2018, "CosFace", Eq. 4; Wang et al. 2017, "NormFace",
// Eq. 6.
Var margin_cross_entropy(const Var& x, const Var& w, const Tensor& labels, const MarginOptions& options,
                         Tensor* prediction) {
  check_options(options);
  check_inputs(x, w, labels, options);
  const Saved s = save(x, w, labels, options);
  const DType type = x.dtype();
  Tensor loss({s.N}, type), mean(Shape{}, type);
  if (prediction) *prediction = Tensor({s.N}, DType::int64);
  with_kernels(mean, [&](const auto& k) {
    cosines(k, s, x.value());
    k.margin_softmax_forward(loss.data(), s.lse.data(), s.h.data(), s.dh.data(), s.c.data(), s.scale.data(),
                             s.labels.data(), s.options.margin, s.N, s.M);
    if (prediction) k.argmax_rows(prediction->data(), s.c.data(), s.N, s.M);
    k.reduce_forward(mean.data(), loss.data(), Reduce::mean, 1, s.N, 1);
  });
  return record("margin_cross_entropy", mean, {x, w}, [s](Node& self) {
    const Tensor dx = grad_of(self, 0), dw = grad_of(self, 1);
    const Tensor dloss = Tensor::full({s.N}, self.grad.item() / double(s.N), self.grad.dtype());
    with_kernels(dloss, [&](const auto& k) {
      const bool caffe = s.options.gradient == MarginGradient::caffe_normalised;
      caffe ? caffe_rule(k, s, dx, dw, dloss) : chain_rule(k, s, dx, dw, dloss);
    });
  });
}

}  // namespace fr
