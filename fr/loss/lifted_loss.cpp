#include "fr/loss/lifted_loss.h"

#include <cmath>

#include "autograd/ops/check.h"
#include "fr/loss/pair_loss.h"
#include "fr/loss/pair_op.h"

namespace fr {
namespace {

void check_margin(const char* op, double margin) {
  FR_CHECK(std::isfinite(margin), op, ": expected a finite margin, got ", margin);
}

}  // namespace

// Squared distances -> lifted structured loss.               d2 (N,N), labels (N) -> y ()
//   forward, backward   lifted_distance in tensor/pair_loss.h: the kernel gives y and dy/dd2
// Saves dy/dd2 alone. Song et al. 2016, Eq. 4.
Var lifted_distance(const Var& d2, const Tensor& labels, double margin) {
  check_pairs("lifted_distance", d2, labels);
  check_margin("lifted_distance", margin);
  const Tensor loss = like(d2.value(), {}), dd2 = like(d2.value(), d2.shape());
  with_kernels(loss, [&](const auto& k) {
    k.lifted_distance(loss.data(), dd2.data(), d2.value().data(), labels.data(), margin, d2.dim(0));
  });
  return loss_with_derivatives("lifted_distance", loss, {d2}, {dd2});
}

// Similarities and their scale -> lifted structured loss.    s (N,N), scale (1), labels (N) -> y ()
//   forward, backward   lifted_cosine in tensor/pair_loss.h: the kernel gives y, dy/ds and dy/dscale
// Saves the two derivatives.
Var lifted_cosine(const Var& s, const Var& scale, const Tensor& labels, double margin) {
  check_pairs("lifted_cosine", s, labels);
  check_inputs("lifted_cosine", {{"s", s, Is::wide}, {"scale", scale, Is::wide}});
  check_shape("lifted_cosine", "scale", scale, {1});
  check_margin("lifted_cosine", margin);
  const Tensor loss = like(s.value(), {}), ds = like(s.value(), s.shape()), dscale = like(s.value(), {1});
  with_kernels(loss, [&](const auto& k) {
    k.lifted_cosine(loss.data(), ds.data(), dscale.data(), s.value().data(), scale.value().data(),
                    labels.data(), margin, s.dim(0));
  });
  return loss_with_derivatives("lifted_cosine", loss, {s, scale}, {ds, dscale});
}

LiftedTerm::LiftedTerm(const LiftedOptions& options) : options_(options) {
  const LiftedOptions& o = options;
  FR_CHECK(o.lowest_scale > 0 && o.lowest_scale <= o.scale && o.scale <= o.highest_scale,
           "lifted loss: expected 0 < lowest scale <= scale <= highest scale, got ", o.lowest_scale, ", ",
           o.scale, ", ", o.highest_scale);
  check_margin("lifted loss", o.form == LiftedOptions::Form::cosine ? o.cosine_margin : o.distance_margin);
  if (o.form == LiftedOptions::Form::distance) return;
  scale_ = &add_parameter("scale", {1}, Init::constant(o.scale));
  scale_->decay_multiplier = 0;
}

Var LiftedTerm::loss(const Var& embedding, const Tensor& labels, const StepAt&) {
  const Var e = l2_normalize(embedding);
  switch (options_.form) {
    case LiftedOptions::Form::cosine:
      return lifted_cosine(matmul(e, e, false, true), scale_->var, labels, options_.cosine_margin);
    case LiftedOptions::Form::euclid_scaled:
      return lifted_distance(mul(squared_distances(e), mul(scale_->var, scale_->var)), labels,
                             options_.distance_margin);
    case LiftedOptions::Form::distance:
      break;
  }
  return lifted_distance(squared_distances(e), labels, options_.distance_margin);
}

void LiftedTerm::keep_in_bounds() {
  if (!scale_) return;
  const Tensor& scale = scale_->var.value();
  with_kernels(scale, [&](const auto& k) {
    k.clamp(scale.data(), scale.data(), options_.lowest_scale, options_.highest_scale, 1);
  });
}

}  // namespace fr
