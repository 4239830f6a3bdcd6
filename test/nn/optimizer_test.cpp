// SGD against sequences computed by hand, schedules at hand-checked points.
#include "nn/optimizer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "nn/schedule.h"

namespace fr {
namespace {

Parameter scalar(double value) {
  Parameter p;
  p.var = Var(Tensor::full({1}, value, DType::float64), true);
  return p;
}

void set_grad(Parameter& p, double g) { p.var.node()->grad = Tensor::full(p.var.shape(), g, DType::float64); }
double value(const Parameter& p) { return p.var.value().item(); }

SgdOptions plain(MomentumForm form, double momentum = 0.9) {
  SgdOptions o;
  o.form = form, o.momentum = momentum, o.weight_decay = 0;
  return o;
}

// Gradient 1, rates .1 .1 .01 .01: the two forms part where the rate changes.
TEST(Sgd, TheTwoFormsDifferWhenTheRateChanges) {
  const double rates[] = {0.1, 0.1, 0.01, 0.01};
  const double caffe[] = {-0.1, -0.29, -0.471, -0.6439}, torch[] = {-0.1, -0.29, -0.3171, -0.35149};
  for (MomentumForm form : {MomentumForm::caffe, MomentumForm::torch}) {
    Parameter x = scalar(0);
    Sgd sgd({{"x", &x}}, plain(form));
    for (int t = 0; t < 4; ++t) {
      set_grad(x, 1);
      EXPECT_EQ(sgd.step(rates[t]), 1);
      EXPECT_NEAR(value(x), (form == MomentumForm::caffe ? caffe : torch)[t], 1e-15) << "step " << t;
    }
  }
}

// f = x^2 / 2 from 1, rate .1, momentum .9: at a constant rate both forms agree.
TEST(Sgd, Nesterov) {
  const double expected[] = {0.81, 0.5751, 0.327321, 0.09388791};
  for (MomentumForm form : {MomentumForm::caffe, MomentumForm::torch}) {
    Parameter x = scalar(1);
    SgdOptions o = plain(form);
    o.nesterov = true;
    Sgd sgd({{"x", &x}}, o);
    for (double e : expected) {
      set_grad(x, value(x));
      sgd.step(0.1);
      EXPECT_NEAR(value(x), e, 1e-12);
    }
  }
}

// Written out once more as loops, with decay, multipliers and a changing rate.
TEST(Sgd, AgreesWithTheEquations) {
  for (MomentumForm form : {MomentumForm::caffe, MomentumForm::torch})
    for (bool nesterov : {false, true}) {
      Parameter p = scalar(0.7);
      p.lr_multiplier = 2, p.decay_multiplier = 0.5;
      SgdOptions o = plain(form, 0.8);
      o.nesterov = nesterov, o.weight_decay = 0.1;
      Sgd sgd({{"p", &p}}, o);
      double x = 0.7, v = 0;
      for (int t = 0; t < 20; ++t) {
        const double lr = t < 10 ? 0.05 : 0.01, gradient = std::sin(0.3 * t), g = gradient + 0.05 * x,
                     rate = 2 * lr;
        set_grad(p, gradient);
        sgd.step(lr);
        if (form == MomentumForm::caffe) {
          v = 0.8 * v + rate * g;
          x -= nesterov ? 0.8 * v + rate * g : v;
        } else {
          v = 0.8 * v + g;
          x -= rate * (nesterov ? g + 0.8 * v : v);
        }
        ASSERT_NEAR(value(p), x, 1e-14) << "step " << t;
        ASSERT_NEAR(sgd.state()[0].second.item(), v, 1e-14);
      }
    }
}

TEST(Sgd, ClipsTheGlobalNorm) {
  Parameter a = scalar(0), b = scalar(0);
  SgdOptions o = plain(MomentumForm::torch, 0);
  o.clip_norm = 1;
  Sgd sgd({{"a", &a}, {"b", &b}}, o);
  set_grad(a, 3), set_grad(b, -4);
  EXPECT_EQ(sgd.step(1), 5);
  EXPECT_NEAR(value(a), -0.6, 1e-15);
  EXPECT_NEAR(value(b), 0.8, 1e-15);
  set_grad(a, 0.3), set_grad(b, 0);
  EXPECT_NEAR(sgd.step(1), 0.3, 1e-15);
  EXPECT_NEAR(value(a), -0.9, 1e-15) << "below the bound nothing is scaled";
}

TEST(Sgd, DecayIsNotClipped) {
  Parameter a = scalar(10);
  SgdOptions o = plain(MomentumForm::torch, 0);
  o.clip_norm = 1, o.weight_decay = 0.1;
  Sgd sgd({{"a", &a}}, o);
  set_grad(a, 4);
  sgd.step(1);
  EXPECT_NEAR(value(a), 10 - 1 - 1, 1e-15);
}

TEST(Sgd, LeavesAloneWhatHasNoGradientOrNoRate) {
  Parameter none = scalar(1), frozen = scalar(2), constant;
  constant.var = Var(Tensor::full({1}, 3, DType::float64), false);
  frozen.lr_multiplier = 0;
  SgdOptions o = plain(MomentumForm::torch);
  o.weight_decay = 0.5;
  Sgd sgd({{"none", &none}, {"frozen", &frozen}, {"constant", &constant}}, o);
  set_grad(frozen, 7);
  EXPECT_EQ(sgd.step(1), 0);
  EXPECT_EQ(value(none), 1);
  EXPECT_EQ(value(frozen), 2);
  EXPECT_EQ(sgd.state().size(), 2u) << "what needs no gradient has no velocity";
  EXPECT_EQ(sgd.state()[1].second.item(), 0);
}

TEST(Sgd, ANonFiniteGradientChangesNothing) {
  Parameter a = scalar(1), b = scalar(2);
  Sgd sgd({{"a", &a}, {"b", &b}}, plain(MomentumForm::torch));
  set_grad(a, 1), set_grad(b, std::numeric_limits<double>::quiet_NaN());
  EXPECT_TRUE(std::isnan(sgd.step(0.1)));
  set_grad(b, std::numeric_limits<double>::infinity());
  EXPECT_TRUE(std::isinf(sgd.step(0.1)));
  EXPECT_EQ(value(a), 1);
  EXPECT_EQ(value(b), 2);
  EXPECT_EQ(sgd.state()[0].second.item(), 0);
}

TEST(Sgd, RefusesImpossibleOptions) {
  Parameter a = scalar(1);
  SgdOptions o;
  o.momentum = 1;
  EXPECT_THROW(Sgd({{"a", &a}}, o), std::invalid_argument);
  o.momentum = 0.9, o.weight_decay = -1;
  EXPECT_THROW(Sgd({{"a", &a}}, o), std::invalid_argument);
  o.weight_decay = 0, o.clip_norm = -1;
  EXPECT_THROW(Sgd({{"a", &a}}, o), std::invalid_argument);
}

Schedule schedule(Schedule::Kind kind) {
  Schedule s;
  s.kind = kind, s.base = 0.1;
  return s;
}

TEST(Schedule, ConstantWithWarmUp) {
  Schedule s = schedule(Schedule::Kind::constant);
  EXPECT_EQ(learning_rate(s, 0), 0.1);
  s.warmup_steps = 4;
  const double expected[] = {0.025, 0.05, 0.075, 0.1, 0.1, 0.1};
  for (int t = 0; t < 6; ++t) EXPECT_NEAR(learning_rate(s, t), expected[t], 1e-16) << t;
}

TEST(Schedule, Steps) {
  Schedule s = schedule(Schedule::Kind::steps);
  s.milestones = {16000, 24000};
  EXPECT_EQ(learning_rate(s, 15999), 0.1);
  EXPECT_NEAR(learning_rate(s, 16000), 0.01, 1e-17);
  EXPECT_NEAR(learning_rate(s, 23999), 0.01, 1e-17);
  EXPECT_NEAR(learning_rate(s, 24000), 0.001, 1e-18);
  EXPECT_NEAR(learning_rate(s, 1000000), 0.001, 1e-18);
}

// SGDR without restart, .01 -> 1e-5 over 140000 steps: the figures of the specification's oracle.
TEST(Schedule, Cosine) {
  Schedule s = schedule(Schedule::Kind::cosine);
  s.base = 0.01, s.floor = 1e-5, s.total_steps = 140000;
  const std::pair<int64_t, double> points[] = {{0, 0.01},
                                               {1, 0.00999999999874},
                                               {35000, 0.00853699837203},
                                               {70000, 0.005005},
                                               {105000, 0.00147300162797},
                                               {139999, 1.00000012576e-05},
                                               {140000, 1e-5},
                                               {200000, 1e-5}};
  for (const auto& [t, lr] : points) EXPECT_NEAR(learning_rate(s, t), lr, 1e-14) << t;
  s.warmup_steps = 40000;
  EXPECT_NEAR(learning_rate(s, 40000), 0.01, 1e-17) << "the cosine begins where warm-up ends";
  EXPECT_NEAR(learning_rate(s, 90000), 0.005005, 1e-16);
}

// In the first period the figures are those of the cosine; then it starts again, each time twice as long.
TEST(Schedule, SgdrWithWarmRestarts) {
  Schedule s = schedule(Schedule::Kind::sgdr), once = schedule(Schedule::Kind::cosine);
  s.base = once.base = 0.01, s.floor = once.floor = 1e-5, once.total_steps = 140000;
  s.period = 140000, s.multiplier = 2;
  for (const int64_t t : {0, 1, 35000, 70000, 105000, 139999})
    EXPECT_EQ(learning_rate(s, t), learning_rate(once, t)) << t;
  EXPECT_NEAR(learning_rate(s, 35000), 0.00853699837203, 1e-14);
  EXPECT_EQ(learning_rate(s, 140000), 0.01) << "the second period, 280000 steps long";
  EXPECT_NEAR(learning_rate(s, 140000 + 70000), 0.00853699837203, 1e-14);
  EXPECT_NEAR(learning_rate(s, 140000 + 210000), 0.00147300162797, 1e-14);
  EXPECT_EQ(learning_rate(s, 420000), 0.01);
  s.multiplier = 1;
  for (const int64_t t : {140000, 280000, 1400000}) EXPECT_EQ(learning_rate(s, t), 0.01) << t;
  EXPECT_NEAR(learning_rate(s, 1400000 + 105000), 0.00147300162797, 1e-14);
  s.warmup_steps = 10;
  EXPECT_EQ(learning_rate(s, 10), 0.01);
  EXPECT_EQ(learning_rate(s, 140010), 0.01);
}

TEST(Schedule, Polynomial) {
  Schedule s = schedule(Schedule::Kind::polynomial);
  s.base = 1, s.floor = 0.2, s.power = 2, s.total_steps = 10, s.warmup_steps = 2;
  EXPECT_EQ(learning_rate(s, 0), 0.5);
  EXPECT_EQ(learning_rate(s, 1), 1);
  EXPECT_EQ(learning_rate(s, 2), 1);
  EXPECT_NEAR(learning_rate(s, 6), 0.2 + 0.8 * 0.25, 1e-15);
  EXPECT_NEAR(learning_rate(s, 10), 0.2, 1e-15);
  EXPECT_NEAR(learning_rate(s, 99), 0.2, 1e-15);
}

TEST(Schedule, RefusesContradictions) {
  EXPECT_THROW(learning_rate(schedule(Schedule::Kind::constant), -1), std::invalid_argument);
  EXPECT_THROW(learning_rate(schedule(Schedule::Kind::cosine), 0), std::invalid_argument) << "no total_steps";
  EXPECT_THROW(learning_rate(schedule(Schedule::Kind::sgdr), 0), std::invalid_argument) << "no period";
  Schedule s = schedule(Schedule::Kind::steps);
  s.milestones = {20, 10};
  EXPECT_THROW(learning_rate(s, 0), std::invalid_argument);
}

}  // namespace
}  // namespace fr
