// Which data set a picture is from: the loss of the classifier that is to find out.
#pragma once
#include "autograd/var.h"

namespace fr {

// z (N,K) scores of the data sets, k int64 (N), 0 <= k < K, weight (N) of z's type beside it -> ():
//   L = (1/N) sum_n weight_n (log sum_j exp z_nj - z_n,k)
// Throws std::invalid_argument for shapes, types or devices. k on a device is not looked at.
Var weighted_cross_entropy(const Var& z, const Tensor& k, const Tensor& weight);

}  // namespace fr
