// The table of every loss: one row per loss and gradient. A row says what the loss is, where it is written down and how its
// inputs are made; measure_loss does the rest. A new loss is one row in losses.cpp and one page in docs/math/.
#pragma once
#include <string>
#include <vector>

#include "audit/function.h"
#include "audit/title.h"

namespace fr::audit {

// N embeddings of D numbers, M classes.
struct Size {
  int64_t N = 0, M = 0, D = 0;
};

// An input, uniform in [low, high).
struct Input {
  std::string name;
  Shape shape;
  double low = -1, high = 1;
};

// A loss that an independent implementation gave for these inputs.
struct Stated {
  std::vector<Tensor> inputs;
  double value = 0;
  double allowed = 1e-9;
};

struct LossRow {
  Title title;
  std::function<std::vector<Input>(Size)> inputs;
  std::function<Var(const Vars&)> loss;  // works for every size
  std::vector<Stated> stated = {};
  // For gradients that are not the derivative of the value: what they are instead, and a formula for them.
  std::string gradient = {};
  Formula formula = {};
  double float_tolerance = 2e-5;
};
std::vector<LossRow> loss_rows();

// The gradient in double on small sizes, among them one row alone; float on each place on a larger one; the stated values.
std::vector<Finding> measure_loss(const LossRow& row, std::span<const Place> places);

}  // namespace fr::audit
