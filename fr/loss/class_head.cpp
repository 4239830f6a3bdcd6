#include "fr/loss/class_head.h"

#include <algorithm>
#include <cmath>

#include "base/philox.h"

namespace fr {
namespace {

constexpr double kTiny = 1e-12;  // a shorter row has no direction

// Row m of w <- N(0, 1/D), a function of (seed, step, row).
void redraw_row(const Tensor& w, int64_t m, uint64_t seed, int64_t step) {
  const int64_t D = w.dim(1);
  const uint64_t draw = uint64_t(step) * uint64_t(w.dim(0)) + uint64_t(m);
  Random random({seed, Purpose::initialise, draw, 0xffff});
  std::vector<double> row(static_cast<size_t>(D));
  for (double& v : row) v = random.normal() / std::sqrt(double(D));
  const Tensor drawn = Tensor::from(row, {D}, w.dtype(), w.device());
  with_kernels(
      w, [&]<class T>(const Kernels<T>& k) { k.copy(w.as<T>() + m * D, drawn.as<T>(), drawn.bytes()); });
}

// w_m <- w_m / |w_m| in place, some rows at a time.
void scale_rows_to_unit(const Tensor& w) {
  const int64_t M = w.dim(0), D = w.dim(1), B = std::min<int64_t>(M, 256);
  const Tensor unit = like(w, {B, D}), norm = like(w, {B});
  with_kernels(w, [&]<class T>(const Kernels<T>& k) {
    for (int64_t m = 0; m < M; m += B) {
      const int64_t rows = std::min(B, M - m);
      auto* row = w.as<Wide<T>>() + m * D;
      k.l2_normalize_forward(unit.data(), norm.data(), row, rows, D, Wide<T>(kTiny));
      k.copy(row, unit.as<T>(), size_t(rows * D) * sizeof(T));
    }
  });
}

}  // namespace

double Annealing::lambda(int64_t t) const {
  FR_CHECK(t >= 1, "annealing: t counts from 1, got ", t);
  return std::max(minimum, base * std::pow(1 + gamma * double(t), -power));
}

ClassHead::ClassHead(const LossOptions& options, int64_t classes, int64_t D, uint64_t seed)
    : options_(options), last_(classes), seed_(seed) {
  FR_CHECK(classes > 0 && D > 0, "class head: expected classes and D > 0, got ", classes, " and ", D);
  FR_CHECK(!options.bias || options.kind == LossKind::softmax,
           "class head: only the softmax loss has a bias");
  weight_ = &add_parameter("weight", {classes, D}, Init::caffe_xavier());
  if (options.bias) {
    bias_ = &add_parameter("bias", {classes}, Init::constant(0));
    bias_->lr_multiplier = 2, bias_->decay_multiplier = 0;
  }
  initialise(seed);
}

double ClassHead::lambda_at(int64_t step) const {
  return options_.kind == LossKind::a_softmax ? options_.annealing.lambda(step + 1) : 0;
}

MarginOptions ClassHead::margin_options(const StepAt& at) const {
  MarginOptions o;
  o.gradient = options_.gradient;
  if (o.gradient != MarginGradient::caffe_normalised) o.products = products_;
  o.scale = options_.kind == LossKind::cosface ? LogitScale::fixed : LogitScale::embedding_norm;
  o.s = options_.scale;
  if (options_.kind == LossKind::cosface) o.margin = {Margin::Kind::cosface, options_.margin, 0};
  if (options_.kind == LossKind::a_softmax)
    o.margin = {Margin::Kind::a_softmax, double(options_.m), lambda_at(at.step),
                at.state ? &at.state->lambda : nullptr};
  return o;
}

bool ClassHead::redraw_short_rows(const Tensor& norm, int64_t step) {
  const std::vector<double> length = norm.host<double>();
  bool any = false;
  for (size_t m = 0; m < length.size(); ++m)
    if (length[m] < kTiny) redraw_row(weight_->var.value(), int64_t(m), seed_, step), any = true;
  return any;
}

// min_m norm_m as -max(-norm)
void ClassHead::measure_shortest(const Tensor& norm) {
  const Tensor opposite = like(norm, norm.shape()), largest = like(norm, {});
  shortest_ = like(norm, {});
  with_kernels(norm, [&](const auto& k) {
    k.affine_forward(opposite.data(), norm.data(), -1, 0, norm.size());
    k.reduce_forward(largest.data(), opposite.data(), Reduce::max, 1, norm.size(), 1);
    k.affine_forward(shortest_.data(), largest.data(), -1, 0, 1);
  });
}

void ClassHead::redraw(int64_t step) {
  const Tensor& w = weight_->var.value();
  const Tensor unit = like(w, w.shape()), norm = like(w, {w.dim(0)});
  with_kernels(w, [&](const auto& k) {
    k.l2_normalize_forward(unit.data(), norm.data(), w.data(), w.dim(0), w.dim(1), kTiny);
  });
  redraw_short_rows(norm, step);
}

// The forward pass measures the rows; the rare short one costs a second pass.
Var ClassHead::margin_loss(const Var& embedding, const Tensor& labels, const StepAt& at) {
  const MarginOptions options = margin_options(at);
  MarginOutput output;
  Var loss;
  do {
    if (options.gradient == MarginGradient::caffe_normalised) scale_rows_to_unit(weight_->var.value());
    loss = margin_cross_entropy(embedding, weight_->var, labels, options, &output);
    prediction_ = output.prediction;
    if (!output.class_norm.on_host()) return measure_shortest(output.class_norm), loss;
  } while (redraw_short_rows(output.class_norm, at.step));
  return loss;
}

double ClassHead::last_accuracy() const {
  const std::vector<int64_t> guess = prediction_.host<int64_t>(), label = labels_.host<int64_t>();
  int64_t hits = 0;
  for (size_t n = 0; n < label.size(); ++n) hits += guess[n] == label[n];
  return label.empty() ? 0 : double(hits) / double(label.size());
}

Var ClassHead::loss(const Var& embedding, const Tensor& labels, const StepAt& at) {
  FR_CHECK(at.step >= 0, "class head: steps count from 0, got ", at.step);
  lambda_ = lambda_at(at.step), labels_ = labels, shortest_ = {};
  if (options_.kind != LossKind::softmax) return margin_loss(embedding, labels, at);
  const Var z = linear(embedding, weight_->var, bias_ ? bias_->var : Var());
  const Var loss = softmax_cross_entropy(z, labels);
  prediction_ = Tensor({z.dim(0)}, DType::int64, z.device());
  with_kernels(z.value(), [&](const auto& k) {
    k.argmax_rows(prediction_.data(), z.value().data(), z.dim(0), z.dim(1));
  });
  return loss;
}

Var ClassHead::forward(const Var& embedding) {
  switch (options_.kind) {
    case LossKind::softmax:
      return linear(embedding, weight_->var, bias_ ? bias_->var : Var());
    case LossKind::cosface:
      return affine(linear(l2_normalize(embedding), l2_normalize(weight_->var)), options_.scale, 0);
    case LossKind::modified_softmax:
    case LossKind::a_softmax:
      break;
  }
  return linear(embedding, l2_normalize(weight_->var));
}

}  // namespace fr
