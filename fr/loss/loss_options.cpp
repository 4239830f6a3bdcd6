#include "fr/loss/loss_options.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "fr/loss/bounds.h"

namespace fr {
namespace {

using Kind = Margin::Kind;
constexpr auto kInner = Scores::inner_products, kUnit = Scores::inner_products_of_unit_embeddings,
               kCosines = Scores::cosines;
constexpr auto kLength = LogitScale::embedding_norm, kBoth = LogitScale::both_norms,
               kFixed = LogitScale::fixed;

// clang-format off
constexpr LossTraits kLosses[] = {
    // kind                      name                title               scores    margin        scale    m     s   least  trained
    {LossKind::softmax,          "softmax",          "softmax",          kInner,   Kind::none,      kFixed,  0,    0,  0,    false},
    {LossKind::modified_softmax, "modified_softmax", "modified softmax", kCosines, Kind::none,      kLength, 0,    0,  0,    false},
    {LossKind::a_softmax,        "a_softmax",        "A-Softmax",        kCosines, Kind::a_softmax, kLength, 0,    0,  0,    false},
    {LossKind::l_softmax,        "l_softmax",        "L-Softmax",        kCosines, Kind::a_softmax, kBoth,   0,    0,  0,    false},
    {LossKind::normface,         "normface",         "NormFace",         kCosines, Kind::none,      kFixed,  0,    10, 0.01, true},
    {LossKind::l2_softmax,       "l2_softmax",       "L2-Softmax",       kUnit,    Kind::none,      kFixed,  0,    16, 1,    true},
    {LossKind::am_softmax,       "am_softmax",       "AM-Softmax",       kCosines, Kind::cosface,   kFixed,  0.35, 30, 0.01, false},
    {LossKind::cosface,          "cosface",          "CosFace",          kCosines, Kind::cosface,   kFixed,  0.35, 64, 0.01, false},
    {LossKind::arcface,          "arcface",          "ArcFace",          kCosines, Kind::arcface,   kFixed,  0.5,  64, 0.01, false},
    {LossKind::combined,         "combined",         "combined margin",  kCosines, Kind::combined,  kFixed,  0,    64, 0.01, false},
};
// clang-format on

void check_margin(const LossOptions& o, const LossTraits& t) {
  const double m = margin_of(o);
  if (t.margin == Kind::a_softmax)
    FR_CHECK(o.m >= 1 && o.m <= 4, "loss ", t.name, ": expected m = 1, 2, 3 or 4, got ", o.m);
  if (t.margin == Kind::cosface)
    FR_CHECK(m >= 0 && m <= 2, "loss ", t.name, ": expected a margin in [0, 2], got ", m);
  if (t.margin == Kind::arcface)
    FR_CHECK(m >= 0 && m <= std::numbers::pi, "loss ", t.name, ": expected a margin in [0, pi], got ", m);
}

}  // namespace

double Annealing::lambda(int64_t t) const {
  FR_CHECK(t >= 1, "annealing: t counts from 1, got ", t);
  return std::max(minimum, base * std::pow(1 + gamma * double(t), -power));
}

std::span<const LossTraits> all_losses() { return kLosses; }

const LossTraits& traits_of(LossKind kind) {
  const auto* at = std::find_if(std::begin(kLosses), std::end(kLosses),
                                [=](const LossTraits& t) { return t.kind == kind; });
  FR_CHECK(at != std::end(kLosses), "loss: there is none of number ", int(kind));
  return *at;
}

double margin_of(const LossOptions& o) {
  return o.margin == LossOptions::kUsual ? traits_of(o.kind).usual_margin : o.margin;
}
double scale_of(const LossOptions& o) {
  return o.scale == LossOptions::kUsual ? traits_of(o.kind).usual_scale : o.scale;
}
bool trains_scale(const LossOptions& o) {
  const LossTraits& t = traits_of(o.kind);
  if (t.usual_scale == 0) return false;
  return o.scale_is == LossScale::usual ? t.trains_scale : o.scale_is == LossScale::trained;
}
bool has_bias(const LossOptions& o) { return o.bias || o.kind == LossKind::l2_softmax; }
bool anneals(const LossOptions& o) { return traits_of(o.kind).margin == Kind::a_softmax; }
bool takes_class_margins(const LossOptions& o) {
  const Kind margin = traits_of(o.kind).margin;
  return margin == Kind::cosface || margin == Kind::arcface || margin == Kind::combined;
}

void check(const LossOptions& o) {
  const LossTraits& t = traits_of(o.kind);
  check_margin(o, t);
  const double least = trains_scale(o) ? t.least_scale : 0, s = scale_of(o);
  if (t.usual_scale > 0)
    FR_CHECK(s > 0 && s >= least && std::isfinite(s), "loss ", t.name, ": expected a scale > 0, at least ",
             least, ", got ", s);
  if (t.margin == Kind::combined)
    FR_CHECK(o.m1 > 0 && std::isfinite(o.m1 + o.m2 + o.m3), "loss ", t.name,
             ": expected m1 > 0 and finite numbers, got (", o.m1, ", ", o.m2, ", ", o.m3, ")");
  FR_CHECK(!o.bias || t.scores != Scores::cosines, "loss ", t.name, ": has no bias");
  FR_CHECK(o.gradient == MarginGradient::exact || t.scores == Scores::cosines, "loss ", t.name,
           ": has no gradient but the exact one");
  FR_CHECK(o.gradient != MarginGradient::caffe_normalised ||
               (t.logit_scale == LogitScale::embedding_norm && t.scores == Scores::cosines),
           "loss ", t.name, ": the Caffe gradient exists for modified_softmax and a_softmax only");
}

std::string loss_text(const LossOptions& o) {
  const LossTraits& t = traits_of(o.kind);
  std::string text = t.title;
  if (t.usual_scale > 0) text += cat(", s = ", scale_of(o), trains_scale(o) ? " at the start" : "");
  if (t.margin == Kind::cosface || t.margin == Kind::arcface) text += cat(", m = ", margin_of(o));
  if (t.margin == Kind::combined) text += cat(", m1 = ", o.m1, ", m2 = ", o.m2, ", m3 = ", o.m3);
  if (anneals(o)) text += cat(", m = ", o.m, ", lambda to ", o.annealing.minimum);
  if (o.bias) text += ", with bias";
  if (o.gradient == MarginGradient::detached) text += ", detached gradient";
  if (o.gradient == MarginGradient::caffe_normalised) text += ", Caffe gradient";
  return text;
}

double scale_lower_bound(const LossOptions& o, int64_t classes, double p) {
  if (traits_of(o.kind).usual_scale == 0 || classes <= 2) return 0;
  return o.kind == LossKind::l2_softmax ? l2_softmax_scale_bound(classes, p)
                                        : cosface_scale_bound(classes, p);
}

}  // namespace fr
