#include "fr/backbone/resnet_unit.h"

namespace fr {
namespace {

// The convolutions of a unit's branch, one after the other.
std::vector<Conv2dSpec> branch_of(const ResNetUnit& u) {
  if (u.branch == ResNetUnit::Branch::basic)
    return {resnet_conv(u.C, u.K, 3, u.stride), resnet_conv(u.K, u.K, 3, 1)};
  FR_CHECK(u.K % 4 == 0, "ResNet: a bottleneck expects K to be a multiple of 4, got ", u.K);
  const int64_t narrow = u.K / 4, early = u.form == ResNetForm::literal ? u.stride : 1;
  return {resnet_conv(u.C, narrow, 1, early), resnet_conv(narrow, narrow, 3, u.stride / early),
          resnet_conv(narrow, u.K, 1, 1)};
}

Conv2dSpec shortcut_of(const ResNetUnit& u) { return resnet_conv(u.C, u.K, 1, u.stride); }

std::string numbered(const char* layer, size_t i) { return layer + std::to_string(i + 1); }

void describe_preactivation(Describer& d, const std::string& name, const ResNetUnit& u) {
  const std::vector<Conv2dSpec> convolutions = branch_of(u);
  if (!u.projects()) d.branch();
  for (size_t i = 0; i < convolutions.size(); ++i) {
    d.batch_norm(name + numbered(".bn", i));
    d.relu(name + numbered(".relu", i));
    if (i == 0 && u.projects()) d.branch();
    d.conv(name + numbered(".conv", i), convolutions[i]);
  }
  if (u.projects()) d.second_branch(), d.conv(name + ".shortcut", shortcut_of(u));
  d.add(name);
}

void describe_literal(Describer& d, const std::string& name, const ResNetUnit& u) {
  const std::vector<Conv2dSpec> convolutions = branch_of(u);
  d.branch();
  for (size_t i = 0; i < convolutions.size(); ++i) {
    if (i > 0) d.relu(name + numbered(".relu", i - 1));
    d.conv(name + numbered(".conv", i), convolutions[i]);
    d.batch_norm(name + numbered(".bn", i));
  }
  if (u.projects()) {
    d.second_branch();
    d.conv(name + ".shortcut.conv", shortcut_of(u));
    d.batch_norm(name + ".shortcut.bn");
  }
  d.add(name);
  d.relu(name + ".relu");
}

}  // namespace

PreActivationUnit::PreActivationUnit(const ResNetUnit& unit) {
  const std::vector<Conv2dSpec> convolutions = branch_of(unit);
  for (size_t i = 0; i < convolutions.size(); ++i) {
    std::vector<Module*>& before = i == 0 ? activation_ : branch_;
    before.push_back(&add_child<BatchNorm>(numbered("bn", i), convolutions[i].C));
    before.push_back(&add_child<ReLU>(numbered("relu", i)));
    branch_.push_back(&add_child<Conv2d>(numbered("conv", i), convolutions[i]));
  }
  if (unit.projects()) shortcut_ = &add_child<Conv2d>("shortcut", shortcut_of(unit));
}

Var PreActivationUnit::forward(const Var& x) {
  const Var active = chain(activation_, x);
  return chain(branch_, active, shortcut_ ? shortcut_->forward(active) : x);
}

LiteralUnit::LiteralUnit(const ResNetUnit& unit) {
  const std::vector<Conv2dSpec> convolutions = branch_of(unit);
  for (size_t i = 0; i < convolutions.size(); ++i) {
    if (i > 0) branch_.push_back(&add_child<ReLU>(numbered("relu", i - 1)));
    branch_.push_back(&add_child<Conv2d>(numbered("conv", i), convolutions[i]));
    branch_.push_back(&add_child<BatchNorm>(numbered("bn", i), convolutions[i].K));
  }
  if (unit.projects()) {
    shortcut_ = &add_child<Sequential>("shortcut");
    shortcut_->add<Conv2d>("conv", shortcut_of(unit));
    shortcut_->add<BatchNorm>("bn", unit.K);
  }
  relu_ = &add_child<ReLU>("relu");
}

Var LiteralUnit::forward(const Var& x) {
  return relu_->forward(chain(branch_, x, shortcut_ ? shortcut_->forward(x) : x));
}

void describe(Describer& d, const std::string& name, const ResNetUnit& unit) {
  unit.form == ResNetForm::literal ? describe_literal(d, name, unit) : describe_preactivation(d, name, unit);
}

}  // namespace fr
