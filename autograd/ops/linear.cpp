// The fully connected layer.
#include "autograd/ops.h"
#include "autograd/ops/check.h"

namespace fr {

// Inner products of every row with every class row, plus a bias.   x (N,D), w (M,D), b (M) or empty -> y
// (N,M)
//   forward    y = x w^T + b           y_nm = sum_d x_nd w_md + b_m
//   backward   dx += dy w              dx_nd += sum_m dy_nm w_md
//              dw += dy^T x            dw_md += sum_n dy_nm x_nd
//              db_m += sum_n dy_nm
// Saves x and w. dw first: then x has been read, and dx may lie in its place. With bfloat16 maps w is float32:
// it is read rounded, and dw is not.
Var linear(const Var& x, const Var& w, const Var& b) {
  check_inputs("linear", {{"x", x}, {"w", w, Is::wide}, {"b", b, Is::wide}});
  check_rank("linear", "x", x, 2);
  check_rank("linear", "w", w, 2);
  const int64_t N = x.dim(0), D = x.dim(1), M = w.dim(0);
  FR_CHECK(w.dim(1) == D, "linear: expected x (N,D) and w (M,D), got ", to_string(x.shape()), " and ",
           to_string(w.shape()));
  if (b) check_shape("linear", "b", b, {M});
  const Tensor wv = factor_of(w, x.dtype());
  Tensor y = like(x.value(), {N, M});
  with_kernels(y, [&](const auto& k) {
    k.gemm(y.data(), x.value().data(), wv.data(), {false, true, N, M, D, D, D, M}, 1, 0);
    if (b) k.bias_forward(y.data(), y.data(), b.value().data(), N, M);
  });
  return record("linear", y, {x, w, b},
                [xs = w.requires_grad() ? Saved(x) : Saved(), wv, N, D, M](Node& self) mutable {
                  const Tensor &dy = self.grad, xv = xs.take(), db = grad_of(self, 2);
                  const GradientTarget dw = target_of(self, 1), dx = target_of(self, 0, xv);
                  with_kernels(dy, [&](const auto& k) {
                    if (dw)
                      k.gemm_wide(dw.data(), dy.data(), xv.data(), {true, false, M, D, N, M, D, D}, 1,
                                  dw.into == Gradient::add);
                    if (dx)
                      k.gemm(dx.data(), dy.data(), wv.data(), {false, false, N, D, M, M, D, D}, 1,
                             dx.into == Gradient::add);
                    if (db) k.bias_backward(db.data(), dy.data(), N, M);
                  });
                });
}

}  // namespace fr
