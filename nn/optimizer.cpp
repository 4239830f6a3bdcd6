// v <- momentum v + g, p <- p - lr v (Torch) or v <- momentum v + lr g, p <- p - v (Caffe); see SgdStep for
// Nesterov's forms.  Polyak 1964; Nesterov 1983; Sutskever et al. 2013.
#include "nn/optimizer.h"

#include <cmath>

#include "nn/step_memory.h"
#include "nn/update_entries.h"

namespace fr {

double Optimizer::step(double lr, int64_t number) {
  const StepMemory numbers(device());
  numbers.set({.step = static_cast<uint64_t>(number), .learning_rate = lr});
  update(numbers.at());
  const double norm = std::sqrt(numbers.get().squared_norm);
  if (std::isfinite(norm)) next_ = number + 1;
  return norm;
}

template <class T>
SgdParameter<T> Sgd::described(const Entry& e, const Kernels<T>&) {
  const Parameter& parameter = *e.parameter;
  const Tensor& p = parameter.var.value();
  FR_CHECK(p.device() == e.velocity.device(), "sgd: '", e.name, "' moved to ", to_string(p.device()),
           " after the optimiser was made");
  return {p.data(), e.velocity.data(),       parameter.var.grad().data(), parameter.var.low().data(),
          p.size(), parameter.lr_multiplier, parameter.decay_multiplier};
}

Sgd::Sgd(std::vector<std::pair<std::string, Parameter*>> parameters, const SgdOptions& options)
    : options_(options) {
  FR_CHECK(options.momentum >= 0 && options.momentum < 1, "sgd: expected 0 <= momentum < 1, got ",
           options.momentum);
  FR_CHECK(options.weight_decay >= 0, "sgd: expected weight_decay >= 0, got ", options.weight_decay);
  FR_CHECK(options.clip_norm >= 0, "sgd: expected clip_norm >= 0, got ", options.clip_norm);
  for (auto& [name, parameter] : parameters) {
    if (!parameter->var.requires_grad()) continue;
    const Tensor& value = parameter->var.value();
    entries_.push_back({name, parameter, Tensor::zeros(value.shape(), value.dtype(), value.device())});
  }
}

Device Sgd::device() const { return entries_.empty() ? Device::cpu : entries_.front().velocity.device(); }

DType Sgd::maps() const {
  for (const Entry& e : entries_)
    if (e.parameter->var.low()) return DType::bfloat16;
  return entries_.empty() ? DType::float32 : entries_.front().velocity.dtype();
}

void Sgd::update(StepState* state, const Tensor& also) {
  SgdStep s;
  s.momentum = options_.momentum, s.form = options_.form, s.nesterov = options_.nesterov;
  s.decay = options_.weight_decay;
  std::vector<const Entry*> entries;
  for (const Entry& e : entries_)
    if (takes_part(*e.parameter)) entries.push_back(&e);
  const auto describe = [](const Entry& e, const auto& k) { return described(e, k); };
  update_entries(
      entries, maps(), device(), state, also, describe, [&](const auto& k, const auto* list, int64_t count) {
        k.sgd_update_many(list, count, s, &state->learning_rate, &state->squared_norm, options_.clip_norm);
      });
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
