// What the losses on pairs share: their checks, and ops whose kernel gives the derivative with the value.
#pragma once
#include <vector>

#include "autograd/var.h"

namespace fr {

// s (N,N), distances or similarities of float or double, and labels int64 (N) on the same device.
void check_pairs(const char* op, const Var& s, const Tensor& labels);

// Records `loss` (), whose derivative with respect to input i is derivative[i], of that input's shape:
//   backward   dx_i += dloss derivative_i
// Saves the derivatives. dloss is not brought to the host.
Var loss_with_derivatives(const char* op, Tensor loss, std::vector<Var> inputs,
                          std::vector<Tensor> derivatives);

}  // namespace fr
