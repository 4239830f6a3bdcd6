// The margin losses as one differentiable op: cosine scores -> target function -> scaled cross-entropy.
//   c_ij = <x_i, w_j> / (|x_i| |w_j|),   z_ij = scale_ij c_ij (j not the label),   z_i,y = scale_iy h(c_i,y)
// Which h: tensor/margin_function.h. Softmax on cosines, modified softmax, A-Softmax, L-Softmax, NormFace, CosFace, ArcFace
// and the combined margin are rows of this table; a new margin is one small function there.
#pragma once
#include "autograd/var.h"
#include "fr/dail/leave_out.h"
#include "fr/loss/largest_other.h"
#include "tensor/margin_function.h"

namespace fr {

inline constexpr double kShortRow = 1e-12;  // a shorter row has no direction

enum class MarginGradient {
  // The derivative of the loss: L-Softmax (Liu et al. 2016; so does the authors' layer), NormFace (Wang et al. 2017),
  // CosFace (Wang et al. 2018), ArcFace and the combined margin as published (Deng et al. 2019), and A-Softmax as its
  // equations stand (Liu et al. 2017, Eq. 7).
  exact,
  // The authors' Caffe layer for A-Softmax, with which the figures of Liu et al. 2017 were made; not the derivative of any
  // function, see margin_caffe.cpp. Needs LogitScale::embedding_norm and no margin or A-Softmax.
  caffe_normalised,
  // h' := 1: the margin shifts the logit and is a constant to the gradient. "Characteristic gradient detachment" of the
  // authors' later SphereFace (Liu et al. 2022, OpenSphere); also what the newest code of ArcFace's authors does.
  detached,
};

enum class LogitScale {
  embedding_norm,  // scale_ij = |x_i|: modified softmax, A-Softmax          (Liu et al. 2017, Eq. 5 and 7)
  fixed,           // scale_ij = s: NormFace, AM-Softmax, CosFace, ArcFace   (Wang et al. 2018, Eq. 4)
  both_norms,      // scale_ij = |x_i| |w_j|: softmax, L-Softmax             (Liu et al. 2016, Eq. 4);
                   // without a margin or with A-Softmax's
};

struct MarginOptions {
  Margin margin;
  LogitScale scale = LogitScale::fixed;
  double s = 30;  // LogitScale::fixed
  MarginGradient gradient = MarginGradient::exact;
  // bfloat16: the unit rows, and the gradient of the scores block by block, are rounded for the products. Scores, losses
  // and gradients stay float.
  DType products = DType::float32;
  // LogitScale::fixed: s as a trained number (1) > 0, of the type and on the device of x. Its gradient is
  // dL/ds = (1/s) sum_ij d_ij z_ij (NormFace). Empty: the number above.
  Var trained_scale;
  // (M), of the type and on the device of x: what multiplies the margin of each class, see scaled_margin(). cosface, arcface
  // and combined only. Empty: 1.
  Tensor class_margin;
  // Classes that take no part: they have no probability and get no gradient.
  DatasetClasses datasets;
};

// By-products of the forward pass.
struct MarginOutput {
  // int64 (N): of the classes that take part, that of the largest score without margin, ties to the lowest
  Tensor prediction;
  Tensor class_norm;  // (M): |w_j|
  // In: where to put the largest other training score of each row (scale and |w_j| included; the margin stands at the label
  // alone), or null.
  LargestOther* other = nullptr;
};

// x (N,D) embeddings, w (M,D) class weights, labels int64 (N), 0 <= label < M -> mean loss (). Labels on a device are not
// looked at: who uploads them does that.
// Gradients flow to x, w and trained_scale. A row of x or w shorter than 1e-12 has cosine 0 with everything and gets no
// gradient (but for w in the Caffe mode, which does not differentiate the scaling).
// Lengths of x and w up to 1e18 keep everything finite in float.
// Throws std::invalid_argument for shapes, labels, margins or s out of range, or a combination that does not exist.
Var margin_cross_entropy(const Var& x, const Var& w, const Tensor& labels, const MarginOptions& options,
                         MarginOutput* output = nullptr);

}  // namespace fr
