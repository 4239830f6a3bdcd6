#include "nn/make_optimizer.h"

namespace fr {

std::unique_ptr<Optimizer> make_optimizer(std::vector<std::pair<std::string, Parameter*>> parameters,
                                          const OptimizerOptions& o) {
  if (o.kind == OptimizerKind::sgd)
    return std::make_unique<Sgd>(std::move(parameters),
                                 SgdOptions{o.momentum, o.weight_decay, o.form, o.nesterov, o.clip_norm});
  return std::make_unique<Adam>(
      std::move(parameters),
      AdamOptions{o.beta1, o.beta2, o.eps, o.weight_decay, o.kind == OptimizerKind::adamw, o.clip_norm});
}

}  // namespace fr
