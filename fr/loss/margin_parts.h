// What the gradients of the margin losses are made of, for margin_loss.cpp and margin_caffe.cpp: what a forward pass keeps
// and the products with the gradient of the scores. Equations stand above margin_cross_entropy.
#pragma once
#include <algorithm>

#include "fr/loss/margin_loss.h"

namespace fr::margin {

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
    k.l2_normalize_forward(wh.data(), rho.data(), s.w.as<Wide<T>>() + m * s.D, classes, s.D,
                           Wide<T>(kShortRow));
    f(wh.as<T>(), rho.as<Wide<T>>(), m, classes);
  }
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
// With LogitScale::both_norms dw_m += v_m / rho_m + radial_m wh_m: two such passes, of v beside rows of zeros, of radial
// beside v = 0.
// dxh is a sum over the classes `of`; dw holds their rows.
template <class T>
void products(const Kernels<T>& k, const Kept& s, const Tensor& dxh, const Tensor& dw, const Classes& of) {
  using W = Wide<T>;
  const int64_t N = s.N, M = s.M, D = s.D, B = of.block(s.w.device());
  constexpr bool rounds = !std::is_same_v<T, W>;
  const Tensor v = like(s.c, {dw ? B : 0, D}), rounded = like(s.xh, {N, rounds ? B : 0});
  const bool radial = dw && s.radial;
  const Tensor wide_zeros = radial ? Tensor::zeros({B, D}, s.c.dtype(), s.c.device()) : Tensor(),
               zeros = radial ? wide_zeros.to(s.xh.dtype()) : Tensor();
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
    k.l2_normalize_backward(to, v.data(), nullptr, radial ? zeros.as<T>() : wh, rho, classes, D,
                            W(kShortRow));
    if (radial)
      k.l2_normalize_backward(to, wide_zeros.data(), s.radial.as<W>() + m, wh, rho, classes, D, W(kShortRow));
  });
}

// Where gradients go; each may be empty.
struct Gradients {
  Tensor dx, dw, ds;        // (N,D), (M,D), (1)
  bool dw_by_rows = false;  // dw is empty, but its rows will be asked for
};

// Rows `of` of the weights' gradient, once c is G. Caffe's is v itself: r_n xh_n = x_n.
template <class T>
void weight_rows(const Kernels<T>& k, const Kept& s, const Tensor& dw, const Classes& of) {
  if (s.options.gradient != MarginGradient::caffe_normalised) return products(k, s, Tensor(), dw, of);
  k.gemm_wide(dw.data(), s.c.as<T>() + of.begin, s.xh.data(),
              {true, false, of.end - of.begin, s.D, s.N, s.M, s.D, s.D}, 1, 1);
}

}  // namespace fr::margin
