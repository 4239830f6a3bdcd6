// m <- beta1 m + (1 - beta1) g, v <- beta2 v + (1 - beta2) g^2, p <- p - lr mh / (sqrt(vh) + eps), where mh and vh are m and
// v divided by 1 - beta^t: tensor/adam_rule.h.  Kingma and Ba 2015, Algorithm 1.
#include "nn/adam.h"

#include "nn/update_entries.h"

namespace fr {

namespace {

void check(const AdamOptions& o) {
  FR_CHECK(o.beta1 >= 0 && o.beta1 < 1, "adam: expected 0 <= beta1 < 1, got ", o.beta1);
  FR_CHECK(o.beta2 >= 0 && o.beta2 < 1, "adam: expected 0 <= beta2 < 1, got ", o.beta2);
  FR_CHECK(o.eps > 0, "adam: expected eps > 0, got ", o.eps);
  FR_CHECK(o.weight_decay >= 0, "adam: expected weight_decay >= 0, got ", o.weight_decay);
  FR_CHECK(o.clip_norm >= 0, "adam: expected clip_norm >= 0, got ", o.clip_norm);
}

}  // namespace

Adam::Adam(std::vector<std::pair<std::string, Parameter*>> parameters, const AdamOptions& options)
    : options_(options) {
  check(options);
  for (auto& [name, parameter] : parameters) {
    if (!parameter->var.requires_grad()) continue;
    const Tensor& p = parameter->var.value();
    entries_.push_back({name, parameter, Tensor::zeros(p.shape(), p.dtype(), p.device()),
                        Tensor::zeros(p.shape(), p.dtype(), p.device())});
  }
}

Device Adam::device() const { return entries_.empty() ? Device::cpu : entries_.front().m.device(); }

DType Adam::maps() const {
  for (const Entry& e : entries_)
    if (e.parameter->var.low()) return DType::bfloat16;
  return entries_.empty() ? DType::float32 : entries_.front().m.dtype();
}

template <class T>
AdamParameter<T> Adam::described(const Entry& e, const Kernels<T>&) {
  const Parameter& parameter = *e.parameter;
  const Tensor& p = parameter.var.value();
  FR_CHECK(p.device() == e.m.device(), "adam: '", e.name, "' moved to ", to_string(p.device()),
           " after the optimiser was made");
  return {p.data(),
          e.m.data(),
          e.v.data(),
          parameter.var.grad().data(),
          parameter.var.low().data(),
          p.size(),
          parameter.lr_multiplier,
          parameter.decay_multiplier};
}

void Adam::update(StepState* state, const Tensor& also) {
  const AdamStep s{options_.beta1, options_.beta2, options_.eps, options_.weight_decay, options_.decoupled};
  std::vector<const Entry*> entries;
  for (const Entry& e : entries_)
    if (takes_part(*e.parameter)) entries.push_back(&e);
  const auto describe = [](const Entry& e, const auto& k) { return described(e, k); };
  update_entries(entries, maps(), device(), state, also, describe,
                 [&](const auto& k, const auto* list, int64_t count) {
                   k.adam_update_many(list, count, s, state, options_.clip_norm);
                 });
}

void Adam::zero_grad() {
  for (Entry& e : entries_) e.parameter->var.zero_grad();
}

std::vector<std::pair<std::string, Tensor>> Adam::state() const {
  std::vector<std::pair<std::string, Tensor>> all;
  for (const Entry& e : entries_) all.emplace_back(e.name + ".m", e.m), all.emplace_back(e.name + ".v", e.v);
  return all;
}

}  // namespace fr
