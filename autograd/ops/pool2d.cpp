// Largest and mean value of windows of a map.
#include "autograd/ops.h"
#include "autograd/ops/check.h"

namespace fr {

namespace {

Pool2dShape checked_shape(const char* op, const Var& x, const Pool2dOptions& o) {
  check_inputs(op, {{"x", x}});
  check_rank(op, "x (N,H,W,C)", x, 4);
  const std::string window = cat("window ", o.R, "x", o.S, ", stride ", o.stride_h, "x", o.stride_w, ", pad ",
                                 o.pad_h, "x", o.pad_w, ", x ", to_string(x.shape()));
  FR_CHECK(o.R > 0 && o.S > 0 && o.stride_h > 0 && o.stride_w > 0, op, ": expected positive sizes, got ",
           window);
  // Padding below the window's size: no window lies wholly outside, so each has a largest element.
  FR_CHECK(o.pad_h >= 0 && o.pad_w >= 0 && o.pad_h < o.R && o.pad_w < o.S, op,
           ": expected 0 <= pad < window, got ", window);
  const Pool2dShape s{x.dim(0), x.dim(1),   x.dim(2),   x.dim(3), o.R,
                      o.S,      o.stride_h, o.stride_w, o.pad_h,  o.pad_w};
  FR_CHECK(s.H + 2 * s.pad_h >= s.R && s.W + 2 * s.pad_w >= s.S, op,
           ": the window is larger than the padded map, got ", window);
  return s;
}

}  // namespace

// The largest value of each window.                          x (N,H,W,C) -> y (N,P,Q,C)
//   forward    y_npqc = max over the window's cells inside the map of x_nhwc
//   backward   dx at the cell that won += dy_npqc; a tie goes to the first cell
// Saves the winners' places.
Var max_pool2d(const Var& x, const Pool2dOptions& options) {
  const Pool2dShape s = checked_shape("max_pool2d", x, options);
  Tensor y = like(x.value(), {s.N, s.P(), s.Q(), s.C}), index(y.shape(), DType::int64, x.device());
  with_kernels(y, [&](const auto& k) { k.max_pool_forward(y.data(), index.data(), x.value().data(), s); });
  return record("max_pool2d", y, {x}, [index, s](Node& self) {
    const Tensor dx = grad_of(self, 0);
    with_kernels(dx,
                 [&](const auto& k) { k.max_pool_backward(dx.data(), self.grad.data(), index.data(), s); });
  });
}

// The mean of each window, over the n cells that lie inside the map.        x (N,H,W,C) -> y (N,P,Q,C)
//   forward    y_npqc = sum over the window of x_nhwc / n_pq
//   backward   dx_nhwc += sum over the windows that hold the cell of dy_npqc / n_pq
// Saves the sizes.
Var average_pool2d(const Var& x, const Pool2dOptions& options) {
  const Pool2dShape s = checked_shape("average_pool2d", x, options);
  Tensor y = like(x.value(), {s.N, s.P(), s.Q(), s.C});
  with_kernels(y, [&](const auto& k) { k.average_pool_forward(y.data(), x.value().data(), s); });
  return record("average_pool2d", y, {x}, [s](Node& self) {
    const Tensor dx = grad_of(self, 0);
    with_kernels(dx, [&](const auto& k) { k.average_pool_backward(dx.data(), self.grad.data(), s); });
  });
}

}  // namespace fr
