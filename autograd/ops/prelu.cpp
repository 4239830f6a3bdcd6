// Rectifier with a learned negative slope per channel.
#include "autograd/ops.h"
#include "autograd/ops/check.h"

namespace fr {

// Keep what is positive, scale what is not; add the other branch of a residual unit, if there is one.
//                                       x (..., C), a (C), residual (..., C) or empty -> y (..., C)
//   forward    y_rc = (x_rc > 0 ? x_rc : a_c x_rc) + residual_rc
//   backward   dx_rc += dy_rc (x_rc > 0 ? 1 : a_c),   da_c += sum_r dy_rc min(x_rc, 0),   dresidual_rc += dy_rc
// Saves x and a, from which y is formed again. dx takes x's place; dy is handed over to the residual.
// At 0 the negative side is taken.                                                       He et al. 2015, Eq. 1
Var prelu(const Var& x, const Var& a, const Var& residual) {
  check_inputs("prelu", {{"x", x}, {"a", a, Is::wide}, {"residual", residual}});
  FR_CHECK(!x.shape().empty(), "prelu: expected x (..., C), got ()");
  const int64_t C = x.dim(-1), rows = C ? x.value().size() / C : 0;
  check_shape("prelu", "a", a, {C});
  if (residual) check_shape("prelu", "residual", residual, x.shape());
  const Tensor av = a.value();
  const auto act = [av, rows, C](const Tensor& xv, const Tensor& rv) {
    const Tensor y = like(xv, xv.shape());
    with_kernels(y,
                 [&](const auto& k) { k.prelu_forward(y.data(), xv.data(), av.data(), rv.data(), rows, C); });
    return y;
  };
  Saved xs(x), rs(residual);
  return record(
      "prelu", act(x.value(), residual ? residual.value() : Tensor()), {x, a, residual},
      [xs, av, rows, C](Node& self) mutable {
        const Tensor da = grad_of(self, 1), xv = xs.take();
        const GradientTarget dx = target_of(self, 0, xv);
        with_kernels(self.grad, [&](const auto& k) {
          k.prelu_backward(dx.data(), da.data(), self.grad.data(), xv.data(), av.data(), rows, C, dx.into);
        });
        hand_over_gradient(self, 2);
      },
      Form({&xs, &rs}, [=] { return act(xs.look(), rs.look()); }));
}

}  // namespace fr
