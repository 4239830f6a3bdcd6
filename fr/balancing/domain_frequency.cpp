#include "fr/balancing/domain_frequency.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace fr {
namespace {

constexpr const char* kName = "domain frequency";

Tensor all_labels(int64_t classes, Device device) {
  std::vector<int64_t> labels(static_cast<size_t>(classes));
  std::iota(labels.begin(), labels.end(), int64_t{0});
  return Tensor::from(labels, {classes}).to(device);
}

}  // namespace

int64_t neighbours_of(const DomainFrequencyOptions& o, int64_t classes) {
  const int64_t usual = classes >= 10000 ? 100 : std::max<int64_t>(3, std::llround(0.0095 * double(classes)));
  const int64_t K = o.neighbours == DomainFrequencyOptions::kUsualNeighbours ? usual : o.neighbours;
  return std::min(K, classes - 1);
}

void check(const DomainFrequencyOptions& o) {
  using O = DomainFrequencyOptions;
  FR_CHECK(o.neighbours >= 0 || o.neighbours == O::kUsualNeighbours, kName,
           ": expected neighbours >= 0, got ", o.neighbours);
  FR_CHECK((o.scale > 0 && std::isfinite(o.scale)) || o.scale == O::kUsualScale, kName,
           ": expected a scale > 0, got ", o.scale);
  FR_CHECK(o.eps >= 0 && std::isfinite(o.eps), kName, ": expected eps > 0, or 0 for auto, got ", o.eps);
  FR_CHECK(o.refresh >= 1, kName, ": expected a refresh every 1 or more steps, got ", o.refresh);
  FR_CHECK(o.warmup >= 0 && std::isfinite(o.warmup) && o.epoch_steps >= 1, kName,
           ": expected a warm-up >= 0 of epochs of 1 or more steps, got ", o.warmup, " and ", o.epoch_steps);
}

DomainFrequencyIndicator::DomainFrequencyIndicator(const DomainFrequencyOptions& options, int64_t classes,
                                                   double logit_scale)
    : options_(options),
      neighbours_(neighbours_of(options, classes)),
      scale_(options.scale == DomainFrequencyOptions::kUsualScale ? logit_scale : options.scale),
      dfi_(add_buffer("dfi", Tensor::full({std::max<int64_t>(classes, 0)}, 1))),
      ic_(add_buffer("ic", Tensor::zeros({std::max<int64_t>(classes, 0)}))),
      eps_(add_buffer("eps", Tensor::zeros({1}))) {
  FR_CHECK(classes > 0, kName, ": expected classes, got ", classes);
  FR_CHECK(scale_ > 0 && std::isfinite(scale_), kName, ": expected a scale > 0, got ", scale_);
  check(options);
}

DomainFrequency DomainFrequencyIndicator::rule(const StepAt& at) const {
  DomainFrequency rule;
  rule.scale = scale_, rule.eps = options_.eps;
  rule.step = uint64_t(at.step), rule.step_at = at.state ? &at.state->step : nullptr;
  rule.warmup = uint64_t(std::llround(options_.warmup * double(options_.epoch_steps)));
  return rule;
}

// The search takes the unit rows of all classes: a second matrix of the weights' size, for as long as it lasts.
void DomainFrequencyIndicator::evaluate(const Tensor& weight, const Tensor& labels,
                                        const DomainFrequency& rule, const Tensor& dfi, const Tensor& ic,
                                        const Tensor& eps) const {
  const int64_t M = dfi_.dim(0), Q = labels.dim(0), k = neighbours_ + 1;
  FR_CHECK(weight.rank() == 2 && weight.dim(0) == M, kName, ": expected weights (", M, ",D), got ",
           to_string(weight.shape()));
  if (labels.on_host())  // who uploaded them has looked
    for (const int64_t label : labels.host<int64_t>())
      FR_CHECK(label >= 0 && label < M, kName, ": label ", label, " of ", M, " classes");
  const int64_t D = weight.dim(1);
  const Tensor unit = like(weight, weight.shape()), length = like(weight, {M}), query = like(weight, {Q, D}),
               score = like(weight, {Q, k}), index({Q, k}, DType::int64, weight.device());
  with_kernels(weight, [&]<class T>(const Kernels<T>& kernels) {
    kernels.l2_normalize_forward(unit.data(), length.data(), weight.data(), M, D, Wide<T>(1e-12));
    kernels.gather_rows(query.data(), unit.data(), labels.data(), Q, D);
    kernels.top_k(index.data(), score.data(), query.data(), unit.data(), Q, M, D, k);
    kernels.domain_frequency(dfi.data(), ic.data(), eps.data(), index.data(), score.data(), labels.data(),
                             rule, Q, k);
  });
}

void DomainFrequencyIndicator::refresh(const Tensor& weight, int64_t step) {
  if (options_.refresh == 1 || step % options_.refresh || neighbours_ < 1) return;
  DomainFrequency r = rule(step);
  r.decay = std::pow(r.decay, double(options_.refresh));
  evaluate(weight, all_labels(dfi_.dim(0), weight.device()), r, dfi_, ic_, eps_);
}

void DomainFrequencyIndicator::update(const Tensor& weight, const Tensor& labels, const StepAt& at) {
  if (options_.refresh > 1 || neighbours_ < 1) return;
  evaluate(weight, labels, rule(at), dfi_, ic_, eps_);
}

Tensor DomainFrequencyIndicator::of(const Tensor& labels) const {
  const Tensor own = like(dfi_, labels.shape());
  with_kernels(
      own, [&](const auto& k) { k.gather_rows(own.data(), dfi_.data(), labels.data(), labels.dim(0), 1); });
  return own;
}

DomainFrequencyIndicator::Measured DomainFrequencyIndicator::measure(const Tensor& weight) const {
  const Tensor eps = eps_.clone();
  Measured m{Tensor::full(dfi_.shape(), 1, dfi_.dtype(), dfi_.device()),
             Tensor::zeros(ic_.shape(), ic_.dtype(), ic_.device()), options_.eps, neighbours_};
  if (neighbours_ < 1) return m;
  DomainFrequency r = rule(0);
  r.warmup = 0, r.decay = 1;
  evaluate(weight, all_labels(dfi_.dim(0), weight.device()), r, m.dfi, m.ic, eps);
  m.eps = eps.host<double>()[0];
  return m;
}

}  // namespace fr
