// Is a backward pass the derivative of its forward pass? Central differences in double, for the tests of
// every op, layer and loss. It does not prove anything at kinks: keep inputs a few h away from them.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "autograd/var.h"

namespace fr {

struct GradientCheck {
  double h = 1e-6;          // half the distance of the two points
  double tolerance = 1e-7;  // on |expected - got| / max(1, largest |expected| of that input)
  uint64_t seed = 1;        // of the upstream gradient dy and the starting gradients
};

// `f` maps leaves (double) to one Var of any shape; it is called many times and must be a function of the
// leaves alone. With a fixed random dy the scalar is L = sum_i dy_i y_i. Checked:
//   - the gradient that backward() adds to non-zero starting gradients is dL/dx by central differences;
//   - a second graph gives bit-identical gradients;
//   - an input that needs no gradient gets none, and the others do not notice.
// How far from it each input is, and the first complaint, or "": "input 1, index 5: expected 0.25, got 0.5 (...)".
struct GradientErrors {
  std::vector<double> input;  // largest |expected - got| / max(1, largest |expected|); not a number: infinite
  std::string complaint;
};
GradientErrors gradient_errors(const std::function<Var(const std::vector<Var>&)>& f,
                               const std::vector<Tensor>& inputs, const GradientCheck& options = {});
// The complaint alone.
std::string gradient_error(const std::function<Var(const std::vector<Var>&)>& f,
                           const std::vector<Tensor>& inputs, const GradientCheck& options = {});

}  // namespace fr
