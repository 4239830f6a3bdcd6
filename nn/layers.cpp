// Layers own weights and call ops; no mathematics here.
#include "nn/layers.h"

#include <limits>
#include <utility>

#include "nn/lsuv.h"

namespace fr {

Conv2d::Conv2d(const Conv2dSpec& spec) : window_(spec.window) {
  FR_CHECK(spec.C > 0 && spec.K > 0 && spec.R > 0 && spec.S > 0 && window_.groups > 0 &&
               spec.C % window_.groups == 0 && spec.K % window_.groups == 0,
           "Conv2d: expected positive sizes with groups dividing C and K, got C ", spec.C, ", K ", spec.K,
           ", R ", spec.R, ", S ", spec.S, ", groups ", window_.groups);
  weight_ = &add_parameter("weight", {spec.K, spec.R, spec.S, spec.C / window_.groups}, spec.init);
  weight_->in_products = true;
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

Var Conv2d::forward_with_statistics(const Var& x, const RunningStatistics& running,
                                    BatchStatistics& of_result) {
  return conv2d_with_statistics(x, weight_->var, window_, running, of_result);
}

ParallelConv2d::ParallelConv2d(const std::vector<Conv2dSpec>& branches) {
  FR_CHECK(!branches.empty(), "ParallelConv2d: expected one convolution or more, got none");
  for (size_t i = 0; i < branches.size(); ++i)
    branches_.push_back(&add_child<Conv2d>(cat("branch", i + 1), branches[i]));
}

Var ParallelConv2d::forward(const Var& x) {
  std::vector<Var> maps;
  for (Module* branch : branches_) maps.push_back(chain({branch}, x));
  return concat_channels(maps);
}

Linear::Linear(const LinearSpec& spec) {
  FR_CHECK(spec.D > 0 && spec.M > 0, "Linear: expected positive sizes, got D ", spec.D, ", M ", spec.M);
  weight_ = &add_parameter("weight", {spec.M, spec.D}, spec.init);
  weight_->in_products = true;
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

Var BatchNorm::forward_fused(const Var& x, const BatchNormFinishing& finish) {
  const BatchNormMode mode = training() ? BatchNormMode::training : BatchNormMode::inference;
  return batch_norm(x, gamma_->var, beta_->var, *mean_, *var_, mode, spec_.eps, spec_.momentum, finish);
}

void BatchNorm::line(Tensor& scale, Tensor& shift) const {
  scale = like(*mean_, {spec_.C}), shift = like(*mean_, {spec_.C});
  with_kernels(scale, [&](const auto& k) {
    k.batch_norm_line(scale.data(), shift.data(), gamma_->var.value().data(), beta_->var.value().data(),
                      mean_->data(), var_->data(), spec_.C, spec_.eps);
  });
}

PReLU::PReLU(int64_t C, double slope) {
  FR_CHECK(C > 0, "PReLU: expected C > 0, got ", C);
  slope_ = &add_parameter("weight", {C}, Init::constant(slope));
  slope_->slope = true;
}

Var PReLU::forward(const Var& x) { return prelu(x, slope_->var); }

Var ReLU::slope(int64_t C, const Var& x) {
  const DType type = wide(x.dtype());
  if (!zeros_ || zeros_.dim(0) != C || zeros_.dtype() != type || zeros_.device() != x.device())
    zeros_ = Var(Tensor::zeros({C}, type, x.device()));
  return zeros_;
}

Arfa::Arfa(int64_t C) {
  FR_CHECK(C > 0, "Arfa: expected C > 0, got ", C);
  a_ = &add_parameter("weight", {C}, Init::constant(1));
  a_->decay_multiplier = 0;
  k_ = &add_buffer("k", Tensor::full({1}, 1));
}

Var Arfa::forward(const Var& x) {
  if (LsuvPass* pass = LsuvPass::current()) {
    k_->fill(1);
    pass->set(*k_, arfa(x, a_->var, *k_).value());
  }
  return arfa(x, a_->var, *k_);
}

void Arfa::keep_in_bounds() {
  const Tensor& a = a_->var.value();
  with_kernels(a, [&](const auto& k) {
    k.clamp(a.data(), a.data(), kLeast, std::numeric_limits<float>::infinity(), a.size());
  });
}

Dropout::Dropout(double p, uint32_t stream) : p_(p), stream_(stream) {
  FR_CHECK(p >= 0 && p < 1, "Dropout: expected 0 <= p < 1, got ", p);
  FR_CHECK(stream < (1u << 16), "Dropout: expected a stream below 65536, got ", stream);
}

Var Dropout::forward(const Var& x) {
  if (!training()) return x;
  const RandomState& state = random_state();
  return dropout(x, p_, {state.seed, Purpose::dropout, state.step, stream_, state.step_at});
}

Var GlobalAveragePool::forward(const Var& x) {
  FR_CHECK(x && x.shape().size() == 4, "GlobalAveragePool: expected (N,H,W,C), got ",
           x ? to_string(x.shape()) : "nothing");
  return reduce(reshape(x, {x.dim(0), x.dim(1) * x.dim(2), x.dim(3)}), Reduce::mean, 1);
}

namespace {

// The chain as far as it has come. Each step takes the next layer, and what it can do in the same pass.
struct Chain {
  const std::vector<Module*>& layers;
  Var y, residual;  // the residual is empty once it is added
  size_t i = 0;
  BatchStatistics known = {};  // of y

  bool done() const { return i == layers.size(); }
  int64_t channels() const { return y.shape().empty() ? 0 : y.dim(-1); }
  template <class M>
  M* take() {
    M* layer = done() ? nullptr : dynamic_cast<M*>(layers[i]);
    if (layer) ++i;
    return layer;
  }
  // Of the activation that comes next, if there is one, on maps of C channels.
  Var take_slope(int64_t C) {
    if (const auto* activation = take<PReLU>()) return activation->slope();
    auto* activation = take<ReLU>();
    return activation ? activation->slope(C, y) : Var();
  }
  // The residual, when nothing else comes before it and y keeps its shape until then.
  Var take_residual(bool fits = true) {
    return done() && residual && fits ? std::exchange(residual, {}) : Var();
  }
  bool residual_fits() const { return residual && residual.shape() == y.shape(); }

  void convolution(Conv2d& conv) {
    Conv2dFinishing finish{{}, conv.bias(), {}, {}};
    if (!finish.shift)
      if (const auto* norm = take<BatchNorm>()) norm->line(finish.scale, finish.shift);
    if (const Var slope = take_slope(conv.filters())) finish.slope = slope.value();
    if (const Var r = take_residual()) finish.residual = r.value();
    y = conv.forward_fused(y, finish);
  }
  // The convolution whose result a batch norm in training takes up, or null.
  Conv2d* before_norm() const {
    auto* conv = dynamic_cast<Conv2d*>(layers[i]);
    if (!conv || conv->bias() || i + 1 == layers.size()) return nullptr;
    const auto* norm = dynamic_cast<const BatchNorm*>(layers[i + 1]);
    return norm && norm->training() ? conv : nullptr;
  }
  void step() {
    const bool inference = !grad_enabled() && !layers[i]->training();
    if (auto* conv = inference ? take<Conv2d>() : nullptr) return convolution(*conv);
    if (Conv2d* conv = before_norm()) {
      const auto& norm = static_cast<const BatchNorm&>(*layers[++i]);
      y = conv->forward_with_statistics(y, norm.running(), known);
    } else if (auto* norm = take<BatchNorm>()) {
      BatchNormFinishing finish{take_slope(channels()), {}, std::exchange(known, {})};
      finish.residual = take_residual(residual_fits());
      y = norm->forward_fused(y, finish);
    } else if (const Var slope = take_slope(channels())) {
      y = prelu(y, slope, take_residual(residual_fits()));
    } else {
      y = layers[i++]->forward(y);
    }
  }
};

}  // namespace

Var chain(const std::vector<Module*>& layers, const Var& x, const Var& residual) {
  Chain chain{layers, x, residual};
  while (!chain.done()) chain.step();
  return chain.residual ? add(chain.residual, chain.y) : chain.y;
}

}  // namespace fr
