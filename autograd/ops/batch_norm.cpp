// Batch normalisation over all axes but the last.
#include "autograd/ops.h"
#include "autograd/ops/check.h"

namespace fr {

namespace {

struct Rows {
  int64_t rows, C;
};

Rows checked_rows(const Var& x, const Var& gamma, const Var& beta, const Tensor& mean, const Tensor& var) {
  check_inputs("batch_norm", {{"x", x}, {"gamma", gamma, Is::wide}, {"beta", beta, Is::wide}});
  FR_CHECK(!x.shape().empty(), "batch_norm: expected x (..., C), got ()");
  const int64_t C = x.dim(-1);
  check_shape("batch_norm", "gamma", gamma, {C});
  check_shape("batch_norm", "beta", beta, {C});
  for (const Tensor* t : {&mean, &var})
    FR_CHECK(*t && t->shape() == Shape{C} && t->dtype() == wide(x.dtype()),
             "batch_norm: expected running statistics (", C, ") ", to_string(wide(x.dtype())), ", got ",
             to_string(t->shape()), " ", to_string(t->dtype()));
  check_device("batch_norm", x, "running_mean", mean), check_device("batch_norm", x, "running_var", var);
  return {C ? x.value().size() / C : 0, C};
}

// y = act(u) + residual with the statistics known, for the forward pass and for forming y again.
struct Apply {
  Tensor mean, rstd, gamma, beta, slope;
  Rows s;

