// v <- momentum v + g, p <- p - lr v (Torch) or v <- momentum v + lr g, p <- p - v (Caffe); see SgdStep for
// Nesterov's forms.  Polyak 1964; Nesterov 1983; Sutskever et al. 2013.
#include "nn/optimizer.h"

#include <cmath>

#include "nn/gradient_blocks.h"

namespace fr {

namespace {

bool takes_part(const Parameter& parameter) {
  return parameter.var.has_gradient() && parameter.lr_multiplier != 0;
}

// n elements of a parameter from `begin` on, and their gradient.
template <class T>
SgdParameter<T> part_of(SgdParameter<T> p, int64_t begin, int64_t n, const Tensor& g) {
  p.p += begin, p.v += begin, p.g = g.data(), p.n = n;
  if (p.low) p.low += begin;
  return p;
}

}  // namespace

Sgd::Sgd(std::vector<std::pair<std::string, Parameter*>> parameters, const SgdOptions& options)
    : options_(options), state_(Device::cpu) {
  FR_CHECK(options.momentum >= 0 && options.momentum < 1, "sgd: expected 0 <= momentum < 1, got ",
           options.momentum);
  FR_CHECK(options.weight_decay >= 0, "sgd: expected weight_decay >= 0, got ", options.weight_decay);
  FR_CHECK(options.clip_norm >= 0, "sgd: expected clip_norm >= 0, got ", options.clip_norm);
  for (auto& [name, parameter] : parameters) {
    if (!parameter->var.requires_grad()) continue;
    const Tensor& value = parameter->var.value();
    entries_.push_back({name, parameter, Tensor::zeros(value.shape(), value.dtype(), value.device())});
  }
  state_ = StepMemory(device());
}

Device Sgd::device() const { return entries_.empty() ? Device::cpu : entries_.front().velocity.device(); }

DType Sgd::maps() const {
  for (const Entry& e : entries_)
    if (e.parameter->var.low()) return DType::bfloat16;
  return entries_.empty() ? DType::float32 : entries_.front().velocity.dtype();
}

// g is null, or a part, where the gradient is formed by rows.
template <class T>
SgdParameter<T> Sgd::described(const Entry& e) const {
  const Parameter& parameter = *e.parameter;
  const Tensor& p = parameter.var.value();
  FR_CHECK(p.device() == e.velocity.device(), "sgd: '", e.name, "' moved to ", to_string(p.device()),
           " after the optimiser was made");
  return {p.data(), e.velocity.data(),       parameter.var.grad().data(), parameter.var.low().data(),
          p.size(), parameter.lr_multiplier, parameter.decay_multiplier};
}

// Whole gradients in one pass, in order of registration; then those formed by rows: once for the norm and, when that is
// known, once for the update of each block.
void Sgd::update(StepState* state, const Tensor& also) {
  SgdStep s;
  s.momentum = options_.momentum, s.form = options_.form, s.nesterov = options_.nesterov;
  s.decay = options_.weight_decay;
  std::vector<const Entry*> whole, by_rows;
  for (const Entry& e : entries_)
    if (takes_part(*e.parameter)) (e.parameter->var.has_row_forms() ? by_rows : whole).push_back(&e);
  std::vector<Tensor> in_norm;
  if (also) in_norm.push_back(also);
  for (const Entry* e : by_rows) in_norm.push_back(gradient_block_norms(e->parameter->var));
  with_kernels(maps(), device(), [&]<class T>(const Kernels<T>& k) {
    std::vector<SgdParameter<T>> list;
    for (const Entry* e : whole) list.push_back(described<T>(*e));
    for (const Tensor& g : in_norm) list.push_back({nullptr, nullptr, g.data(), nullptr, g.size()});
    const auto apply = [&](const SgdParameter<T>* parameters, size_t count) {
      k.sgd_update_many(parameters, int64_t(count), s, &state->learning_rate, &state->squared_norm,
                        options_.clip_norm);
    };
    k.squared_norm_many(&state->squared_norm, list.data(), int64_t(list.size()));
    apply(list.data(), whole.size());
    for (const Entry* e : by_rows)
      for_gradient_blocks(e->parameter->var, [&](const Tensor& g, int64_t begin, int64_t n) {
        const SgdParameter<T> block = part_of(described<T>(*e), begin, n, g);
        apply(&block, 1);
      });
  });
}

double Sgd::step(double lr) {
  state_.set({.learning_rate = lr});
  update(state_.at());
  return std::sqrt(state_.get().squared_norm);
}

void Sgd::zero_grad() {
  for (Entry& e : entries_) e.parameter->var.zero_grad();
}

std::vector<std::pair<std::string, Tensor>> Sgd::state() const {
  std::vector<std::pair<std::string, Tensor>> all;
  for (const Entry& e : entries_) all.emplace_back(e.name, e.velocity);
  return all;
}

}  // namespace fr
