// The rows of the losses by kind, and what they share: inputs, labels, the inputs of the stated values.
#pragma once
#include "audit/losses.h"

namespace fr::audit {

std::vector<LossRow> class_rows();  // scores of classes: softmax and the margin losses

std::vector<LossRow> batch_rows();  // distances and similarities within a batch, centres

// Inputs x (N,D), w (M,D) and b (M).
std::vector<Input> classes(Size size);
std::vector<Input> classes_and_bias(Size size);

// Row n is of class 2 n mod M.
Tensor labels(const Var& x, const Var& w);

// a sin(b + c n), n = 0, 1, ...: what the stated values were computed on.
Tensor sine(Shape shape, double a, double b, double c);
// x = 2 sin(0.3 + 1.7 n) (2,4) and w = sin(1.1 + 0.9 n) (3,4), then the others.
std::vector<Stated> at_sines(double value, std::vector<Tensor> others = {});

}  // namespace fr::audit
