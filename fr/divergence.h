// When a loss or a gradient stops being finite: which tensor was the first.
#pragma once
#include <string>

#include "nn/module.h"

namespace fr {

// "weight network.fc.weight (512,21504)", or "output of conv2d(network.stage1.conv.weight) (64,56,48,64)", or
// "the pictures"; searched among the parameters first, then along the graph below `loss` in order of
// computation (before backward()), then among the gradients. "" when everything is finite.
std::string first_nonfinite_tensor(const Var& loss, Module& model);

// Throws Error{diverged} that says what became non-finite, where, and what to try.
[[noreturn]] void throw_diverged(const char* what, double value, int64_t step, const Var& loss,
                                 Module& model);

}  // namespace fr
