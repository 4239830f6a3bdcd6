// The gradient of the authors' Caffe layer for A-Softmax.
#include "fr/loss/margin_caffe.h"

#include <cmath>
#include <vector>

#include "fr/loss/caffe_factors.h"

namespace fr::margin {
namespace {

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

}  // namespace

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

template void caffe_rule(const Kernels<float>&, const Kept&, const Gradients&, const Tensor&);
template void caffe_rule(const Kernels<double>&, const Kept&, const Gradients&, const Tensor&);

}  // namespace fr::margin
