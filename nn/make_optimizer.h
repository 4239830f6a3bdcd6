// One of the optimisers, by its options.
#pragma once
#include <memory>

#include "nn/adam.h"

namespace fr {

enum class OptimizerKind { sgd, adam, adamw };

struct OptimizerOptions {
  OptimizerKind kind = OptimizerKind::sgd;
  double momentum = 0.9;                          // sgd
  double weight_decay = 5e-4;                     // coupled, but for adamw
  MomentumForm form = MomentumForm::torch;        // sgd
  bool nesterov = false;                          // sgd
  double clip_norm = 0;                           // 0: any
  double beta1 = 0.9, beta2 = 0.999, eps = 1e-8;  // adam, adamw
};

// See the constructors of Sgd and Adam.
std::unique_ptr<Optimizer> make_optimizer(std::vector<std::pair<std::string, Parameter*>> parameters,
                                          const OptimizerOptions& options);

}  // namespace fr
