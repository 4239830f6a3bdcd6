// Rows of unit length.
#include "autograd/ops.h"
#include "autograd/ops/check.h"

namespace fr {

// Scale each row to unit length.                             x (N,D) -> y (N,D)
//   forward    norm_n = sqrt(sum_d x_nd^2),   y_nd = x_nd / norm_n;  a row with norm_n < eps gives y_n = 0
//   backward   dx_nd += (dy_nd - y_nd sum_k y_nk dy_nk) / norm_n;    such a row gets no gradient
// Saves the norms and y. dx has no component along y: a change of length cannot move y.
Var l2_normalize(const Var& x, double eps) {
  check_inputs("l2_normalize", {{"x", x, Is::wide}});
  check_rank("l2_normalize", "x (N,D)", x, 2);
  FR_CHECK(eps > 0, "l2_normalize: expected eps > 0, got ", eps);
  const int64_t N = x.dim(0), D = x.dim(1);
  Tensor y = like(x.value(), x.shape()), norm = like(x.value(), {N});
  with_kernels(
      y, [&](const auto& k) { k.l2_normalize_forward(y.data(), norm.data(), x.value().data(), N, D, eps); });
  return record("l2_normalize", y, {x}, [y, norm, N, D, eps](Node& self) {
    const Tensor dx = grad_of(self, 0);
    with_kernels(dx, [&](const auto& k) {
      k.l2_normalize_backward(dx.data(), self.grad.data(), nullptr, y.data(), norm.data(), N, D, eps);
    });
  });
}

}  // namespace fr
