// The table of losses, the usual numbers, bounds of the scale against the oracle's print-out.
#include "fr/loss/loss_options.h"

#include <gtest/gtest.h>

#include <limits>

namespace fr::test {
namespace {

LossOptions of(LossKind kind) {
  LossOptions o;
  o.kind = kind;
  return o;
}

TEST(Annealing, OracleFigures) {
  const Annealing annealing;
  EXPECT_NEAR(annealing.lambda(1), 892.857142857, 1e-9);
  EXPECT_NEAR(annealing.lambda(2), 806.451612903, 1e-9);
  EXPECT_NEAR(annealing.lambda(10), 454.545454545, 1e-9);
  EXPECT_NEAR(annealing.lambda(100), 76.923076923, 1e-9);
  EXPECT_NEAR(annealing.lambda(1000), 8.264462810, 1e-9);
  EXPECT_NEAR(annealing.lambda(1658), 5.001000200, 1e-9);
  EXPECT_EQ(annealing.lambda(1659), 5);
  EXPECT_EQ(annealing.lambda(28000), 5);
  EXPECT_THROW(annealing.lambda(0), std::invalid_argument);
}

TEST(LossOptions, EveryLossHasARowAndIsFineAsItStands) {
  EXPECT_EQ(all_losses().size(), size_t(LossKind::combined) + 1);
  for (const LossTraits& t : all_losses()) {
    EXPECT_EQ(&traits_of(t.kind), &t);
    EXPECT_NO_THROW(check(of(t.kind))) << t.name;
    EXPECT_EQ(loss_text(of(t.kind)).find(t.title), 0u);
  }
}

// Wang et al. 2018 (both), Deng et al. 2019, Wang et al. 2017, Ranjan et al. 2017.
TEST(LossOptions, UsualNumbers) {
  EXPECT_EQ(scale_of(of(LossKind::am_softmax)), 30);
  EXPECT_EQ(scale_of(of(LossKind::cosface)), 64);
  EXPECT_EQ(scale_of(of(LossKind::arcface)), 64);
  EXPECT_EQ(scale_of(of(LossKind::normface)), 10);
  EXPECT_EQ(scale_of(of(LossKind::l2_softmax)), 16);
  EXPECT_EQ(margin_of(of(LossKind::am_softmax)), 0.35);
  EXPECT_EQ(margin_of(of(LossKind::cosface)), 0.35);
  EXPECT_EQ(margin_of(of(LossKind::arcface)), 0.5);
  LossOptions o = of(LossKind::cosface);
  o.margin = 0, o.scale = 20;
  EXPECT_EQ(margin_of(o), 0);
  EXPECT_EQ(loss_text(o), "CosFace, s = 20, m = 0");
}

TEST(LossOptions, WhoTrainsTheScale) {
  for (const LossTraits& t : all_losses()) {
    LossOptions o = of(t.kind);
    EXPECT_EQ(trains_scale(o), t.kind == LossKind::normface || t.kind == LossKind::l2_softmax) << t.name;
    o.scale_is = LossScale::trained;
    EXPECT_EQ(trains_scale(o), t.usual_scale > 0) << t.name;
    o.scale_is = LossScale::fixed;
    EXPECT_FALSE(trains_scale(o)) << t.name;
  }
}

TEST(LossOptions, OracleBounds) {
  const LossOptions l2 = of(LossKind::l2_softmax), cosface = of(LossKind::cosface);
  EXPECT_NEAR(scale_lower_bound(l2, 20000), 12.100612, 5e-7);
  EXPECT_NEAR(scale_lower_bound(l2, 21000), 12.149407, 5e-7);
  EXPECT_NEAR(scale_lower_bound(l2, 10572), 11.463000, 5e-7);
  EXPECT_NEAR(scale_lower_bound(l2, 20000, 0.99), 14.498507, 5e-7);
  EXPECT_NEAR(scale_lower_bound(cosface, 10572), 11.462010, 5e-7);
  EXPECT_NEAR(scale_lower_bound(cosface, 10), 3.955004, 5e-7);
  EXPECT_EQ(scale_lower_bound(l2, 2), 0);
  EXPECT_EQ(scale_lower_bound(of(LossKind::a_softmax), 1000), 0);
  EXPECT_THROW(scale_lower_bound(l2, 10, 1), std::invalid_argument);
}

TEST(LossOptions, Refusals) {
  const auto refused = [](LossKind kind, auto change) {
    LossOptions o = of(kind);
    change(o);
    EXPECT_THROW(check(o), std::invalid_argument) << traits_of(kind).name;
  };
  refused(LossKind::a_softmax, [](LossOptions& o) { o.m = 5; });
  refused(LossKind::l_softmax, [](LossOptions& o) { o.m = 0; });
  refused(LossKind::cosface, [](LossOptions& o) { o.margin = -0.5; });
  refused(LossKind::arcface, [](LossOptions& o) { o.margin = 3.2; });
  refused(LossKind::combined, [](LossOptions& o) { o.m1 = 0; });
  refused(LossKind::cosface, [](LossOptions& o) { o.scale = 0; });
  refused(LossKind::cosface, [](LossOptions& o) { o.scale = std::numeric_limits<double>::infinity(); });
  refused(LossKind::l2_softmax, [](LossOptions& o) { o.scale = 0.5; });  // below its least
  refused(LossKind::arcface, [](LossOptions& o) { o.bias = true; });
  refused(LossKind::softmax, [](LossOptions& o) { o.gradient = MarginGradient::detached; });
  refused(LossKind::l_softmax, [](LossOptions& o) { o.gradient = MarginGradient::caffe_normalised; });
  refused(LossKind::cosface, [](LossOptions& o) { o.gradient = MarginGradient::caffe_normalised; });
  EXPECT_THROW(traits_of(LossKind(99)), std::invalid_argument);
}

}  // namespace
}  // namespace fr::test
