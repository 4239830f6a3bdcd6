// Stochastic gradient descent with momentum, coupled weight decay and gradient-norm clipping.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "nn/module.h"
#include "nn/step_memory.h"

namespace fr {

struct SgdOptions {
  double momentum = 0.9;
  double weight_decay = 5e-4;  // added to the gradient, after clipping: g <- scale g + decay p
  // caffe: lr inside the velocity. The forms differ exactly when lr changes.
  MomentumForm form = MomentumForm::torch;
  bool nesterov = false;
  double clip_norm = 0;  // gradients are scaled down to this global L2 norm; 0: never
};

class Sgd {
 public:
  // Keeps the pointers: the module must outlive the optimiser. Parameters that need no gradient are left out.
  Sgd(std::vector<std::pair<std::string, Parameter*>> parameters, const SgdOptions& options);

  // One step at learning rate lr x lr_multiplier, decay x decay_multiplier. A parameter whose gradient is
  // empty, or whose lr_multiplier is 0, is left alone, velocity and all, as Torch does (Caffe would decay
  // it). Returns the global L2 norm of the gradients before clipping; when that is not finite nothing is
  // changed: the caller must look.
  double step(double lr);
  // The same without a word to the host: the learning rate is read from `state`, the squared norm written there, both in
  // the memory of the parameters' device. `also`, a tensor of the gradients' type or empty, counts as a gradient in the
  // norm: where it is not finite nothing changes.
  void update(StepState* state, const Tensor& also = {});
  void zero_grad();

  // The velocities under their parameters' names, for checkpoints; they share memory with the optimiser.
  std::vector<std::pair<std::string, Tensor>> state() const;
  const SgdOptions& options() const { return options_; }

 private:
  struct Entry {
    std::string name;
    Parameter* parameter;
    Tensor velocity;
  };
  template <class T>
  SgdParameter<T> described(const Entry& e) const;
  Device device() const;
  DType maps() const;  // bfloat16 when rounded weights are kept

  std::vector<Entry> entries_;
  SgdOptions options_;
  StepMemory state_;  // for step()
};

}  // namespace fr
