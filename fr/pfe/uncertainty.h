// The uncertainty module of probabilistic face embeddings: from the last map of a network that stays as it is to the
// logarithm of a variance for every number of its unit embedding.                 Shi and Jain 2019, Section 4 and 5.1
//   x (N, ...) flattened -> FC (D) - BN - ReLU - FC (D) - BN without scale and shift = z
//   u = gamma z + beta, two numbers for all,    log sigma^2 = log(1e-6 + e^u)
// FC have no bias, since BN takes it away again. Only this module is trained, by likelihood_loss().
#pragma once
#include "nn/layers.h"

namespace fr {

struct UncertaintyOptions {
  int64_t inputs = 1, D = 1;       // numbers of the last map, of the embedding
  double decay = 0.995;            // of the running statistics: what is left of them after a step
  double gamma = 1e-4, beta = -7;  // at the start
  uint64_t seed = 1;               // of the initial weights (Glorot and Bengio 2010, as Caffe draws them)
};

// parameters: fc1.weight, bn1.weight, bn1.bias, fc2.weight, gamma, beta      buffers: those of bn1, bn2, running_log_variance
class Uncertainty : public Module {
 public:
  // Throws std::invalid_argument for sizes that are not positive or a decay outside [0, 1).
  explicit Uncertainty(const UncertaintyOptions& options);
  Var forward(
      const Var& x) override;  // -> log sigma^2 (N,D); training: the batch's statistics, two pictures or more
  const UncertaintyOptions& options() const { return options_; }
  // e^(running mean of log sigma^2 over the training pictures): what the median is, where logarithms are spread evenly.
  double typical_variance() const;

 private:
  void track(const Tensor& log_variance);
  UncertaintyOptions options_;
  Parameter *gamma_, *beta_;
  Tensor* running_log_variance_;  // (1)
  std::vector<Module*> layers_;
};

}  // namespace fr
