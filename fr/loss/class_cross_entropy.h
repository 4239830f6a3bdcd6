// Softmax cross-entropy over classes given by a matrix of weights: linear and softmax_cross_entropy as one op that holds
// one matrix of scores.
#pragma once
#include "autograd/var.h"
#include "fr/dail/leave_out.h"
#include "fr/loss/largest_other.h"

namespace fr {

// x (N,D) embeddings, w (M,D) class weights, b (M) or empty, labels int64 (N), 0 <= label < M -> mean loss (). Labels on a
// device are not looked at: who uploads them does that.
//   z_nm = <x_n, w_m> + b_m,   L = (1/N) sum_n [lse_m(z_nm) - z_n,label]                       Liu et al. 2017, Eq. 3 and 4
// products = bfloat16: x, w and the gradient of the scores are rounded for the products, w and that gradient block by
// block. Scores, losses and gradients stay of x's type.
// prediction, if asked for, receives int64 (N): the class of the largest score, ties to the lowest; other, that of all but
// the label.
// datasets: classes that take no part have no probability, get no gradient and are not predicted.
// The gradient of w is left by rows where that is wanted (Var::gradient_by_rows).
// Throws std::invalid_argument for types, devices, shapes or labels out of range.
Var class_cross_entropy(const Var& x, const Var& w, const Var& b, const Tensor& labels,
                        DType products = DType::float32, Tensor* prediction = nullptr,
                        const DatasetClasses& datasets = {}, LargestOther* other = nullptr);

}  // namespace fr
