#include "fr/dail/gradient_reversal.h"

#include <cmath>

#include "autograd/ops/check.h"

namespace fr {

// The identity, whose gradient turns round.                  x, lambda (1) -> y
//   forward    y = x
//   backward   dx -= lambda dy;  nothing with lambda = 0
// Saves lambda, which lies where a recorded step finds the one of the day.
Var reverse_gradient(const Var& x, const Tensor& lambda) {
  const char* op = "reverse_gradient";
  check_inputs(op, {{"x", x, Is::wide}});
  FR_CHECK(lambda && lambda.shape() == Shape{1} && lambda.dtype() == x.dtype(), op,
           ": expected lambda (1) of ", to_string(x.dtype()), ", got ", to_string(lambda.shape()), " of ",
           to_string(lambda.dtype()));
  check_device(op, x, "lambda", lambda);
  return record(op, x.value(), {x}, [lambda](Node& self) {
    const Tensor dx = grad_of(self, 0);
    if (!dx) return;
    with_kernels(dx, [&](const auto& k) {
      k.reverse_gradient(dx.data(), self.grad.data(), lambda.data(), dx.size());
    });
  });
}

double reversal_ramp(double gamma, double p) { return 2 / (1 + std::exp(-gamma * p)) - 1; }

double ReversalSchedule::at(int64_t step) const {
  const int64_t first = std::llround(stage_one * double(steps));
  if (step < first || steps == 0) return 0;
  const double ramp_steps = ramp * double(steps - first), done = double(step - first);
  return done < ramp_steps ? lambda * reversal_ramp(gamma, done / ramp_steps) : lambda;
}

}  // namespace fr
