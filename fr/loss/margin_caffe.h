// The gradient of the authors' Caffe layer for A-Softmax, in the place of the chain rule.
#pragma once
#include "fr/loss/margin_parts.h"

namespace fr::margin {

// Adds into `to` and leaves the gradient of the scores in s.c; dloss (N). T: float or double.
template <class T>
void caffe_rule(const Kernels<T>& k, const Kept& s, const Gradients& to, const Tensor& dloss);

}  // namespace fr::margin
