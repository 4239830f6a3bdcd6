// Batch normalisation over all axes but the last.
#include "autograd/ops.h"
#include "autograd/ops/check.h"

namespace fr {

namespace {

struct Rows {
  int64_t rows, C;
};

Rows checked_rows(const Var& x, const Var& gamma, const Var& beta, const Tensor& mean, const Tensor& var) {
  check_types("batch_norm", {&x, &gamma, &beta});
  FR_CHECK(!x.shape().empty(), "batch_norm: expected x (..., C), got ()");
  const int64_t C = x.dim(-1);
  check_shape("batch_norm", "gamma", gamma, {C});
  check_shape("batch_norm", "beta", beta, {C});
  for (const Tensor* t : {&mean, &var})
    FR_CHECK(*t && t->shape() == Shape{C} && t->dtype() == x.dtype(),
             "batch_norm: expected running statistics (", C, ") ", to_string(x.dtype()), ", got ",
             to_string(t->shape()), " ", to_string(t->dtype()));
  return {C ? x.value().size() / C : 0, C};
}

// The batch's own statistics.
//   forward    mean_c = sum_r x_rc / rows,  var_c = sum_r (x_rc - mean_c)^2 / rows,  rstd_c = 1 / sqrt(var_c
//   + eps)
//              xh = (x - mean) rstd,   y = gamma xh + beta
//              running <- (1 - momentum) running + momentum (mean; var rows / (rows - 1))
//   backward   dbeta += sum_r dy,   dgamma += sum_r dy xh
//              dx += gamma rstd (dy - mean_r(dy) - xh mean_r(dy xh))
// Saves x, mean, rstd and gamma; xh is formed again.
Var train(const Var& x, const Var& gamma, const Var& beta, const Tensor& running_mean,
          const Tensor& running_var, double eps, double momentum, const Rows& s) {
  FR_CHECK(s.rows > 1, "batch_norm: training needs two rows or more, got x ", to_string(x.shape()));
  const Tensor xv = x.value(), g = gamma.value();
  Tensor y(xv.shape(), xv.dtype()), mean({s.C}, xv.dtype()), rstd({s.C}, xv.dtype());
  with_kernels(y, [&](const auto& k) {
    k.batch_norm_forward(y.data(), mean.data(), rstd.data(), running_mean.data(), running_var.data(),
                         xv.data(), g.data(), beta.value().data(), s.rows, s.C, eps, momentum);
  });
  return record("batch_norm", y, {x, gamma, beta}, [xv, g, mean, rstd, s](Node& self) {
    const GradientTarget dx = target_of(self, 0);
    const Tensor dgamma = grad_of(self, 1), dbeta = grad_of(self, 2);
    with_kernels(self.grad, [&](const auto& k) {
      k.batch_norm_backward(dx.data(), dgamma.data(), dbeta.data(), self.grad.data(), xv.data(), mean.data(),
                            rstd.data(), g.data(), s.rows, s.C, dx.into);
    });
  });
}

// Fixed statistics: a straight line per channel.
//   forward    y = gamma xh + beta with xh = (x - mean) / sqrt(var + eps)
//   backward   dx += dy gamma / sqrt(var + eps),   dgamma += sum_r dy xh,   dbeta += sum_r dy
// Saves x and gamma, and shares the running statistics: walk the graph before training mode changes them.
Var infer(const Var& x, const Var& gamma, const Var& beta, const Tensor& mean, const Tensor& var, double eps,
          const Rows& s) {
  const Tensor xv = x.value(), g = gamma.value();
  Tensor y(xv.shape(), xv.dtype());
  with_kernels(y, [&](const auto& k) {
    k.batch_norm_inference_forward(y.data(), xv.data(), g.data(), beta.value().data(), mean.data(),
                                   var.data(), s.rows, s.C, eps);
  });
  return record("batch_norm", y, {x, gamma, beta}, [xv, g, mean, var, s, eps](Node& self) {
    const Tensor dx = grad_of(self, 0), dgamma = grad_of(self, 1), dbeta = grad_of(self, 2);
    with_kernels(self.grad, [&](const auto& k) {
      k.batch_norm_inference_backward(dx.data(), dgamma.data(), dbeta.data(), self.grad.data(), xv.data(),
                                      g.data(), mean.data(), var.data(), s.rows, s.C, eps);
    });
  });
}

}  // namespace

// Bring each channel to mean 0 and variance 1, then scale and shift it.
//   x (..., C), gamma (C), beta (C), running_mean (C), running_var (C) -> y (..., C)
// The equations of the two modes stand above train() and infer().              Ioffe and Szegedy 2015, Alg. 1
// and 2
Var batch_norm(const Var& x, const Var& gamma, const Var& beta, const Tensor& running_mean,
               const Tensor& running_var, BatchNormMode mode, double eps, double momentum) {
  const Rows s = checked_rows(x, gamma, beta, running_mean, running_var);
  FR_CHECK(eps > 0 && momentum >= 0 && momentum <= 1,
           "batch_norm: expected eps > 0 and 0 <= momentum <= 1, got ", eps, " and ", momentum);
  if (mode == BatchNormMode::inference) return infer(x, gamma, beta, running_mean, running_var, eps, s);
  return train(x, gamma, beta, running_mean, running_var, eps, momentum, s);
}

}  // namespace fr
