// The layers: each owns its weights and calls one op (autograd/ops.h has the shapes, autograd/ops/ the
// equations). Weights are float. A layer is born with its constants set; random weights are zero until
// Module::initialise(seed).
#pragma once
#include "nn/module.h"

namespace fr {

enum class Bias { without, with };

// x (N,H,W,C) -> y (N,P,Q,K).      parameters: weight (K,R,S,C/groups), bias (K) when asked for
struct Conv2dSpec {
  int64_t C = 1, K = 1, R = 3, S = 3;
  Conv2dOptions window = {};
  Bias bias = Bias::without;
  Init init = Init::msra();
  double bias_lr_multiplier = 1, bias_decay_multiplier = 1;

  // A square filter.
  static Conv2dSpec square(int64_t C, int64_t K, int64_t size, int64_t stride = 1, int64_t pad = 0) {
    return {C, K, size, size, {stride, stride, pad, pad}};
  }
};
class Conv2d : public Module {
 public:
  explicit Conv2d(const Conv2dSpec& spec);
  Var forward(const Var& x) override;
  // In inference: with what follows it, finish.shift standing in for the bias. See chain().
  Var forward_fused(const Var& x, const Conv2dFinishing& finish);
  Var forward_with_statistics(const Var& x, const RunningStatistics& running, BatchStatistics& of_result);
  Tensor bias() const { return bias_ ? bias_->var.value() : Tensor(); }  // empty: it has none
  int64_t filters() const { return weight_->var.dim(0); }                // K

 private:
  void forget_prepared() override { arranged_ = {}, arranged_for_ = {}; }
  Conv2dOptions window_;
  Parameter* weight_ = nullptr;
  Parameter* bias_ = nullptr;
  Tensor arranged_;     // the weights as conv2d_prepare() made them
  Shape arranged_for_;  // inputs of this shape
};

// Several convolutions of one map, their results side by side: x (N,H,W,C) -> y (N,P,Q,K1+K2+...). Filters of one size with
// dilation d and padding d - 1 put out maps of one size.        parameters: branch1.weight, branch1.bias, branch2.weight, ...
class ParallelConv2d : public Module {
 public:
  explicit ParallelConv2d(const std::vector<Conv2dSpec>& branches);
  Var forward(const Var& x) override;

 private:
  std::vector<Module*> branches_;
};

// x (N,D) -> y (N,M).              parameters: weight (M,D), bias (M) when asked for
struct LinearSpec {
  int64_t D = 1, M = 1;
  Bias bias = Bias::with;
  Init init = Init::caffe_xavier();
  double bias_lr_multiplier = 1, bias_decay_multiplier = 1;
};
class Linear : public Module {
 public:
  explicit Linear(const LinearSpec& spec);
  Var forward(const Var& x) override;

 private:
  Parameter* weight_ = nullptr;
  Parameter* bias_ = nullptr;
};

// x (..., C) -> y (..., C): statistics over all axes but the last, so the one layer serves maps and
// embeddings. parameters: weight (C) = gamma, 1 at first; bias (C) = beta, 0 at first.    buffers:
// running_mean, running_var (C)
struct BatchNormSpec {
  enum class Scale { trained, fixed };
  int64_t C = 1;
  double eps = 1e-5, momentum = 0.1;
  Scale scale = Scale::trained;  // fixed: gamma stays 1 and gets no gradient
};
class BatchNorm : public Module {
 public:
  explicit BatchNorm(const BatchNormSpec& spec);
  explicit BatchNorm(int64_t C) : BatchNorm(BatchNormSpec{C}) {}
  Var forward(const Var& x) override { return forward_fused(x, {}); }  // training(): batch statistics
  Var forward_fused(const Var& x, const BatchNormFinishing& finish);   // with what follows it; see chain()
  RunningStatistics running() const { return {*mean_, *var_, spec_.eps, spec_.momentum}; }
  void line(Tensor& scale, Tensor& shift) const;  // forward() in inference is scale x + shift, each (C)

