// The tree of modules and its walks.
#include "nn/module.h"

#include <algorithm>

namespace fr {

namespace {

std::string join(const std::string& prefix, const std::string& name) { return prefix + "." + name; }

template <class List>
bool holds(const List& list, const std::string& name) {
  return std::any_of(list.begin(), list.end(), [&](const auto& entry) { return entry.first == name; });
}

}  // namespace

RandomState& random_state() {
  static RandomState state;
  return state;
}

std::vector<std::pair<std::string, Parameter*>> Module::parameters() {
  std::vector<std::pair<std::string, Parameter*>> all;
  for (auto& [name, parameter] : parameters_) all.emplace_back(name, parameter.get());
  for (auto& [name, child] : children_)
    for (auto& [below, parameter] : child->parameters()) all.emplace_back(join(name, below), parameter);
  return all;
}

std::vector<std::pair<std::string, Tensor*>> Module::buffers() {
  std::vector<std::pair<std::string, Tensor*>> all;
  for (auto& [name, buffer] : buffers_) all.emplace_back(name, buffer.get());
  for (auto& [name, child] : children_)
    for (auto& [below, buffer] : child->buffers()) all.emplace_back(join(name, below), buffer);
  return all;
}

int64_t Module::parameter_count() const {
  int64_t count = 0;
  for (const auto& [name, parameter] : parameters_) count += parameter->var.value().size();
  for (const auto& [name, child] : children_) count += child->parameter_count();
  return count;
}

void Module::train(bool training) {
  training_ = training, prepared_ = false;
  forget_prepared();
  for (auto& [name, child] : children_) child->train(training);
}

void Module::prepare(bool prepared) {
  prepared_ = prepared;
  forget_prepared();
  for (auto& [name, child] : children_) child->prepare(prepared);
}

void Module::after_update() {
  keep_in_bounds();
  for (auto& [name, child] : children_) child->after_update();
}

void Module::zero_grad() {
  for (const auto& [name, parameter] : parameters()) parameter->var.zero_grad();
}

void Module::place(Device device, DType maps) {
  for (const auto& [name, parameter] : parameters()) {
    Var& x = parameter->var;
    x.keep_low(false);
    x.zero_grad();
    x.set_value(x.value().to(device));
    x.keep_low(maps == DType::bfloat16 && parameter->in_products);
  }
  for (const auto& [name, buffer] : buffers()) *buffer = buffer->to(device);
  prepare(prepared_);
}

Device Module::device() {
  const auto all = parameters();
  return all.empty() ? Device::cpu : all.front().second->var.device();
}

void Module::round_weights() {
  for (const auto& [name, parameter] : parameters()) parameter->var.round_low();
}

void Module::initialise(uint64_t seed) {
  for (const auto& [name, parameter] : parameters())
    fr::initialise(parameter->var.value(), parameter->init, seed, name);
  round_weights();
}

Parameter& Module::add_parameter(std::string name, Tensor value, double lr_multiplier,
                                 double decay_multiplier) {
  check_name(name);
  auto parameter = std::make_unique<Parameter>();
  parameter->var = Var(std::move(value), true);
  parameter->lr_multiplier = lr_multiplier;
  parameter->decay_multiplier = decay_multiplier;
  return *parameters_.emplace_back(std::move(name), std::move(parameter)).second;
}

Parameter& Module::add_parameter(std::string name, Shape shape, const Init& init) {
  const double start = init.kind == Init::Kind::constant ? init.value : 0;
  Parameter& parameter = add_parameter(std::move(name), Tensor::full(std::move(shape), start));
  parameter.init = init;
  return parameter;
}

Tensor& Module::add_buffer(std::string name, Tensor value) {
  check_name(name);
  return *buffers_.emplace_back(std::move(name), std::make_unique<Tensor>(std::move(value))).second;
}

void Module::check_name(const std::string& name) const {
  FR_CHECK(!name.empty(), "module: expected a name, got ''");
  FR_CHECK(!holds(parameters_, name) && !holds(buffers_, name) && !holds(children_, name),
           "module: the name '", name, "' is taken");
}

}  // namespace fr
