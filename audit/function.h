// A differentiable function under audit, an op or a loss with its inputs: its gradients against central differences or
// against a formula written out, and its numbers in float on each backend against double.
#pragma once
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "audit/finding.h"
#include "autograd/var.h"

namespace fr::audit {

using Vars = std::vector<Var>;
using Numbers = std::vector<double>;

struct Function {
  std::string name;
  std::function<Var(const Vars&)> f;
  std::vector<std::string> inputs;  // their names
  std::vector<Tensor> values;       // of the inputs, float64
};

// Where numbers are computed in float: a table of the CPU by its name, or the device.
struct Place {
  std::string column;  // "avx2", "cuda"
  Device device = Device::cpu;
};

// Column "differences". gradient_errors() of autograd/gradient_check.h.
Check measure_differences(const Function& function, Failures& failures);

// Column "differences": the largest |got - want| / max(1, largest |want|) of each input's gradient, where `formula` gives
// what is wanted of the inputs' values, in their order. For gradients that are not the derivative of the value.
using Formula = std::function<std::vector<Numbers>(const std::vector<Tensor>& inputs)>;
Check measure_formula(const Function& function, const Formula& formula, Failures& failures);

// Column "stated": |value - stated|; the function has one element.
Check measure_stated(const Function& function, double stated, double allowed, Failures& failures);

// One column for each place: value and gradients in float against double on the same inputs, relative to the largest of each.
std::vector<Check> measure_float(const Function& function, std::span<const Place> places, double allowed,
                                 Failures& failures);

// n numbers of an input of this shape, uniform in [low, high), which a float holds exactly, away from 0.
Tensor drawn(const Shape& shape, double low, double high, uint32_t seed);

}  // namespace fr::audit
