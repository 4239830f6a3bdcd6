// The rows of the Caffe gradient (margin_caffe.cpp), computed where the tensors lie.
#pragma once
#include "tensor/tensor.h"

namespace fr {

// All (N). With a = psi'(c), e = (psi(c) - c psi'(c)) / r, q = sqrt(a^2 + e^2):
struct CaffeFactors {
  Tensor factor;   // (lambda + a / q) / (1 + lambda)   of d_n,label in front of wh_label
  Tensor own;      // r e / q / (1 + lambda)            of d_n,label in front of xh_n
  Tensor inverse;  // 1 / r, 0 where the row has no direction
};
// cosine at the label (N), r = |x| (N); the margin for its m and lambda.
CaffeFactors caffe_factors(const Margin& margin, const Tensor& cosine, const Tensor& r);

}  // namespace fr
