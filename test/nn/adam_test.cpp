// Adam against its equations written out once more, and what it leaves alone.
#include "nn/adam.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "nn/make_optimizer.h"

namespace fr {
namespace {

Parameter scalar(double value, DType type = DType::float64) {
  Parameter p;
  p.var = Var(Tensor::full({1}, value, type), true);
  return p;
}
void set_grad(Parameter& p, double g) {
  p.var.node()->grad = Tensor::full(p.var.shape(), g, p.var.value().dtype());
}
double value(const Parameter& p) { return p.var.value().item(); }

// Whatever the gradient, the first step is lr long: both moments are corrected for their zeros.
TEST(Adam, TheFirstStepsByHand) {
  for (const double g : {0.5, -3e-3, 1e4}) {
    Parameter x = scalar(1);
    Adam adam({{"x", &x}}, {.weight_decay = 0});
    set_grad(x, g);
    EXPECT_EQ(adam.step(0.1), std::abs(g));
    EXPECT_NEAR(value(x), 1 - 0.1 * g / (std::abs(g) + 1e-8), 1e-15);
  }
  // gradients 1, -1 with beta1 = beta2 = 1/2:  m = 1/2, -1/4;  v = 1/2, 3/4;  corrections 2, 4/3
  Parameter x = scalar(0);
  Adam adam({{"x", &x}}, {.beta1 = 0.5, .beta2 = 0.5, .eps = 1e-16, .weight_decay = 0});
  set_grad(x, 1), adam.step(1);
  EXPECT_NEAR(value(x), -1, 1e-15);
  set_grad(x, -1), adam.step(1);
  EXPECT_NEAR(value(x), -1 + 1.0 / 3, 1e-15);
  EXPECT_NEAR(adam.state()[0].second.item(), -0.25, 1e-15);
  EXPECT_NEAR(adam.state()[1].second.item(), 0.75, 1e-15);
}

// Loops with decay of either kind, multipliers and a rate that changes; floats within 2e-5.
TEST(Adam, AgreesWithTheEquations) {
  for (const DType type : {DType::float64, DType::float32})
    for (const bool decoupled : {false, true}) {
      Parameter p = scalar(0.7, type);
      p.lr_multiplier = 2, p.decay_multiplier = 0.5;
      const AdamOptions o{
          .beta1 = 0.8, .beta2 = 0.95, .eps = 1e-4, .weight_decay = 0.1, .decoupled = decoupled};
      Adam adam({{"p", &p}}, o);
      double x = 0.7, m = 0, v = 0;
      for (int t = 1; t <= 30; ++t) {
        const double rate = t < 15 ? 0.05 : 0.01, gradient = std::sin(0.3 * t);
        const double g = gradient + (decoupled ? 0 : 0.05 * x);
        set_grad(p, gradient);
        adam.step(rate / 2);
        if (decoupled) x -= rate * 0.05 * x;
        m = 0.8 * m + 0.2 * g, v = 0.95 * v + 0.05 * g * g;
        x -= rate * (m / (1 - std::pow(0.8, t))) / (std::sqrt(v / (1 - std::pow(0.95, t))) + 1e-4);
        ASSERT_NEAR(value(p), x, type == DType::float64 ? 1e-13 : 2e-5) << "step " << t;
      }
    }
}

// What a resumed run does: fresh moments are filled, and the loop says which step it is.
TEST(Adam, GoesOnWithItsMomentsAndTheNumberOfTheStep) {
  Parameter a = scalar(1), b = scalar(0);
  Adam first({{"x", &a}}, {}), second({{"x", &b}}, {});
  for (int t = 0; t < 3; ++t) set_grad(a, std::cos(t)), first.step(0.1, t);
  ASSERT_EQ(first.state().size(), 2u);
  EXPECT_EQ(first.state()[0].first, "x.m");
  EXPECT_EQ(first.state()[1].first, "x.v");
  b.var.value().copy_from(a.var.value());
  for (size_t i = 0; i < 2; ++i) second.state()[i].second.copy_from(first.state()[i].second);
  set_grad(a, 0.3), set_grad(b, 0.3);
  first.step(0.1), second.step(0.1, 3);
  EXPECT_EQ(value(a), value(b));
  EXPECT_NE(value(a), 1);
}

TEST(Adam, ClipsTheGlobalNormBeforeTheDecay) {
  Parameter a = scalar(10), b = scalar(0);
  Adam adam({{"a", &a}, {"b", &b}}, {.weight_decay = 0.1, .clip_norm = 1});
  set_grad(a, 3), set_grad(b, -4);
  EXPECT_EQ(adam.step(0), 5);
  EXPECT_NEAR(adam.state()[0].second.item(), 0.1 * (0.6 + 1), 1e-15);
  EXPECT_NEAR(adam.state()[2].second.item(), 0.1 * -0.8, 1e-15);
}

TEST(Adam, LeavesAloneWhatHasNoGradientNoRateOrNoFiniteNorm) {
  Parameter none = scalar(1), frozen = scalar(2), constant, moved = scalar(3);
  constant.var = Var(Tensor::full({1}, 3, DType::float64), false);
  frozen.lr_multiplier = 0;
  Adam adam({{"none", &none}, {"frozen", &frozen}, {"constant", &constant}, {"moved", &moved}},
            {.weight_decay = 0.5});
  set_grad(frozen, 7), set_grad(moved, std::numeric_limits<double>::quiet_NaN());
  EXPECT_TRUE(std::isnan(adam.step(1)));
  EXPECT_EQ(value(moved), 3);
  set_grad(moved, 1);
  EXPECT_EQ(adam.step(0.1), 1);
  EXPECT_NEAR(value(moved), 3 - 0.1, 1e-7) << "the step that changed nothing does not count";
  EXPECT_EQ(value(none), 1);
  EXPECT_EQ(value(frozen), 2);
  EXPECT_EQ(adam.state().size(), 6u);
  EXPECT_EQ(adam.state()[2].second.item(), 0);
}

TEST(Adam, RefusesImpossibleOptions) {
  Parameter a = scalar(1);
  for (const AdamOptions& o :
       {AdamOptions{.beta1 = 1}, {.beta2 = 1}, {.eps = 0}, {.weight_decay = -1}, {.clip_norm = -1}})
    EXPECT_THROW(Adam({{"a", &a}}, o), std::invalid_argument);
}

TEST(MakeOptimizer, MakesTheKindWithItsOptions) {
  Parameter a = scalar(1);
  OptimizerOptions o{
      .momentum = 0.7, .weight_decay = 0.3, .form = MomentumForm::caffe, .nesterov = true, .clip_norm = 2};
  o.beta1 = 0.6, o.beta2 = 0.8, o.eps = 1e-3;
  const auto sgd = make_optimizer({{"a", &a}}, o);
  const SgdOptions& s = dynamic_cast<const Sgd&>(*sgd).options();
  EXPECT_TRUE(s.momentum == 0.7 && s.weight_decay == 0.3 && s.form == MomentumForm::caffe && s.nesterov &&
              s.clip_norm == 2);
  for (const OptimizerKind kind : {OptimizerKind::adam, OptimizerKind::adamw}) {
    o.kind = kind;
    const auto adam = make_optimizer({{"a", &a}}, o);
    const AdamOptions& t = dynamic_cast<const Adam&>(*adam).options();
    EXPECT_TRUE(t.beta1 == 0.6 && t.beta2 == 0.8 && t.eps == 1e-3 && t.weight_decay == 0.3 &&
                t.clip_norm == 2);
    EXPECT_EQ(t.decoupled, kind == OptimizerKind::adamw);
  }
}

}  // namespace
}  // namespace fr
