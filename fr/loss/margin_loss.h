// The margin losses as one differentiable op: cosine scores -> target function -> scaled cross-entropy.
//   c_ij = <x_i, w_j> / (|x_i| |w_j|),   z_ij = scale_i c_ij (j not the label),   z_i,y = scale_i h(c_i,y)
// Which h: tensor/margin_function.h. Softmax on cosines, modified softmax, A-Softmax, NormFace and CosFace
// are rows of this table; a new margin is one small function there.
#pragma once
#include "autograd/var.h"
#include "tensor/margin_function.h"

namespace fr {

enum class MarginGradient {
  exact,             // the derivative of the loss
  caffe_normalised,  // the authors' Caffe layer for A-Softmax; see margin_loss.cpp. Needs
                     // LogitScale::embedding_norm
  detached,          // h' := 1: the margin shifts the logit and is a constant to the gradient (OpenSphere)
};

enum class LogitScale {
  embedding_norm,  // scale_i = |x_i|: modified softmax, A-Softmax     (Liu et al. 2017, Eq. 5 and 7)
  fixed,           // scale_i = s: NormFace, AM-Softmax, CosFace       (Wang et al. 2018, Eq. 4)
};

struct MarginOptions {
  Margin margin;
  LogitScale scale = LogitScale::fixed;
  double s = 30;  // LogitScale::fixed
  MarginGradient gradient = MarginGradient::exact;
  // bfloat16: the unit rows, and the gradient of the scores block by block, are rounded for the products. Scores, losses
  // and gradients stay float.
  DType products = DType::float32;
};

// By-products of the forward pass.
struct MarginOutput {
  Tensor prediction;  // int64 (N): the class of the largest cosine, ties to the lowest
  Tensor class_norm;  // (M): |w_j|
};

// x (N,D) embeddings, w (M,D) class weights, labels int64 (N), 0 <= label < M -> mean loss (). Labels on a device are not
// looked at: who uploads them does that.
// A row of x or w shorter than 1e-12 has cosine 0 with everything and gets no gradient
// (but for w in the Caffe mode, which does not differentiate the scaling).
// Throws std::invalid_argument for shapes, labels, m or s out of range, or a gradient mode that does not
// exist here.
Var margin_cross_entropy(const Var& x, const Var& w, const Tensor& labels, const MarginOptions& options,
                         MarginOutput* output = nullptr);

}  // namespace fr
