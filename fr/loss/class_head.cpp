#include "fr/loss/class_head.h"

#include <limits>

#include "fr/loss/class_cross_entropy.h"
#include "fr/loss/class_rows.h"

namespace fr {
namespace {

// Weights from which on their gradient is formed by rows. Below, a gradient of its own takes at most 64 MiB and saves one of
// four products, about a quarter of the head's time at batches of 32 and 128.
constexpr int64_t kManyWeights = int64_t{1} << 24;

}  // namespace

ClassHead::ClassHead(const LossOptions& options, ClassRange classes, int64_t D, uint64_t seed)
    : options_(options), traits_(traits_of(options.kind)), classes_(classes), seed_(seed) {
  FR_CHECK(classes.first >= 0 && classes.last > classes.first && D > 0,
           "class head: expected classes and D > 0, got classes ", classes.first, " to ", classes.last,
           " and D = ", D);
  check(options);
  const int64_t M = classes.last - classes.first;
  Init init = Init::caffe_xavier();
  init.start = classes.first * D;
  weight_ = &add_parameter("weight", {M, D}, init);
  weight_->var.gradient_by_rows(M * D >= kManyWeights);
  if (has_bias(options)) {
    bias_ = &add_parameter("bias", {M}, Init::constant(0));
    bias_->lr_multiplier = 2, bias_->decay_multiplier = 0;
  }
  if (trains_scale(options)) {
    scale_ = &add_parameter("scale", {1}, Init::constant(scale_of(options)));
    scale_->decay_multiplier = 0;
  }
  initialise(seed);
}

double ClassHead::lambda_at(int64_t step) const {
  return anneals(options_) ? options_.annealing.lambda(step + 1) : 0;
}

void ClassHead::keep_in_bounds() {
  if (!scale_) return;
  const Tensor& s = scale_->var.value();
  with_kernels(s, [&](const auto& k) {
    k.clamp(s.data(), s.data(), traits_.least_scale, std::numeric_limits<float>::max(), 1);
  });
}

void ClassHead::set_class_margin(const Tensor& factor) {
  const Tensor& w = weight_->var.value();
  FR_CHECK(takes_class_margins(options_), "class head: ", traits_.name, " has no margin per class");
  FR_CHECK(factor && factor.shape() == Shape{w.dim(0)}, "class head: expected a margin factor per class (",
           w.dim(0), "), got ", to_string(factor.shape()));
  if (!class_margin_ || class_margin_.device() != w.device()) class_margin_ = like(w, factor.shape());
  class_margin_.copy_from(factor.to(w.dtype()));
}

void ClassHead::set_datasets(const std::vector<int64_t>& offset, double keep) {
  check_offset(offset, weight_->var.dim(0));
  FR_CHECK(keep >= 0 && keep <= 1, "class head: expected a probability to keep a class, got ", keep);
  datasets_.offset = Tensor::from(offset, {int64_t(offset.size())}).to(weight_->var.device());
  datasets_.keep = keep;
}

void ClassHead::follow_weight() {
  const Device device = weight_->var.device();
  for (Tensor* t : {&class_margin_, &datasets_.offset})
    if (*t && t->device() != device) *t = t->to(device);
}

void ClassHead::measure_domains(const DomainFrequencyOptions& options, DomainMargins margins) {
  FR_CHECK(classes_.first == 0, "class head: domains are measured of all classes, got those from ",
           classes_.first, " on");
  FR_CHECK(margins == DomainMargins::without || takes_class_margins(options_), "class head: ", traits_.name,
           " has no margin per class");
  const double s = traits_.usual_scale > 0 ? scale_of(options_) : 1;
  frequency_ = &add_child<DomainFrequencyIndicator>("frequency", options, classes_.last, s);
  domain_margins_ = margins == DomainMargins::with;
}

DomainFrequencyIndicator::Measured ClassHead::measure_domains_now() const {
  FR_CHECK(frequency_, "class head: domains are not measured");
  return frequency_->measure(weight_->var.value());
}

void ClassHead::ahead(int64_t step) {
  if (frequency_) frequency_->refresh(weight_->var.value(), step);
}

void ClassHead::before(const Tensor& labels, const StepAt& at) {
  if (!frequency_) return;
  if (training()) frequency_->update(weight_->var.value(), labels, at);
  if (domain_margins_) set_class_margin(frequency_->dfi());
}

std::vector<std::string> ClassHead::figure_names() const {
  return frequency_ ? std::vector<std::string>{"dfi", "eps"} : std::vector<std::string>{};
}

std::vector<Tensor> ClassHead::figures() const {
  if (!frequency_) return {};
  const NoGrad no_gradients;
  return {mean(Var(frequency_->of(labels_))).value(), mean(Var(frequency_->eps())).value()};
}

MarginOptions ClassHead::margin_options(const StepAt& at) const {
  MarginOptions o;
  o.gradient = options_.gradient;
  if (o.gradient != MarginGradient::caffe_normalised) o.products = products_;
  o.scale = traits_.logit_scale;
  o.s = traits_.usual_scale > 0 ? scale_of(options_) : 1;
  if (scale_) o.trained_scale = scale_->var;
  o.class_margin = class_margin_;
  o.datasets = datasets_;
  Margin& m = o.margin;
  m.kind = traits_.margin;
  m.m = anneals(options_) ? options_.m : margin_of(options_);
  m.lambda = lambda_at(at.step), m.lambda_at = anneals(options_) && at.state ? &at.state->lambda : nullptr;
  m.m1 = options_.m1, m.m2 = options_.m2, m.m3 = options_.m3;
  m.rule = options_.rule, m.guard = options_.guard;
  return o;
}

void ClassHead::redraw(int64_t step) {
  const Tensor& w = weight_->var.value();
  redraw_short_rows(w, row_lengths(w), classes_.first, seed_, step);
}

// The forward pass measures the rows; the rare short one costs a second pass.
Var ClassHead::margin_loss(const Var& embedding, const Tensor& labels, const StepAt& at) {
  const MarginOptions options = margin_options(at);
  const Tensor& w = weight_->var.value();
  MarginOutput output;
  if (finds_others_) output.other = &others_;
  Var loss;
  do {
    loss = {};  // two matrices of scores are never there
    if (options.gradient == MarginGradient::caffe_normalised) scale_rows_to_unit(w);
    loss = margin_cross_entropy(embedding, weight_->var, labels, options, &output);
    prediction_ = output.prediction;
    if (!output.class_norm.on_host()) return shortest_ = shortest_of(output.class_norm), loss;
  } while (redraw_short_rows(w, output.class_norm, classes_.first, seed_, at.step));
  return loss;
}

Tensor ClassHead::own_labels(const Tensor& labels) const {
  if (classes_.first == 0 || !labels) return labels;
  FR_CHECK(labels.on_host(), "class head: on a device the classes start at 0, got ", classes_.first);
  std::vector<int64_t> own = labels.host<int64_t>();
  for (int64_t& label : own) {
    FR_CHECK(label >= classes_.first && label < classes_.last, "class head: label ", label,
             " is none of the classes ", classes_.first, " to ", classes_.last - 1);
    label -= classes_.first;
  }
  return Tensor::from(own, labels.shape());
}

void ClassHead::count_from_first_class(Tensor& classes) const {
  if (classes_.first == 0 || !classes) return;
  std::vector<int64_t> of_all = classes.host<int64_t>();
  for (int64_t& m : of_all) m += m < 0 ? 0 : classes_.first;
  classes = Tensor::from(of_all, classes.shape());
}

Var ClassHead::scaled(const Var& x) const {
  return scale_ ? mul(x, scale_->var) : affine(x, scale_of(options_), 0);
}

Var ClassHead::loss(const Var& embedding, const Tensor& labels, const StepAt& at) {
  FR_CHECK(at.step >= 0, "class head: steps count from 0, got ", at.step);
  lambda_ = lambda_at(at.step), labels_ = labels, shortest_ = {};
  follow_weight();
  const uint64_t* const step_at = at.state ? &at.state->step : nullptr;
  datasets_.coins = {seed_, Purpose::crossing, uint64_t(at.step), 0, step_at};
  const Tensor own = own_labels(labels);
  const auto plain = [&](const Var& x) {
    return class_cross_entropy(x, weight_->var, bias(), own, products_, &prediction_, datasets_,
                               finds_others_ ? &others_ : nullptr);
  };
  const Var loss = traits_.scores == Scores::cosines          ? margin_loss(embedding, own, at)
                   : traits_.scores == Scores::inner_products ? plain(embedding)
                                                              : plain(scaled(l2_normalize(embedding)));
  count_from_first_class(prediction_), count_from_first_class(others_.index);
  return loss;
}

Var ClassHead::forward(const Var& x) {
  const Var& w = weight_->var;
  if (traits_.scores == Scores::inner_products) return linear(x, w, bias());
  if (traits_.scores == Scores::inner_products_of_unit_embeddings)
    return linear(scaled(l2_normalize(x)), w, bias());
  if (traits_.logit_scale == LogitScale::both_norms) return linear(x, w);
  if (traits_.logit_scale == LogitScale::embedding_norm) return linear(x, l2_normalize(w));
  return scaled(linear(l2_normalize(x), l2_normalize(w)));
}

double ClassHead::last_accuracy() const {
  const std::vector<int64_t> guess = prediction_.host<int64_t>(), label = labels_.host<int64_t>();
  int64_t hits = 0;
  for (size_t n = 0; n < label.size(); ++n) hits += guess[n] == label[n];
  return label.empty() ? 0 : double(hits) / double(label.size());
}

void ClassHead::forget() {
  prediction_ = {}, labels_ = {}, shortest_ = {}, others_ = {};
  if (weight_->var.has_row_forms()) weight_->var.zero_grad();
}

}  // namespace fr
