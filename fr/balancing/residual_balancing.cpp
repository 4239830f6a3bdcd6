#include "fr/balancing/residual_balancing.h"

#include <cmath>

namespace fr {
namespace {

LinearSpec first(int64_t D) { return {D, D, Bias::with, Init::uniform(1 / std::sqrt(double(D)))}; }
LinearSpec second(int64_t D) { return {D, D, Bias::with, Init::constant(0)}; }
LinearSpec gate(int64_t D) { return {D, 1, Bias::with, Init::constant(0)}; }

}  // namespace

ResidualBalancing::ResidualBalancing(ResidualBalancingForm form, int64_t D)
    : branch_(add_child<Sequential>("residual")) {
  FR_CHECK(form != ResidualBalancingForm::none && D > 0,
           "residual balancing: expected a form and D > 0, got D = ", D);
  branch_.add<Linear>("fc1", first(D));
  branch_.add<BatchNorm>("bn", D);
  branch_.add<PReLU>("prelu", D);
  branch_.add<Linear>("fc2", second(D));
  if (form == ResidualBalancingForm::ungated) return;
  gate_ = &add_child<Linear>("gate", gate(D));
  for (const auto& [name, parameter] : gate_->parameters()) parameter->decay_multiplier = 0;
  for (const auto& [name, parameter] : gate_->parameters())
    if (name == "bias") parameter->init = Init::constant(1), parameter->var.value().fill(1);
}

Var ResidualBalancing::forward(const Var& x) {
  const Var wide_x = cast(x, wide(x.dtype())), residual = branch_.forward(wide_x);
  if (!gate_) return add(wide_x, residual);
  const Var f = gate_->forward(wide_x);
  if (keeps_gate_ && training()) last_gate_ = f;
  return add(wide_x, mul(residual, f));
}

void describe_residual_balancing(std::vector<LayerDescription>& layers, ResidualBalancingForm form) {
  if (form == ResidualBalancingForm::none) return;
  Describer d(std::move(layers));
  const int64_t D = d.output.back();
  d.branch();
  d.linear("balancing.residual.fc1", first(D));
  d.batch_norm("balancing.residual.bn");
  d.prelu("balancing.residual.prelu");
  d.linear("balancing.residual.fc2", second(D));
  if (form == ResidualBalancingForm::gated) {
    d.second_branch();
    d.linear("balancing.gate", gate(D));
    d.second_branch();
  }
  d.add("balancing.sum");
  layers = std::move(d.layers);
}

}  // namespace fr
