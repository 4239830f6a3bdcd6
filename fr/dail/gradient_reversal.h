// Gradient reversal: what a classifier learns from, its features are to unlearn.
#pragma once
#include "autograd/var.h"

namespace fr {

// x of any shape -> y = x, with the gradient dx = -lambda dy.               Ganin and Lempitsky 2015, Eq. 4 and 5
// lambda (1), of x's type and on its device: a recorded step reads it where it lies. With lambda = 0 x gets no gradient from
// here, not even that of a dy which is not finite.
// Throws std::invalid_argument for types, shapes or devices.
Var reverse_gradient(const Var& x, const Tensor& lambda);

// The weight of the reversal over the two stages of a training: nothing, then a ramp, then `lambda`.
//   first stage, of stage_one S steps: 0.   Behind it, at a share p of the second:
//   lambda (2 / (1 + exp(-gamma q)) - 1),  q = p / ramp up to 1, then lambda                  Ganin and Lempitsky 2015, Sec. 4.1
struct ReversalSchedule {
  double lambda = 0.1;
  double stage_one = 0.8;  // share of the steps; 1: no reversal at all
  double ramp = 0.2;       // share of the second stage
  double gamma = 10;
  int64_t steps = 0;  // of the training; 0: unknown, there is no reversal

  double at(int64_t step) const;  // counted from 0
};
// 2 / (1 + exp(-gamma p)) - 1
double reversal_ramp(double gamma, double p);

}  // namespace fr
