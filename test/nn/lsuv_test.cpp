// ARFA's k from data: the oracles, and what a network is like afterwards.
#include "nn/lsuv.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "nn/layers.h"
#include "test/devices.h"
#include "test/stand_in.h"

namespace fr::test {
namespace {

Var doubles(const std::vector<double>& v) { return Var(Tensor::from(v, {int64_t(v.size()), 1})); }

void to_double(Module& module) {
  for (const auto& [name, p] : module.parameters()) p->var = Var(p->var.value().to(DType::float64), true);
  for (const auto& [name, buffer] : module.buffers()) *buffer = buffer->to(DType::float64);
}

double variance(const std::vector<double>& y) {
  double mean = 0, squares = 0;
  for (double v : y) mean += v / double(y.size());
  for (double v : y) squares += (v - mean) * (v - mean) / double(y.size());
  return squares;
}

// x_n = 1.5 sin(0.7 n), n < 1000, a = 1.
TEST(Lsuv, SetsKToOneOverTheDeviation) {
  std::vector<double> x(1000);
  for (size_t n = 0; n < x.size(); ++n) x[n] = 1.5 * std::sin(0.7 * double(n));
  Arfa layer(1);
  to_double(layer);
  const double before = variance(layer.forward(doubles(x)).value().host<double>());
  EXPECT_NEAR(std::sqrt(before), 0.783815810402, 5e-13);
  layer.buffers()[0].second->fill(17);  // whatever k was before
  EXPECT_EQ(initialise_from_data(layer, doubles(x)), 1);
  EXPECT_NEAR(layer.buffers()[0].second->item(), 1.275809937397, 5e-13);
  EXPECT_NEAR(variance(layer.forward(doubles(x)).value().host<double>()), 1, 1e-12);
}

// E F, var F and k for x ~ N(0, 1), a = 1, k = 1, by the trapezoidal rule.
TEST(Lsuv, NormalInput) {
  constexpr int64_t n = 240001;
  const double step = 24.0 / (n - 1);
  std::vector<double> x(n);
  for (int64_t i = 0; i < n; ++i) x[size_t(i)] = -12 + double(i) * step;
  Arfa layer(1);
  to_double(layer);
  const std::vector<double> y = layer.forward(doubles(x)).value().host<double>();
  double mean = 0, square = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double weight = std::exp(-x[i] * x[i] / 2) / std::sqrt(2 * std::numbers::pi) * step;
    mean += weight * y[i], square += weight * y[i] * y[i];
  }
  EXPECT_NEAR(mean, .206377550, 1e-9);
  EXPECT_NEAR(square - mean * mean, .548915317, 1e-9);
  EXPECT_NEAR(1 / std::sqrt(square - mean * mean), 1.349731318, 1e-9);
}

// conv - ARFA three times, each with weights of another size.
struct Stack : Sequential {
  Stack() {
    for (int i = 1; i <= 3; ++i) {
      Conv2dSpec conv = Conv2dSpec::square(i == 1 ? 3 : 5, 5, 3, 1, 1);
      conv.init = i == 2 ? Init::normal(3) : Init::orthogonal(), conv.bias = Bias::with;
      layers.push_back(&add<Conv2d>(cat("conv", i), conv));
      layers.push_back(&add<Arfa>(cat("arfa", i), 5));
    }
    initialise(3);
  }
  std::vector<Module*> layers;
};
Tensor pictures(int64_t N, const char* name) {
  const Tensor x({N, 9, 8, 3});
  initialise(x, Init::normal(1), 5, name);
  return x;
}
std::vector<double> factors(Module& net) {
  std::vector<double> k;
  for (const auto& [name, buffer] : net.buffers()) k.push_back(buffer->item());
  return k;
}

TEST(Lsuv, EveryLayerHasUnitVarianceInTheOrderOfTheNetwork) {
  Stack net;
  const Var x(pictures(4, "x"));
  EXPECT_EQ(initialise_from_data(net, x), 3);
  Var y = x;
  for (size_t i = 0; i < net.layers.size(); ++i) {
    y = net.layers[i]->forward(y);
    if (i % 2 == 0) continue;  // a convolution
    EXPECT_NEAR(variance(y.value().host<double>()), 1, 1e-4) << i;
  }
  const std::vector<double> k = factors(net);
  EXPECT_LT(k[1], 0.5) << "weights of deviation 3 want a small k";
  EXPECT_EQ(initialise_from_data(net, x), 3);
  EXPECT_EQ(factors(net), k) << "the same batch sets the same";
  initialise_from_data(net, Var(pictures(4, "others")));
  EXPECT_NE(factors(net), k);
}

TEST(Lsuv, RecordsNothingAndEndsWithItsPass) {
  Stack net;
  initialise_from_data(net, Var(pictures(2, "x"), true));
  const std::vector<double> k = factors(net);
  EXPECT_FALSE(LsuvPass::current());
  net.forward(Var(pictures(2, "others")));
  EXPECT_EQ(factors(net), k);
  Sequential none;
  none.add<ReLU>("relu");
  EXPECT_EQ(initialise_from_data(none, Var(pictures(2, "x"))), 0);
}

TEST(Lsuv, AnOutputWithoutVarianceIsAnError) {
  Stack net;
  EXPECT_THROW(initialise_from_data(net, Var(Tensor::full({1, 9, 8, 3}, NAN))), std::invalid_argument);
  EXPECT_FALSE(LsuvPass::current()) << "the pass ended with the error";
  for (const auto& [name, p] : net.parameters()) p->var.value().fill(0.5);
  net.parameters()[0].second->var.value().fill(0);
  EXPECT_THROW(initialise_from_data(net, Var(pictures(2, "x"))), std::invalid_argument);
}

TEST(Lsuv, ADeviceSetsWhatTheCpuSets) {
  Stack here, there;
  initialise_from_data(here, Var(pictures(4, "x")));
  for (const TestDevice& test : devices()) {
    const UseDevice device(*test.device);
    there.place(Device::cuda);
    initialise_from_data(there, Var(pictures(4, "x").to(Device::cuda)));
    const std::vector<double> expected = factors(here), got = factors(there);
    for (size_t i = 0; i < 3; ++i) EXPECT_NEAR(got[i], expected[i], 2e-5 * expected[i]) << test.name;
    there.parameters()[2].second->var.value().fill(-1);  // ARFA's a, brought into bounds there
    there.after_update();
    EXPECT_EQ(there.parameters()[2].second->var.value().host<float>(), std::vector<float>(5, 0.01f));
    there.place(Device::cpu);
    there.parameters()[2].second->var.value().fill(1);
  }
}

}  // namespace
}  // namespace fr::test
