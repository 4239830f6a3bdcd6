// Residual Balancing Module: the end of a network that adds to an embedding what its domain lacks. It stays at test time.
//                                                                     Cao et al. 2020, "Domain Balancing", Eq. 3, Figure 5
#pragma once
#include "fr/backbone/describe.h"
#include "nn/layers.h"

namespace fr {

enum class ResidualBalancingForm { none, gated, ungated };  // ungated: f = 1

//   x_re = x + f(x) R(x),   R(x) = V2 PReLU(BN(V1 x + v1)) + v2,   f(x) = <u, x> + u0              x (N,D) -> x_re (N,D)
// Layers fc1 (V1, v1), bn, prelu, fc2 (V2, v2), gate (u, u0). V2 = v2 = u = 0 and u0 = 1 at first, so x_re = x; the gate does not
// decay. Computed in float32 whatever the maps are: the gate is a regression. The paper shows R as two fully connected layers and
// a batch norm; their order and the PReLU are our reading.
class ResidualBalancing : public Module {
 public:
  ResidualBalancing(ResidualBalancingForm form, int64_t D);
  Var forward(const Var& x) override;

  bool gated() const { return gate_ != nullptr; }
  // f(x) (N,1) of the last forward() in training, for a loss on it: handed over once, and kept at all only after keep_gate().
  void keep_gate() { keeps_gate_ = true; }
  Var take_gate() { return std::exchange(last_gate_, {}); }

 private:
  Sequential& branch_;
  Linear* gate_ = nullptr;
  bool keeps_gate_ = false;
  Var last_gate_;
};

// The lines of the module behind those of a network that ends in D numbers.
void describe_residual_balancing(std::vector<LayerDescription>& layers, ResidualBalancingForm form);

}  // namespace fr
