// What every optimiser is to the training loop; stochastic gradient descent with momentum, coupled weight decay and
// gradient-norm clipping. Adam: nn/adam.h. One of them by its options: nn/make_optimizer.h.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "nn/module.h"

namespace fr {

class Optimizer {
 public:
  virtual ~Optimizer() = default;
  // One step at learning rate lr x lr_multiplier, decay x decay_multiplier; `number` counts the steps from 0. A parameter
  // whose gradient is empty, or whose lr_multiplier is 0, is left alone, state and all, as Torch does (Caffe would decay
  // it). Returns the global L2 norm of the gradients before clipping; when that is not finite nothing is changed: the
  // caller must look.
  double step(double lr, int64_t number);
  double step(double lr) { return step(lr, next_); }  // the one after the last
  // The same without a word to the host: learning rate and number are read from `state`, the squared norm written there,
  // all in the memory of the parameters' device. `also`, a tensor of the gradients' type or empty, counts as a gradient in
  // the norm: where it is not finite nothing changes.
  virtual void update(StepState* state, const Tensor& also = {}) = 0;
  virtual void zero_grad() = 0;

  // What it remembers from step to step, named after the parameters, for checkpoints; the tensors share memory with the
  // optimiser.
  virtual std::vector<std::pair<std::string, Tensor>> state() const = 0;

 protected:
  virtual Device device() const = 0;  // of the parameters
  static bool takes_part(const Parameter& parameter) {
    return parameter.var.has_gradient() && parameter.lr_multiplier != 0;
  }

 private:
  int64_t next_ = 0;
};

struct SgdOptions {
  double momentum = 0.9;
  double weight_decay = 5e-4;  // added to the gradient, after clipping: g <- scale g + decay p
  // caffe: lr inside the velocity. The forms differ exactly when lr changes.
  MomentumForm form = MomentumForm::torch;
  bool nesterov = false;
  double clip_norm = 0;  // gradients are scaled down to this global L2 norm; 0: never
};

class Sgd : public Optimizer {
 public:
  // Keeps the pointers: the module must outlive the optimiser. Parameters that need no gradient are left out.
  Sgd(std::vector<std::pair<std::string, Parameter*>> parameters, const SgdOptions& options);

  void update(StepState* state, const Tensor& also = {}) override;
  void zero_grad() override;

  // The velocities under their parameters' names.
  std::vector<std::pair<std::string, Tensor>> state() const override;
  const SgdOptions& options() const { return options_; }

 private:
  struct Entry {
    std::string name;
    Parameter* parameter;
    Tensor velocity;
  };
  template <class T>
  static SgdParameter<T> described(const Entry& e, const Kernels<T>& k);
  Device device() const override;
  DType maps() const;  // bfloat16 when rounded weights are kept

  std::vector<Entry> entries_;
  SgdOptions options_;
};

}  // namespace fr
