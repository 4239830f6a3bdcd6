// Adaptive rational fractional activation: linear above 0, a fraction that levels off below.
#include "autograd/ops.h"
#include "autograd/ops/check.h"

namespace fr {

// Scale what is positive, bend what is not towards -k.            x (..., C), a (C) > 0, k (1) -> y (..., C)
//   forward    y_rc = x_rc > 0 ? k x_rc : k x_rc / (a_c - x_rc)
//   backward   dx_rc += dy_rc (x_rc > 0 ? k : k a_c / (a_c - x_rc)^2),
//              da_c += sum_r dy_rc (x_rc > 0 ? 0 : -k x_rc / (a_c - x_rc)^2)
// Saves x, a and k, from which y is formed again. dx takes x's place. k gets no gradient: it is set once (nn/lsuv.h).
// At 0 the slope is that of the fraction, k / a.                                    Smirnov et al. 2017, Eq. 1
Var arfa(const Var& x, const Var& a, const Tensor& k) {
  check_inputs("arfa", {{"x", x}, {"a", a, Is::wide}});
  FR_CHECK(!x.shape().empty(), "arfa: expected x (..., C), got ()");
  const int64_t C = x.dim(-1), rows = C ? x.value().size() / C : 0;
  check_shape("arfa", "a", a, {C});
  FR_CHECK(k && k.shape() == Shape{1} && k.dtype() == wide(x.dtype()), "arfa: expected k (1) ",
           to_string(wide(x.dtype())), ", got ", k ? to_string(k.shape()) : "nothing");
  check_device("arfa", x, "k", k);
  const Tensor av = a.value();
  const auto act = [av, k, rows, C](const Tensor& xv) {
    const Tensor y = like(xv, xv.shape());
    with_kernels(y,
                 [&](const auto& t) { t.arfa_forward(y.data(), xv.data(), av.data(), k.data(), rows, C); });
    return y;
  };
  Saved xs(x);
  return record(
      "arfa", act(x.value()), {x, a},
      [xs, av, k, rows, C](Node& self) mutable {
        const Tensor da = grad_of(self, 1), xv = xs.take();
        const GradientTarget dx = target_of(self, 0, xv);
        with_kernels(self.grad, [&](const auto& t) {
          t.arfa_backward(dx.data(), da.data(), self.grad.data(), xv.data(), av.data(), k.data(), rows, C,
                          dx.into);
        });
      },
      Form({&xs}, [=] { return act(xs.look()); }));
}

}  // namespace fr
