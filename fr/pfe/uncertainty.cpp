#include "fr/pfe/uncertainty.h"

#include <cmath>

namespace fr {
namespace {

constexpr double kEps = 1e-3, kLeastVariance = 1e-6;

LinearSpec fc(int64_t inputs, int64_t D) { return {inputs, D, Bias::without, Init::caffe_xavier()}; }

}  // namespace

Uncertainty::Uncertainty(const UncertaintyOptions& o) : options_(o) {
  FR_CHECK(o.inputs > 0 && o.D > 0, "uncertainty: expected positive sizes, got inputs ", o.inputs, ", D ",
           o.D);
  FR_CHECK(o.decay >= 0 && o.decay < 1, "uncertainty: expected 0 <= decay < 1, got ", o.decay);
  const BatchNormSpec norm{.C = o.D, .eps = kEps, .momentum = 1 - o.decay};
  layers_.push_back(&add_child<Linear>("fc1", fc(o.inputs, o.D)));
  layers_.push_back(&add_child<BatchNorm>("bn1", norm));
  layers_.push_back(&add_child<ReLU>("relu"));
  layers_.push_back(&add_child<Linear>("fc2", fc(o.D, o.D)));
  auto& plain = add_child<BatchNorm>("bn2", norm);
  for (auto& [name, parameter] : plain.parameters())
    parameter->var = Var(parameter->var.value());  // stay 1 and 0
  layers_.push_back(&plain);
  gamma_ = &add_parameter("gamma", {1}, Init::constant(o.gamma));
  beta_ = &add_parameter("beta", {1}, Init::constant(o.beta));
  gamma_->decay_multiplier = beta_->decay_multiplier = 0;
  running_log_variance_ =
      &add_buffer("running_log_variance", Tensor::full({1}, std::log(kLeastVariance + std::exp(o.beta))));
  initialise(o.seed);
}

Var Uncertainty::forward(const Var& x) {
  FR_CHECK(x && x.dim(0) > 0 && x.value().size() == x.dim(0) * options_.inputs, "uncertainty: expected (N, ",
           options_.inputs, " numbers in all), got ", x ? to_string(x.shape()) : "nothing");
  FR_CHECK(!training() || x.dim(0) > 1,
           "uncertainty: training normalises over the batch; expected two pictures or more");
  const Var u = add(mul(chain(layers_, flatten(x)), gamma_->var), beta_->var);
  const Var log_variance = unary(affine(unary(u, Unary::exp), 1, kLeastVariance), Unary::log);
  if (training()) track(log_variance.value());
  return log_variance;
}

// running <- decay running + (1 - decay) mean
void Uncertainty::track(const Tensor& log_variance) {
  const NoGrad no_grad;
  const Tensor now = mean(Var(log_variance)).value();
  with_kernels(now, [&](const auto& k) {
    const auto running = running_log_variance_->data();
    k.affine_forward(running, running, options_.decay, 0, 1);
    k.add_scaled(running, now.data(), 1 - options_.decay, 1);
  });
}

double Uncertainty::typical_variance() const { return std::exp(running_log_variance_->item()); }

}  // namespace fr
