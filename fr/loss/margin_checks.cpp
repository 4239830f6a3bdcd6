#include "fr/loss/margin_checks.h"

#include <cmath>
#include <numbers>

namespace fr {
namespace {

constexpr const char* kOp = "margin_cross_entropy";
using Kind = Margin::Kind;

void check_margin(const Margin& m) {
  if (m.kind == Kind::a_softmax) {
    FR_CHECK(m.m == 1 || m.m == 2 || m.m == 3 || m.m == 4, kOp, ": A-Softmax needs m = 1, 2, 3 or 4, got ",
             m.m);
    FR_CHECK(m.lambda >= 0, kOp, ": expected lambda >= 0, got ", m.lambda);
  }
  FR_CHECK(std::isfinite(m.m), kOp, ": the margin is ", m.m);
  FR_CHECK(m.kind != Kind::arcface || (m.m >= 0 && m.m <= std::numbers::pi), kOp,
           ": ArcFace needs m in [0, pi], got ", m.m);
  FR_CHECK(m.kind != Kind::combined || (m.m1 > 0 && std::isfinite(m.m1 + m.m2 + m.m3)), kOp,
           ": the combined margin needs m1 > 0 and finite numbers, got (", m.m1, ", ", m.m2, ", ", m.m3, ")");
}

void check_modes(const MarginOptions& o) {
  const bool plain = o.margin.kind == Kind::none || o.margin.kind == Kind::a_softmax;
  FR_CHECK(o.scale != LogitScale::fixed || o.trained_scale || (o.s > 0 && std::isfinite(o.s)), kOp,
           ": expected s > 0, got ", o.s);
  FR_CHECK(o.scale != LogitScale::both_norms || plain, kOp,
           ": scores scaled by |x| |w| have no margin or that of A-Softmax");
  const bool caffe = o.gradient == MarginGradient::caffe_normalised;
  FR_CHECK(!caffe || (o.scale == LogitScale::embedding_norm && plain), kOp,
           ": the Caffe gradient exists only for modified softmax and A-Softmax, scaled by |x|");
  FR_CHECK(!caffe || o.products != DType::bfloat16, kOp, ": the Caffe gradient has no bfloat16 products");
}

// A trained scale or the margins of the classes.
void check_companion(const char* what, const Tensor& t, const Shape& shape, const Var& x) {
  FR_CHECK(t.shape() == shape && t.dtype() == x.dtype() && t.device() == x.device(), kOp, ": expected ", what,
           " ", to_string(shape), " of ", to_string(x.dtype()), " on ", to_string(x.device()), ", got ",
           to_string(t.shape()), " of ", to_string(t.dtype()), " on ", to_string(t.device()));
}

void check_options(const MarginOptions& o, const Var& x, int64_t M) {
  check_margin(o.margin);
  check_modes(o);
  if (o.trained_scale) {
    FR_CHECK(o.scale == LogitScale::fixed, kOp, ": a trained scale beside scores scaled by lengths");
    check_companion("a trained scale", o.trained_scale.value(), {1}, x);
  }
  if (o.class_margin) {
    FR_CHECK(o.margin.kind != Kind::none && o.margin.kind != Kind::a_softmax, kOp,
             ": margins per class need CosFace, ArcFace or the combined margin");
    check_companion("margins per class", o.class_margin, {M}, x);
  }
}

void check_labels(const Var& x, const Tensor& labels, int64_t N, int64_t M) {
  FR_CHECK(labels && labels.dtype() == DType::int64 && labels.shape() == Shape{N}, kOp,
           ": expected labels int64 (", N, "), got ", to_string(labels.shape()));
  FR_CHECK(labels.device() == x.device(), kOp, ": x is on ", to_string(x.device()), ", the labels on ",
           to_string(labels.device()));
  if (!labels.on_host()) return;  // who uploaded them has looked
  for (int64_t label : labels.host<int64_t>())
    FR_CHECK(label >= 0 && label < M, kOp, ": label ", label, " of ", M, " classes");
}

}  // namespace

void check_margin_arguments(const Var& x, const Var& w, const Tensor& labels, const MarginOptions& options) {
  FR_CHECK(x && w && x.shape().size() == 2 && w.shape().size() == 2 && x.dim(1) == w.dim(1), kOp,
           ": expected x (N,D) and w (M,D), got ", x ? to_string(x.shape()) : "nothing", " and ",
           w ? to_string(w.shape()) : "nothing");
  FR_CHECK(x.dtype() == w.dtype() && x.dtype() == wide(x.dtype()) && x.dtype() != DType::int64, kOp,
           ": x is ", to_string(x.dtype()), ", w is ", to_string(w.dtype()));
  FR_CHECK(x.device() == w.device(), kOp, ": x is on ", to_string(x.device()), ", w on ",
           to_string(w.device()));
  FR_CHECK(x.dim(0) > 0 && w.dim(0) > 0 && x.dim(1) > 0, kOp, ": nothing to do for x ", to_string(x.shape()),
           " and w ", to_string(w.shape()));
  check_options(options, x, w.dim(0));
  check_labels(x, labels, x.dim(0), w.dim(0));
}

}  // namespace fr
