#include "fr/loss/margin_loss.h"

#include "fr/loss/margin_caffe.h"
#include "fr/loss/margin_checks.h"

namespace fr {
namespace {

using namespace margin;

// c = xh wh^T, and the lengths of the class weights.
template <class T>
void cosines(const Kernels<T>& k, const Kept& s, const Tensor& x) {
  using W = Wide<T>;
  const int64_t N = s.N, M = s.M, D = s.D;
  k.l2_normalize_forward(s.xh.data(), s.r.data(), x.data(), N, D, W(kShortRow));
  for_class_blocks(k, s, {0, M}, [&](const T* wh, const W* rho, int64_t m, int64_t classes) {
    k.gemm_wide(s.c.as<W>() + m, s.xh.data(), wh, {false, true, N, classes, D, D, D, M}, 1, 0);
    k.copy(s.class_norm.as<W>() + m, rho, size_t(classes) * sizeof(W));
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
                            Wide<T>(kShortRow));
  if (to.ds) add_sum(to.ds, rows.dscale);
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
//              Classes that MarginOptions::datasets leaves out have c_nm = -infinity, and with it d_nm = G_nm = 0.
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
  if (output) *output = {Tensor({s.N}, DType::int64, x.device()), s.class_norm, output->other};
  with_kernels(s.xh, [&](const auto& k) { cosines(k, s, x.value()); });
  leave_out(s.c, labels, options.datasets);
  with_kernels(mean, [&](const auto& k) {
    k.margin_softmax_forward(loss.data(), s.lse.data(), s.h.data(), s.dh.data(), s.c.data(), s.scale.data(),
                             s.class_scale().data(), s.labels.data(), options.margin,
                             options.class_margin.data(), s.N, s.M);
    if (output) k.argmax_rows(output->prediction.data(), s.c.data(), s.N, s.M);
    k.reduce_forward(mean.data(), loss.data(), Reduce::mean, 1, s.N, 1);
  });
  if (output && output->other) *output->other = largest_other(s.c, labels, s.scale);
  return record("margin_cross_entropy", mean, {x, w, options.trained_scale},
                [s](Node& self) { backward_of(s, self); });
}

}  // namespace fr
