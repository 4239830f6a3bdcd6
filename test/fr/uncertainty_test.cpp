// The uncertainty module: its start, its running statistics, its gradients.
#include "fr/pfe/uncertainty.h"

#include <gtest/gtest.h>

#include "fr/pfe/likelihood.h"
#include "nn/state.h"
#include "test/fr/oracle.h"
#include "test/fr/thrown.h"

namespace fr::test {
namespace {

Var maps(int64_t N, DType type = DType::float32) { return Var(random_tensor({N, 2, 3, 4}, 1, type)); }
constexpr UncertaintyOptions kSmall = {.inputs = 24, .D = 5};

TEST(Uncertainty, Parameters) {
  Uncertainty u(kSmall);
  std::vector<std::string> trained, fixed;
  for (const auto& [name, p] : u.parameters()) (p->var.requires_grad() ? trained : fixed).push_back(name);
  EXPECT_EQ(trained, (std::vector<std::string>{"gamma", "beta", "fc1.weight", "bn1.weight", "bn1.bias",
                                               "fc2.weight"}));
  EXPECT_EQ(fixed, (std::vector<std::string>{"bn2.weight", "bn2.bias"}));
}

// gamma 1e-4: every variance begins at 1e-6 + e^-7.
TEST(Uncertainty, StartsWithOneVariance) {
  Uncertainty u(kSmall);
  const Var s = u.forward(maps(6));
  EXPECT_EQ(s.shape(), (Shape{6, 5}));
  for (const double x : s.value().host<double>()) EXPECT_NEAR(x, std::log(1e-6 + std::exp(-7)), 1e-3);
  EXPECT_NEAR(u.typical_variance(), 1e-6 + std::exp(-7), 1e-8);
}

// The batch norm decays by 0.995, and so does what is typical.
TEST(Uncertainty, RunningStatistics) {
  Uncertainty u({.inputs = 24, .D = 5, .gamma = 1.5, .beta = -13});
  const NamedTensors state = collect_state(u);
  std::vector<double> expected;
  {
    const Var hidden = linear(flatten(maps(8)), Var(state.at("fc1.weight")));
    for (const double m : reduce(hidden, Reduce::mean, 0).value().host<double>())
      expected.push_back(0.005 * m);
  }
  const double before = std::log(u.typical_variance());
  const double now = mean(u.forward(maps(8))).value().item();
  expect_close(state.at("bn1.running_mean").host<double>(), expected, 1e-7);
  EXPECT_NEAR(std::log(u.typical_variance()), 0.995 * before + 0.005 * now, 1e-6);
  EXPECT_GT(std::abs(now - before), 0.05) << "near the least variance the mean moves";
  u.train(false);
  const double kept = u.typical_variance();
  u.forward(maps(8));
  EXPECT_EQ(u.typical_variance(), kept);
}

void in_double(Module& m) {
  for (const auto& [name, p] : m.parameters())
    p->var = Var(p->var.value().to(DType::float64), p->var.requires_grad());
  for (const auto& [name, buffer] : m.buffers()) *buffer = buffer->to(DType::float64);
}

// From the map to the loss, central differences of every parameter, h = 1e-6.
TEST(Uncertainty, GradientOfTheWholeModule) {
  Uncertainty u({.inputs = 24, .D = 5, .gamma = 0.7, .beta = -1});
  in_double(u);
  const Var x = maps(6, DType::float64), means = l2_normalize(Var(random_tensor({6, 5}, 2)));
  const Tensor labels = labels_of({0, 1, 0, 1, 1, 2});
  const auto loss = [&] { return likelihood_loss(means, u.forward(x), labels); };
  backward(loss());
  for (const auto& [name, p] : u.parameters()) {
    if (!p->var.requires_grad()) continue;
    const std::vector<double> gradient = p->var.grad().host<double>();
    for (size_t i = 0; i < gradient.size(); ++i) {
      double* element = p->var.value().as<double>() + i;
      const double at = *element;
      double side[2];
      for (const int k : {0, 1}) *element = at + (k ? 1e-6 : -1e-6), side[k] = loss().value().item();
      *element = at;
      EXPECT_NEAR(gradient[i], (side[1] - side[0]) / 2e-6, 1e-6 * std::max(1.0, std::abs(gradient[i])))
          << name << i;
    }
  }
}

TEST(Uncertainty, RefusesWhatDoesNotFit) {
  const auto message = [](const auto& f) { return thrown<std::invalid_argument>(f); };
  EXPECT_EQ(message([] { Uncertainty u({.inputs = 0, .D = 5}); }),
            "uncertainty: expected positive sizes, got inputs 0, D 5");
  EXPECT_EQ(message([] { Uncertainty u({.inputs = 3, .D = 5, .decay = 1}); }),
            "uncertainty: expected 0 <= decay < 1, got 1");
  Uncertainty u({.inputs = 23, .D = 5});
  EXPECT_EQ(message([&] { u.forward(maps(2)); }),
            "uncertainty: expected (N, 23 numbers in all), got (2,2,3,4)");
  Uncertainty v(kSmall);
  EXPECT_EQ(message([&] { v.forward(maps(1)); }),
            "uncertainty: training normalises over the batch; expected two pictures or more");
  v.train(false);
  EXPECT_EQ(v.forward(maps(1)).shape(), (Shape{1, 5}));
}

}  // namespace
}  // namespace fr::test
