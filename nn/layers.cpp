// Layers own weights and call ops; no mathematics here.
#include "nn/layers.h"

namespace fr {

Conv2d::Conv2d(const Conv2dSpec& spec) : window_(spec.window) {
  FR_CHECK(spec.C > 0 && spec.K > 0 && spec.R > 0 && spec.S > 0 && window_.groups > 0 &&
               spec.C % window_.groups == 0 && spec.K % window_.groups == 0,
           "Conv2d: expected positive sizes with groups dividing C and K, got C ", spec.C, ", K ", spec.K,
           ", R ", spec.R, ", S ", spec.S, ", groups ", window_.groups);
  weight_ = &add_parameter("weight", {spec.K, spec.R, spec.S, spec.C / window_.groups}, spec.init);
  if (spec.bias == Bias::without) return;
  bias_ = &add_parameter("bias", {spec.K}, Init::constant(0));
  bias_->lr_multiplier = spec.bias_lr_multiplier;
  bias_->decay_multiplier = spec.bias_decay_multiplier;
}

Var Conv2d::forward(const Var& x) { return conv2d(x, weight_->var, bias_ ? bias_->var : Var(), window_); }

Var Conv2d::forward_fused(const Var& x, const Conv2dFinishing& finish) {
  if (!prepared()) return conv2d_fused(x, weight_->var, finish, window_);
  if (arranged_for_ != x.shape())
    arranged_ = conv2d_prepare(x, weight_->var, window_), arranged_for_ = x.shape();
  return conv2d_fused(x, weight_->var, finish, window_, arranged_);
}

Linear::Linear(const LinearSpec& spec) {
  FR_CHECK(spec.D > 0 && spec.M > 0, "Linear: expected positive sizes, got D ", spec.D, ", M ", spec.M);
  weight_ = &add_parameter("weight", {spec.M, spec.D}, spec.init);
  if (spec.bias == Bias::without) return;
  bias_ = &add_parameter("bias", {spec.M}, Init::constant(0));
  bias_->lr_multiplier = spec.bias_lr_multiplier;
  bias_->decay_multiplier = spec.bias_decay_multiplier;
}

Var Linear::forward(const Var& x) { return linear(x, weight_->var, bias_ ? bias_->var : Var()); }

BatchNorm::BatchNorm(const BatchNormSpec& spec) : spec_(spec) {
  FR_CHECK(spec.C > 0, "BatchNorm: expected C > 0, got ", spec.C);
  gamma_ = &add_parameter("weight", {spec.C}, Init::constant(1));
  beta_ = &add_parameter("bias", {spec.C}, Init::constant(0));
  if (spec.scale == BatchNormSpec::Scale::fixed) gamma_->var = Var(gamma_->var.value(), false);
  mean_ = &add_buffer("running_mean", Tensor::zeros({spec.C}));
  var_ = &add_buffer("running_var", Tensor::full({spec.C}, 1));
}

Var BatchNorm::forward(const Var& x) {
  const BatchNormMode mode = training() ? BatchNormMode::training : BatchNormMode::inference;
  return batch_norm(x, gamma_->var, beta_->var, *mean_, *var_, mode, spec_.eps, spec_.momentum);
}

void BatchNorm::line(Tensor& scale, Tensor& shift) const {
  scale = Tensor({spec_.C}), shift = Tensor({spec_.C});
  with_kernels(scale, [&](const auto& k) {
    k.batch_norm_line(scale.data(), shift.data(), gamma_->var.value().data(), beta_->var.value().data(),
                      mean_->data(), var_->data(), spec_.C, spec_.eps);
  });
}

PReLU::PReLU(int64_t C, double slope) {
  FR_CHECK(C > 0, "PReLU: expected C > 0, got ", C);
  slope_ = &add_parameter("weight", {C}, Init::constant(slope));
}

Var PReLU::forward(const Var& x) { return prelu(x, slope_->var); }

Dropout::Dropout(double p, uint32_t stream) : p_(p), stream_(stream) {
  FR_CHECK(p >= 0 && p < 1, "Dropout: expected 0 <= p < 1, got ", p);
  FR_CHECK(stream < (1u << 16), "Dropout: expected a stream below 65536, got ", stream);
}

Var Dropout::forward(const Var& x) {
  if (!training()) return x;
  const RandomState& state = random_state();
  return dropout(x, p_, {state.seed, Purpose::dropout, state.step, stream_});
}

Var chain(const std::vector<Module*>& layers, const Var& x, const Var& residual) {
  Var y = x;
  bool added = !residual;
  const auto layer = [&](size_t i) { return i < layers.size() ? layers[i] : nullptr; };
  for (size_t i = 0; i < layers.size();) {
    auto* conv = grad_enabled() || layers[i]->training() ? nullptr : dynamic_cast<Conv2d*>(layers[i]);
    if (!conv) {
      y = layers[i++]->forward(y);
      continue;
    }
    Conv2dFinishing finish{{}, conv->bias(), {}, {}};
    ++i;
    if (const auto* norm = dynamic_cast<BatchNorm*>(layer(i)); norm && !finish.shift)
      norm->line(finish.scale, finish.shift), ++i;
    if (const auto* activation = dynamic_cast<PReLU*>(layer(i))) finish.slope = activation->slope(), ++i;
    if (!added && i == layers.size()) finish.residual = residual.value(), added = true;
    y = conv->forward_fused(y, finish);
  }
  return added ? y : add(residual, y);
}

}  // namespace fr
