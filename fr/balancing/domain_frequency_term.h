// The regression of the gate of the residual balancing module to the domain frequency indicator.
//                                                                              Cao et al. 2020, "Domain Balancing", Eq. 4
#pragma once
#include "fr/balancing/residual_balancing.h"
#include "fr/loss/class_head.h"

namespace fr {

//   L_rrm = (1/N) sum_n (f(x_n) - DFI_(y_n))^2
// f(x) is that of the network's last forward pass, DFI that of the class scores before the step, a constant. The gradient flows
// into the gate and, through x, into the network. The paper's weight in the joint loss: 0.01.
class DomainFrequencyTerm : public LossTerm {
 public:
  // Both outlive the term. The head measures its domains.
  DomainFrequencyTerm(ResidualBalancing& module, const ClassHead& head);
  // Throws std::invalid_argument when the network has not just gone forward, in training, over N rows.
  Var loss(const Var& embedding, const Tensor& labels, const StepAt& at) override;
  void forget() override { gate_ = {}; }
  // "gate": the mean of f(x).
  std::vector<std::string> figure_names() const override { return {"gate"}; }
  std::vector<Tensor> figures() const override { return {gate_}; }

 private:
  ResidualBalancing& module_;
  const ClassHead& head_;
  Tensor gate_;
};

}  // namespace fr
