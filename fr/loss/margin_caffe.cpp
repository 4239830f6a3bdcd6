// The gradient of the authors' Caffe layer for A-Softmax.
#include "fr/loss/margin_caffe.h"

#include "fr/loss/caffe_factors.h"

namespace fr::margin {
namespace {

// c_n,label (N): what h is without a margin.
template <class T>
Tensor label_cosines(const Kernels<T>& k, const Kept& s) {
  const auto buffer = [&] { return like(s.r, {s.N}); };
  const Tensor loss = buffer(), lse = buffer(), cosine = buffer(), slope = buffer();
  k.margin_softmax_forward(loss.data(), lse.data(), cosine.data(), slope.data(), s.c.data(), s.scale.data(),
                           nullptr, s.labels.data(), {}, nullptr, s.N, s.M);
  return cosine;
}

// y_nd += a_n x_nd, which is how the gradient of a product with a repeated a_n flows.
template <class T>
void add_scaled_rows(const Kernels<T>& k, T* y, const T* a, const T* x, int64_t N, int64_t D) {
  k.binary_backward(y, nullptr, x, x, a, Binary::mul, {{1, 1, N, D}, {0, 0, D, 1}, {0, 0, 1, 0}});
}

// wh_label of each row (N,D)
Tensor unit_label_rows(const Kept& s) {
  const Tensor own = like(s.c, {s.N, s.D}), unit = like(own, own.shape()), length = like(s.c, {s.N});
  with_kernels(own, [&](const auto& k) {
    k.gather_rows(own.data(), s.w.data(), s.labels.data(), s.N, s.D);
    k.l2_normalize_forward(unit.data(), length.data(), own.data(), s.N, s.D, kShortRow);
  });
  return unit;
}

// What is added to dx_n beside the sum over the classes: inverse_n times that, along wh_label and along xh_n; all (N).
struct CaffeWeights {
  Tensor inverse, label, own;
};
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
  const Tensor cosine = to.dx ? label_cosines(k, s) : Tensor();
  score_gradient(k, s, {d_label, {}, {}}, dloss, ones);
  if (to.dw) weight_rows(k, s, to.dw, {0, s.M});
  if (!to.dx) return;
  const CaffeWeights weights = caffe_weights(k, s, caffe_factors(s.options.margin, cosine, s.r), d_label);
  const Tensor dxh = like(s.c, {N, D});
  products(k, s, dxh, Tensor(), {0, s.M});  // r_n times the sum over the classes
  add_scaled_rows<T>(k, to.dx.data(), weights.inverse.data(), dxh.data(), N, D);
  add_scaled_rows<T>(k, to.dx.data(), weights.label.data(), unit_label_rows(s).data(), N, D);
  add_scaled_rows<T>(k, to.dx.data(), weights.own.data(), s.xh.data(), N, D);
}

template void caffe_rule(const Kernels<float>&, const Kept&, const Gradients&, const Tensor&);
template void caffe_rule(const Kernels<double>&, const Kept&, const Gradients&, const Tensor&);

}  // namespace fr::margin
