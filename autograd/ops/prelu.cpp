// Rectifier with a learned negative slope per channel.
#include "autograd/ops.h"
#include "autograd/ops/check.h"

namespace fr {

// Keep what is positive, scale what is not.                  x (..., C), a (C) -> y (..., C)
//   forward    y_rc = x_rc > 0 ? x_rc : a_c x_rc
//   backward   dx_rc += dy_rc (x_rc > 0 ? 1 : a_c),   da_c += sum_r dy_rc min(x_rc, 0)
// Saves x and a. At 0 the negative side is taken.                                        He et al. 2015, Eq.
// 1
Var prelu(const Var& x, const Var& a) {
  check_types("prelu", {&x, &a});
  FR_CHECK(!x.shape().empty(), "prelu: expected x (..., C), got ()");
  const int64_t C = x.dim(-1), rows = C ? x.value().size() / C : 0;
  check_shape("prelu", "a", a, {C});
  const Tensor xv = x.value(), av = a.value();
  Tensor y(xv.shape(), xv.dtype());
  with_kernels(y, [&](const auto& k) { k.prelu_forward(y.data(), xv.data(), av.data(), rows, C); });
  return record("prelu", y, {x, a}, [xv, av, rows, C](Node& self) {
    const GradientTarget dx = target_of(self, 0);
    const Tensor da = grad_of(self, 1);
    with_kernels(self.grad, [&](const auto& k) {
      k.prelu_backward(dx.data(), da.data(), self.grad.data(), xv.data(), av.data(), rows, C, dx.into);
    });
  });
}

}  // namespace fr
