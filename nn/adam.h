// Adam and AdamW.
#pragma once
#include "nn/optimizer.h"

namespace fr {

// Kingma and Ba 2015, "Adam: a method for stochastic optimization", with its defaults.
struct AdamOptions {
  double beta1 = 0.9, beta2 = 0.999, eps = 1e-8;
  double weight_decay = 5e-4;
  // false: decay p joins the gradient, as in Sgd. true: p <- (1 - lr decay) p beside the step (Loshchilov and Hutter 2019,
  // "Decoupled weight decay regularization": AdamW).
  bool decoupled = false;
  double clip_norm = 0;  // see SgdOptions
};

class Adam : public Optimizer {
 public:
  // Keeps the pointers: the module must outlive the optimiser. Parameters that need no gradient are left out.
  // std::invalid_argument for options out of range.
  Adam(std::vector<std::pair<std::string, Parameter*>> parameters, const AdamOptions& options);

  void update(StepState* state, const Tensor& also = {}) override;
  void zero_grad() override;
  // Both moments, under the parameters' names with ".m" and ".v". The number of the step is the training loop's.
  std::vector<std::pair<std::string, Tensor>> state() const override;
  const AdamOptions& options() const { return options_; }

 private:
  struct Entry {
    std::string name;
    Parameter* parameter;
    Tensor m, v;
  };
  template <class T>
  static AdamParameter<T> described(const Entry& e, const Kernels<T>& k);
  Device device() const override;
  DType maps() const;  // bfloat16 when rounded weights are kept

  std::vector<Entry> entries_;
  AdamOptions options_;
};

}  // namespace fr
