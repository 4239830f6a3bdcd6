// v <- momentum v + g, p <- p - lr v (Torch) or v <- momentum v + lr g, p <- p - v (Caffe); see SgdStep for
// Nesterov's forms.  Polyak 1964; Nesterov 1983; Sutskever et al. 2013.
#include "nn/optimizer.h"

#include <cmath>

namespace fr {

namespace {

bool takes_part(const Parameter& parameter) { return parameter.var.grad() && parameter.lr_multiplier != 0; }

double squared_norm(const Tensor& g) {
  Tensor sum(Shape{}, g.dtype());
  with_kernels(g, [&](const auto& k) { k.dot(sum.data(), g.data(), g.data(), g.size()); });
  return sum.item();
}

}  // namespace

Sgd::Sgd(std::vector<std::pair<std::string, Parameter*>> parameters, const SgdOptions& options)
    : options_(options) {
  FR_CHECK(options.momentum >= 0 && options.momentum < 1, "sgd: expected 0 <= momentum < 1, got ",
           options.momentum);
  FR_CHECK(options.weight_decay >= 0, "sgd: expected weight_decay >= 0, got ", options.weight_decay);
  FR_CHECK(options.clip_norm >= 0, "sgd: expected clip_norm >= 0, got ", options.clip_norm);
  for (auto& [name, parameter] : parameters) {
    if (!parameter->var.requires_grad()) continue;
    const Tensor& value = parameter->var.value();
    entries_.push_back({name, parameter, Tensor::zeros(value.shape(), value.dtype())});
  }
}

// In order of registration, one double per tensor.
double Sgd::gradient_norm() const {
  double sum = 0;
  for (const Entry& e : entries_)
    if (takes_part(*e.parameter)) sum += squared_norm(e.parameter->var.grad());
  return std::sqrt(sum);
}

double Sgd::step(double lr) {
  const double norm = gradient_norm();
  if (!std::isfinite(norm)) return norm;
  SgdStep s;
  s.momentum = options_.momentum, s.form = options_.form, s.nesterov = options_.nesterov;
  if (options_.clip_norm > 0 && norm > options_.clip_norm) s.gradient_scale = options_.clip_norm / norm;
  for (Entry& e : entries_) {
    if (!takes_part(*e.parameter)) continue;
    s.lr = lr * e.parameter->lr_multiplier;
    s.decay = options_.weight_decay * e.parameter->decay_multiplier;
    const Tensor &p = e.parameter->var.value(), &g = e.parameter->var.grad();
    with_kernels(p, [&](const auto& k) { k.sgd_update(p.data(), e.velocity.data(), g.data(), s, p.size()); });
  }
  return norm;
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
