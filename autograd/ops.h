// Every differentiable op. The equations, shapes and what is saved stand above each definition in
// autograd/ops/. All ops throw std::invalid_argument naming the op, the expected and the found shapes; all
// work in float and double, and on a device in float and, with float parameters, in bfloat16; inputs lie on one device.
#pragma once
#include "autograd/var.h"

namespace fr {

// elementwise (autograd/ops/elementwise.cpp); shapes broadcast as in NumPy, up to rank 4
Var add(const Var& a, const Var& b);
Var sub(const Var& a, const Var& b);
Var mul(const Var& a, const Var& b);
Var div(const Var& a, const Var& b);
Var maximum(const Var& a, const Var& b);
Var unary(const Var& x, Unary f);
Var affine(const Var& x, double a, double b);  // a x + b
inline Var relu(const Var& x) { return unary(x, Unary::relu); }
Var dropout(const Var& x, double p, const PhiloxKey& key);  // 0 <= p < 1

// shape (shape.cpp)
Var reshape(const Var& x, Shape shape);
Var cast(const Var& x, DType type);                  // float32 <-> bfloat16; x itself when it has the type
Var flatten(const Var& x);                           // (N, ...) -> (N, rest)
Var concat_columns(const Var& a, const Var& b);      // (N,A), (N,B) -> (N,A+B)
Var concat_channels(const std::vector<Var>& parts);  // (...,A), (...,B), ... -> (...,A+B+...)

// reductions (reduce.cpp)
Var reduce(const Var& x, Reduce f, int axis);  // the axis disappears
Var sum(const Var& x);                         // -> ()
Var mean(const Var& x);                        // -> ()
// (..., C) -> (..., C / group): the largest of each group of neighbours; a tie belongs to the first
Var maxout(const Var& x, int64_t group = 2);

// linear algebra (matmul.cpp, linear.cpp)
Var matmul(const Var& a, const Var& b, bool transpose_a = false, bool transpose_b = false);  // (M,K) x (K,N)
Var linear(const Var& x, const Var& w, const Var& b = {});  // x (N,D), w (M,D), b (M) or empty -> (N,M)

// images (conv2d.cpp, pool2d.cpp, batch_norm.cpp, prelu.cpp, arfa.cpp)
struct Conv2dOptions {
  int64_t stride_h = 1, stride_w = 1, pad_h = 0, pad_w = 0, dilation_h = 1, dilation_w = 1, groups = 1;
};
Var conv2d(const Var& x, const Var& w, const Var& b, const Conv2dOptions& options);  // b (K) or empty
// mean and 1 / sqrt(var + eps) of each channel over all rows, (C)
struct BatchStatistics {
  Tensor mean, rstd;
};
// Where the running statistics lie that a batch's own move on, and how.
struct RunningStatistics {
  Tensor mean, var;  // (C)
  double eps = 1e-5, momentum = 0.1;
};
// conv2d without a bias for a batch_norm in training that follows: the statistics of its result are taken while it is
// written. They are to be handed to batch_norm as `known`.
Var conv2d_with_statistics(const Var& x, const Var& w, const Conv2dOptions& options,
                           const RunningStatistics& running, BatchStatistics& of_result);
// For inference: act(scale conv2d(x, w) + shift) + residual in one pass; empty parts are left out (Conv2dFinish).
// Records nothing: throws std::logic_error unless NoGrad is alive.
struct Conv2dFinishing {
  Tensor scale, shift, slope, residual;  // (K), (K), (K), (N,P,Q,K)
};
Var conv2d_fused(const Var& x, const Var& w, const Conv2dFinishing& finish, const Conv2dOptions& options,
                 const Tensor& prepared = {});
// w arranged for inputs of this shape, for many calls; empty when there is nothing to gain.
Tensor conv2d_prepare(const Var& x, const Var& w, const Conv2dOptions& options);
struct Pool2dOptions {
  int64_t R = 2, S = 2, stride_h = 2, stride_w = 2, pad_h = 0, pad_w = 0;
};
Var max_pool2d(const Var& x, const Pool2dOptions& options);
Var average_pool2d(const Var& x, const Pool2dOptions& options);
Var prelu(const Var& x, const Var& a, const Var& residual = {});  // x (..., C), a (C), + residual (..., C)
Var arfa(const Var& x, const Var& a, const Tensor& k);            // x (..., C), a (C) > 0, k (1) constant
// What follows a batch norm in a network, in the same passes over memory: prelu(y, slope) + residual. Empty parts are
// left out. The numbers are those of the ops one after the other.
struct BatchNormFinishing {
  Var slope, residual;  // (C), (..., C)
  // Of x in training, when the op before has taken them (and moved the running statistics on).
  BatchStatistics known = {};
};
// x (..., C). Training: batch statistics, running ones updated in place. Inference: running statistics.
enum class BatchNormMode { training, inference };
Var batch_norm(const Var& x, const Var& gamma, const Var& beta, const Tensor& running_mean,
               const Tensor& running_var, BatchNormMode mode, double eps = 1e-5, double momentum = 0.1,
               const BatchNormFinishing& finish = {});

// rows (l2_normalize.cpp, softmax_cross_entropy.cpp); labels are int64 (N), 0 <= label < M
Var l2_normalize(const Var& x, double eps = 1e-12);
Var softmax_cross_entropy(const Var& z, const Tensor& labels);  // z (N,M) -> mean loss ()

}  // namespace fr