  template <class T>
  BatchNormLine<T> line() const {
    return {mean.data(), rstd.data(), gamma.data(), beta.data(), slope.data()};
  }
  Tensor operator()(const Tensor& x, const Tensor& residual) const {
    const Tensor y = like(x, x.shape());
    with_kernels(y, [&]<class T>(const Kernels<T>& k) {
      k.batch_norm_apply(y.data(), x.data(), line<T>(), residual.data(), s.rows, s.C);
    });
    return y;
  }
};

Tensor value_of(const Var& x) { return x ? x.value() : Tensor(); }

// The batch's own statistics, then what follows in a network in the same passes: PReLU, the other branch of a unit.
//   forward    mean_c = sum_r x_rc / rows,  var_c = sum_r (x_rc - mean_c)^2 / rows,  rstd_c = 1 / sqrt(var_c + eps)
//              xh = (x - mean) rstd,   u = gamma xh + beta,   y = (u > 0 ? u : slope u) + residual
//              running <- (1 - momentum) running + momentum (mean; var rows / (rows - 1))
//   backward   du = dy (u > 0 ? 1 : slope),   dslope += sum_r dy min(u, 0),   dresidual += dy
//              dbeta += sum_r du,   dgamma += sum_r du xh
//              dx += gamma rstd (du - mean_r(du) - xh mean_r(du xh))
// Saves x and the five vectors: u and y are formed again. dx takes x's place; dy is handed over to the residual.
Var train(const Var& x, const Var& gamma, const Var& beta, const Tensor& running_mean,
          const Tensor& running_var, double eps, double momentum, const BatchNormFinishing& finish,
          const Rows& s) {
  FR_CHECK(s.rows > 1, "batch_norm: training needs two rows or more, got x ", to_string(x.shape()));
  const bool known = bool(finish.known.mean);
  const Tensor mean = known ? finish.known.mean : wide_like(x.value(), {s.C});
  const Tensor rstd = known ? finish.known.rstd : wide_like(x.value(), {s.C});
  if (!known)
    with_kernels(x.value(), [&](const auto& k) {
      k.batch_norm_statistics(mean.data(), rstd.data(), running_mean.data(), running_var.data(),
                              x.value().data(), s.rows, s.C, eps, momentum);
    });
  const Apply apply{mean, rstd, gamma.value(), beta.value(), value_of(finish.slope), s};
  Saved xs(x), rs(finish.residual);
  return record(
      "batch_norm", apply(x.value(), value_of(finish.residual)),
      {x, gamma, beta, finish.slope, finish.residual},
      [xs, apply](Node& self) mutable {
        const Tensor dgamma = grad_of(self, 1), dbeta = grad_of(self, 2), dslope = grad_of(self, 3);
        const Tensor xv = xs.take();
        const GradientTarget dx = target_of(self, 0, xv);
        with_kernels(self.grad, [&]<class T>(const Kernels<T>& k) {
          k.batch_norm_backward(dx.data(), dgamma.data(), dbeta.data(), dslope.data(), self.grad.data(),
                                xv.data(), apply.line<T>(), apply.s.rows, apply.s.C, dx.into);
        });
        hand_over_gradient(self, 4);
      },
      Form({&xs, &rs}, [=] { return apply(xs.look(), rs.look()); }));
}

// Fixed statistics: a straight line per channel.
//   forward    y = gamma xh + beta with xh = (x - mean) / sqrt(var + eps)
//   backward   dx += dy gamma / sqrt(var + eps),   dgamma += sum_r dy xh,   dbeta += sum_r dy
// Saves x and gamma, and shares the running statistics: walk the graph before training mode changes them.
Var infer(const Var& x, const Var& gamma, const Var& beta, const Tensor& mean, const Tensor& var, double eps,
          const Rows& s) {
  const Tensor g = gamma.value();
  Tensor y = like(x.value(), x.shape());
  with_kernels(y, [&](const auto& k) {
    k.batch_norm_inference_forward(y.data(), x.value().data(), g.data(), beta.value().data(), mean.data(),
                                   var.data(), s.rows, s.C, eps);
  });
  return record("batch_norm", y, {x, gamma, beta}, [xs = Saved(x), g, mean, var, s, eps](Node& self) mutable {
    const Tensor dx = grad_of(self, 0), dgamma = grad_of(self, 1), dbeta = grad_of(self, 2);
    with_kernels(self.grad, [&](const auto& k) {
      k.batch_norm_inference_backward(dx.data(), dgamma.data(), dbeta.data(), self.grad.data(),
                                      xs.take().data(), g.data(), mean.data(), var.data(), s.rows, s.C, eps);
    });
  });
}

}  // namespace

// Bring each channel to mean 0 and variance 1, then scale and shift it.
//   x (..., C), gamma (C), beta (C), running_mean (C), running_var (C) -> y (..., C)
// The equations of the two modes stand above train() and infer().              Ioffe and Szegedy 2015, Alg. 1
// and 2
Var batch_norm(const Var& x, const Var& gamma, const Var& beta, const Tensor& running_mean,
               const Tensor& running_var, BatchNormMode mode, double eps, double momentum,
               const BatchNormFinishing& finish) {
  const Rows s = checked_rows(x, gamma, beta, running_mean, running_var);
  FR_CHECK(eps > 0 && momentum >= 0 && momentum <= 1,
           "batch_norm: expected eps > 0 and 0 <= momentum <= 1, got ", eps, " and ", momentum);
  check_inputs("batch_norm", {{"x", x}, {"slope", finish.slope, Is::wide}, {"residual", finish.residual}});
  if (finish.slope) check_shape("batch_norm", "slope", finish.slope, {s.C});
  if (finish.residual) check_shape("batch_norm", "residual", finish.residual, x.shape());
  for (const Tensor* t : {&finish.known.mean, &finish.known.rstd})
    FR_CHECK(
        !*t || (t->shape() == Shape{s.C} && t->dtype() == wide(x.dtype()) && mode == BatchNormMode::training),
        "batch_norm: expected the statistics of x in training, (", s.C, ") ", to_string(wide(x.dtype())),
        ", got ", to_string(t->shape()), " ", to_string(t->dtype()));
  if (mode == BatchNormMode::training)
    return train(x, gamma, beta, running_mean, running_var, eps, momentum, finish, s);
  Var y = infer(x, gamma, beta, running_mean, running_var, eps, s);
  if (finish.slope) return prelu(y, finish.slope, finish.residual);
  return finish.residual ? add(y, finish.residual) : y;
}

}  // namespace fr