 private:
  BatchNormSpec spec_;
  Parameter *gamma_ = nullptr, *beta_ = nullptr;
  Tensor *mean_ = nullptr, *var_ = nullptr;
};

// x (..., C) -> y (..., C).        parameter: weight (C), the slope of the negative side
class PReLU : public Module {
 public:
  explicit PReLU(int64_t C, double slope = 0.25);
  Var forward(const Var& x) override;
  const Var& slope() const { return slope_->var; }

 private:
  Parameter* slope_ = nullptr;
};

// x (..., C) -> y (..., C): ARFA (Smirnov et al. 2017, Eq. 1).
// parameter: weight (C) = a, 1 at first, where the function's slope has no jump; without decay, kept at kLeast or more, since
// its pole lies at x = a.      buffer: k (1), 1 until initialise_from_data() sets it
class Arfa : public Module {
 public:
  static constexpr double kLeast = 0.01;
  explicit Arfa(int64_t C);
  Var forward(const Var& x) override;

 private:
  void keep_in_bounds() override;
  Parameter* a_ = nullptr;
  Tensor* k_ = nullptr;
};

// x (..., C) -> y (..., C / group)
class Maxout : public Module {
 public:
  explicit Maxout(int64_t group = 2) : group_(group) {}
  Var forward(const Var& x) override { return maxout(x, group_); }

 private:
  int64_t group_;
};

// x (..., C) -> y (..., C): a PReLU whose slope is 0 and not trained, so that it too is formed again instead of kept and
// joins the passes of chain().
class ReLU : public Module {
 public:
  Var forward(const Var& x) override { return prelu(x, slope(x.dim(-1), x)); }
  Var slope(int64_t C, const Var& x);  // C zeros that suit maps like x

 private:
  Var zeros_;
};

// While training: the mask is a function of random_state() and `stream`, so give every dropout layer of a
// network its own stream (16 bits). Two forward passes at one step see the same mask. Otherwise the identity.
class Dropout : public Module {
 public:
  explicit Dropout(double p, uint32_t stream);
  Var forward(const Var& x) override;

 private:
  double p_;
  uint32_t stream_;
};

class MaxPool2d : public Module {
 public:
  explicit MaxPool2d(const Pool2dOptions& window) : window_(window) {}
  Var forward(const Var& x) override { return max_pool2d(x, window_); }

 private:
  Pool2dOptions window_;
};

class AveragePool2d : public Module {
 public:
  explicit AveragePool2d(const Pool2dOptions& window) : window_(window) {}
  Var forward(const Var& x) override { return average_pool2d(x, window_); }

 private:
  Pool2dOptions window_;
};

// (N,H,W,C) -> (N,C): the mean of each channel
class GlobalAveragePool : public Module {
 public:
  Var forward(const Var& x) override;
};

// (N, ...) -> (N, rest)
class Flatten : public Module {
 public:
  Var forward(const Var& x) override { return flatten(x); }
};

// The layers one after the other, then + residual if there is one. Passes over memory are saved where they can be: in
// inference (NoGrad, not training) a convolution takes the batch norm, the (P)ReLU and the sum that follow it into its
// own pass over the result, otherwise a batch norm takes the (P)ReLU and the sum, or a (P)ReLU the sum, and in training
// a convolution takes the statistics for the batch norm that follows.
Var chain(const std::vector<Module*>& layers, const Var& x, const Var& residual = {});

// Its children, one after the other.
class Sequential : public Module {
 public:
  template <class M, class... A>
  M& add(std::string name, A&&... arguments) {
    M& child = add_child<M>(std::move(name), std::forward<A>(arguments)...);
    steps_.push_back(&child);
    return child;
  }
  Var forward(const Var& x) override { return chain(steps_, x); }
  const std::vector<Module*>& steps() const { return steps_; }

 private:
  std::vector<Module*> steps_;
};

}  // namespace fr
