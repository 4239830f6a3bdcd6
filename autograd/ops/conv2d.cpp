// Convolution of images, strided, padded, dilated, grouped.
#include "autograd/ops.h"
#include "autograd/ops/check.h"

namespace fr {

namespace {

Conv2dShape checked_shape(const Var& x, const Var& w, const Conv2dOptions& o) {
  check_rank("conv2d", "x (N,H,W,C)", x, 4);
  check_rank("conv2d", "w (K,R,S,C/groups)", w, 4);
  const std::string got =
      cat("x ", to_string(x.shape()), ", w ", to_string(w.shape()), ", groups ", o.groups);
  FR_CHECK(o.stride_h > 0 && o.stride_w > 0 && o.dilation_h > 0 && o.dilation_w > 0 && o.groups > 0 &&
               o.pad_h >= 0 && o.pad_w >= 0,
           "conv2d: expected positive strides, dilations and groups and no negative padding, got stride ",
           o.stride_h, "x", o.stride_w, ", dilation ", o.dilation_h, "x", o.dilation_w, ", pad ", o.pad_h,
           "x", o.pad_w, ", groups ", o.groups);
  FR_CHECK(x.dim(3) % o.groups == 0 && w.dim(0) % o.groups == 0 && w.dim(3) * o.groups == x.dim(3),
           "conv2d: channels do not fit, got ", got);
  const Conv2dShape s{x.dim(0),   x.dim(1),   x.dim(2), x.dim(3), w.dim(0),     w.dim(1),     w.dim(2),
                      o.stride_h, o.stride_w, o.pad_h,  o.pad_w,  o.dilation_h, o.dilation_w, o.groups};
  FR_CHECK(s.R > 0 && s.S > 0 && s.H + 2 * s.pad_h > s.dilation_h * (s.R - 1) &&
               s.W + 2 * s.pad_w > s.dilation_w * (s.S - 1),
           "conv2d: the filter is larger than the padded map, got ", got);
  return s;
}

// y as a node, whoever computed it. wv: w as the products read it.
Var recorded(const Tensor& y, const Var& x, const Var& w, const Tensor& wv, const Var& b,
             const Conv2dShape& s) {
  Saved saved = w.requires_grad() ? Saved(x) : Saved();
  return record("conv2d", y, {x, w, b}, [xs = std::move(saved), wv, s](Node& self) mutable {
    const Tensor &dy = self.grad, xv = xs.take(), db = grad_of(self, 2);
    with_kernels(dy, [&](const auto& k) {
      if (const GradientTarget dw = target_of(self, 1))
        k.conv2d_backward_filter(dw.data(), dy.data(), xv.data(), s, dw.into);
      if (db) k.bias_backward(db.data(), dy.data(), s.N * s.P() * s.Q(), s.K);
      if (const GradientTarget dx = target_of(self, 0, xv))
        k.conv2d_backward_input(dx.data(), dy.data(), wv.data(), s, dx.into);
    });
  });
}

}  // namespace

// Slide K filters over the map (cross-correlation, zeros outside).
//                        x (N,H,W,C), w (K,R,S,C/groups), b (K) or empty -> y (N,P,Q,K)
//   forward    y_npqk = b_k + sum_rsc x_n,(p stride - pad + r dilation),(q ...),(g C/groups + c) w_krsc
//              with g = k / (K/groups)
//   backward   dx += and dw += the adjoints of that sum,  db_k += sum_npq dy_npqk
// Saves x and w. dw first: then x has been read, and dx may lie in its place.          LeCun et al. 1998
// With bfloat16 maps w is float32: it is read rounded, and dw is not.
Var conv2d(const Var& x, const Var& w, const Var& b, const Conv2dOptions& options) {
  check_inputs("conv2d", {{"x", x}, {"w", w, Is::wide}, {"b", b, Is::wide}});
  const Conv2dShape s = checked_shape(x, w, options);
  if (b) check_shape("conv2d", "b", b, {s.K});
  const Tensor wv = factor_of(w, x.dtype());
  Tensor y = like(x.value(), {s.N, s.P(), s.Q(), s.K});
  with_kernels(y, [&](const auto& k) {
    k.conv2d_forward(y.data(), x.value().data(), wv.data(), s);
    if (b) k.bias_forward(y.data(), y.data(), b.value().data(), s.N * s.P() * s.Q(), s.K);
  });
  return recorded(y, x, w, wv, b, s);
}

// The same, and the statistics of y on the way: saves a pass over y where the kernel takes them from its sums.
Var conv2d_with_statistics(const Var& x, const Var& w, const Conv2dOptions& options,
                           const RunningStatistics& running, BatchStatistics& of_result) {
  check_inputs("conv2d", {{"x", x}, {"w", w, Is::wide}});
  const Conv2dShape s = checked_shape(x, w, options);
  FR_CHECK(s.N * s.P() * s.Q() > 1, "batch_norm: training needs two rows or more, got x (", s.N, ",", s.P(),
           ",", s.Q(), ",", s.K, ")");
  for (const Tensor* t : {&running.mean, &running.var}) {
    FR_CHECK(*t && t->shape() == Shape{s.K} && t->dtype() == wide(x.dtype()),
             "conv2d: expected running statistics (", s.K, ") ", to_string(wide(x.dtype())), ", got ",
             to_string(t->shape()), " ", to_string(t->dtype()));
    check_device("conv2d", x, "running statistics", *t);
  }
  const Tensor wv = factor_of(w, x.dtype()), y = like(x.value(), {s.N, s.P(), s.Q(), s.K});
  of_result = {wide_like(y, {s.K}), wide_like(y, {s.K})};
  with_kernels(y, [&](const auto& k) {
    k.conv2d_forward_statistics(y.data(), of_result.mean.data(), of_result.rstd.data(), running.mean.data(),
                                running.var.data(), x.value().data(), wv.data(), s, running.eps,
                                running.momentum);
  });
  return recorded(y, x, w, wv, Var(), s);
}

// The forward pass of a convolution with what follows it in a network, while the result is still in the cache.
//   y = act(scale_k z + shift_k) + residual,   z = conv2d(x, w),   act(u) = u > 0 ? u : slope_k u
Var conv2d_fused(const Var& x, const Var& w, const Conv2dFinishing& f, const Conv2dOptions& options,
                 const Tensor& prepared) {
  if (grad_enabled()) throw std::logic_error("conv2d_fused: has no gradient, expected NoGrad");
  check_inputs("conv2d_fused", {{"x", x}, {"w", w, Is::wide}});
  const Conv2dShape s = checked_shape(x, w, options);
  Tensor y = like(x.value(), {s.N, s.P(), s.Q(), s.K});
  const auto check = [&](const char* name, const Tensor& t, const Shape& expected, DType type) {
    FR_CHECK(!t || (t.shape() == expected && t.dtype() == type), "conv2d_fused: expected ", name, " ",
             to_string(expected), " ", to_string(type), ", got ", to_string(t.shape()), " ",
             to_string(t.dtype()));
    check_device("conv2d_fused", x, name, t);
  };
  const DType line = wide(x.dtype());
  check("scale", f.scale, {s.K}, line), check("shift", f.shift, {s.K}, line),
      check("slope", f.slope, {s.K}, line);
  check("residual", f.residual, y.shape(), x.dtype());
  with_kernels(y, [&](const auto& k) {
    FR_CHECK(!prepared || prepared.size() == k.conv2d_prepared_size(s),
             "conv2d_fused: the filters were prepared for another shape than x ", to_string(x.shape()));
    k.conv2d_fused_forward(y.data(), x.value().data(), factor_of(w, x.dtype()).data(), prepared.data(),
                           {f.scale.data(), f.shift.data(), f.slope.data(), f.residual.data()}, s);
  });
  return Var(y);
}

Tensor conv2d_prepare(const Var& x, const Var& w, const Conv2dOptions& options) {
  check_inputs("conv2d_prepare", {{"x", x}, {"w", w, Is::wide}});
  const Conv2dShape s = checked_shape(x, w, options);
  Tensor prepared;
  with_kernels(x.value(), [&](const auto& k) {
    const int64_t size = k.conv2d_prepared_size(s);
    if (size == 0) return;
    prepared = like(x.value(), {size});
    k.conv2d_prepare(prepared.data(), factor_of(w, x.dtype()).data(), s);
  });
  return prepared;
}

}  // namespace fr
