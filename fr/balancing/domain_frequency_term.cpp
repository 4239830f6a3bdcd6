#include "fr/balancing/domain_frequency_term.h"

namespace fr {

DomainFrequencyTerm::DomainFrequencyTerm(ResidualBalancing& module, const ClassHead& head)
    : module_(module), head_(head) {
  FR_CHECK(module.gated(), "domain frequency loss: the residual balancing module has no gate");
  FR_CHECK(head.domain_frequency(), "domain frequency loss: the class head measures no domains");
  module.keep_gate();
}

Var DomainFrequencyTerm::loss(const Var&, const Tensor& labels, const StepAt&) {
  const Var f = module_.take_gate();
  FR_CHECK(f && labels && (f.shape() == Shape{labels.size(), 1}),
           "domain frequency loss: expected the gate of the network's last forward pass in training, (",
           labels ? labels.size() : 0, ",1), got ", f ? to_string(f.shape()) : "nothing");
  gate_ = mean(Var(f.value())).value();
  const Var target(head_.domain_frequency()->of(labels));
  return mean(unary(sub(reshape(f, {labels.size()}), target), Unary::square));
}

}  // namespace fr
