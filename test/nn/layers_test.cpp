// Layers: names, shapes, counts, modes; initialisers: bounds, moments, independence of the neighbours.
#include "nn/layers.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "base/file.h"
#include "base/parallel.h"
#include "base/philox.h"

namespace fr {
namespace {

std::vector<std::string> names(Module& module) {
  std::vector<std::string> all;
  for (const auto& [name, parameter] : module.parameters()) all.push_back(name);
  for (const auto& [name, buffer] : module.buffers()) all.push_back("buffer " + name);
  return all;
}

struct Block : Sequential {
  explicit Block(int64_t C) {
    add<Conv2d>("conv", Conv2dSpec::square(C, C, 3, 1, 1));
    add<BatchNorm>("norm", C);
  }
};

struct Network : Sequential {
  Network() {
    Conv2dSpec stem = Conv2dSpec::square(3, 4, 3, 2, 1);
    stem.bias = Bias::with;
    stem.bias_lr_multiplier = 2, stem.bias_decay_multiplier = 0;
    add<Conv2d>("stem", stem);
    add<PReLU>("act", 4);
    add<Block>("block", 4);
    add<Flatten>("flatten");
    add<Linear>("fc", LinearSpec{4 * 4 * 3, 5});
  }
};

TEST(Module, NamesCountsAndShapes) {
  Network net;
  EXPECT_EQ(names(net),
            (std::vector<std::string>{"stem.weight", "stem.bias", "act.weight", "block.conv.weight",
                                      "block.norm.weight", "block.norm.bias", "fc.weight", "fc.bias",
                                      "buffer block.norm.running_mean", "buffer block.norm.running_var"}));
  EXPECT_EQ(net.parameter_count(), 4 * 9 * 3 + 4 + 4 + 4 * 9 * 4 + 4 + 4 + 5 * 48 + 5);
  EXPECT_EQ(net.parameters()[1].second->lr_multiplier, 2);
  EXPECT_EQ(net.parameters()[1].second->decay_multiplier, 0);
  net.initialise(1);
  EXPECT_EQ(net.forward(Var(Tensor::full({2, 8, 6, 3}, 0.5))).shape(), (Shape{2, 5}));
}

TEST(Module, TrainReachesEveryChild) {
  Network net;
  net.initialise(1);
  const Tensor mean = *net.buffers()[0].second;
  net.train(false);
  net.forward(Var(Tensor::full({2, 8, 6, 3}, 0.5)));
  EXPECT_EQ(mean.host<double>(), std::vector<double>(4, 0)) << "inference changes no statistics";
  net.train();
  net.forward(Var(Tensor::full({2, 8, 6, 3}, 0.5)));
  EXPECT_NE(mean.host<double>(), std::vector<double>(4, 0));
}

TEST(Arfa, StartsAtOneWithoutDecayAndStaysAboveItsBound) {
  Arfa layer(3);
  EXPECT_EQ(names(layer), (std::vector<std::string>{"weight", "buffer k"}));
  const Parameter& a = *layer.parameters()[0].second;
  EXPECT_EQ(a.decay_multiplier, 0);
  EXPECT_EQ(a.var.value().host<float>(), std::vector<float>(3, 1));
  a.var.value().copy_from(Tensor::from<float>({-2, 0.005f, 7}, {3}));
  layer.after_update();
  EXPECT_EQ(a.var.value().host<float>(), (std::vector<float>{0.01f, 0.01f, 7}));
}

TEST(ParallelConv2d, JoinsMapsOfOneSize) {
  std::vector<Conv2dSpec> specs;
  for (int64_t d : {1, 2, 3}) {
    specs.push_back(Conv2dSpec::square(2, 2 + d, 3, 1, d - 1));
    specs.back().window.dilation_h = specs.back().window.dilation_w = d;
    specs.back().bias = Bias::with;
  }
  ParallelConv2d layer(specs);
  layer.initialise(2);
  EXPECT_EQ(names(layer)[2], "branch2.weight");
  const Tensor x({2, 7, 6, 2});
  initialise(x, Init::normal(1), 3, "x");
  const auto parameters = layer.parameters();
  std::vector<Var> expected;
  for (size_t i = 0; i < 3; ++i)
    expected.push_back(
        conv2d(Var(x), parameters[2 * i].second->var, parameters[2 * i + 1].second->var, specs[i].window));
  const Var y = layer.forward(Var(x));
  EXPECT_EQ(y.shape(), (Shape{2, 5, 4, 12}));
  for (int64_t n = 0, c = 0, i = 0; i < 3; c += expected[size_t(i++)].dim(3))
    for (n = 0; n < 2 * 5 * 4; ++n)
      for (int64_t j = 0; j < expected[size_t(i)].dim(3); ++j)
        ASSERT_EQ(y.value().as<float>()[n * 12 + c + j],
                  expected[size_t(i)].value().as<float>()[n * expected[size_t(i)].dim(3) + j]);
  specs[2].window.pad_h = 0;
  ParallelConv2d unequal(specs);
  EXPECT_THROW(unequal.forward(Var(x)), std::invalid_argument);
}

TEST(Module, ZeroGradForgetsGradients) {
  Network net;
  net.initialise(1);
  backward(sum(net.forward(Var(Tensor::full({2, 8, 6, 3}, 0.5)))));
  for (const auto& [name, parameter] : net.parameters()) EXPECT_TRUE(parameter->var.grad()) << name;
  net.zero_grad();
  for (const auto& [name, parameter] : net.parameters()) EXPECT_FALSE(parameter->var.grad()) << name;
}

TEST(Module, NamesAreUnique) {
  Sequential net;
  net.add<ReLU>("a");
  EXPECT_THROW(net.add<ReLU>("a"), std::invalid_argument);
  EXPECT_THROW(net.add<ReLU>(""), std::invalid_argument);
}

TEST(Layers, FixedScaleGetsNoGradient) {
  BatchNormSpec spec{3};
  spec.scale = BatchNormSpec::Scale::fixed;
  BatchNorm norm(spec);
  backward(sum(norm.forward(Var(Tensor::from<float>({1, 2, 3, 4, 5, 7}, {2, 3})))));
  EXPECT_FALSE(norm.parameters()[0].second->var.grad());
  EXPECT_TRUE(norm.parameters()[1].second->var.grad());
}

TEST(Layers, DropoutFollowsStepAndStream) {
  Dropout a(0.5, 1), b(0.5, 2);
  const Var x(Tensor::full({1000}, 1));
  random_state() = {3, 10};
  const auto mask = [&](Dropout& layer) { return layer.forward(x).value().host<double>(); };
  const auto first = mask(a);
  EXPECT_EQ(mask(a), first) << "one step, one mask";
  EXPECT_NE(mask(b), first) << "another layer, another mask";
  random_state().step = 11;
  EXPECT_NE(mask(a), first);
  random_state() = {4, 10};
  EXPECT_NE(mask(a), first);
  a.train(false);
  EXPECT_EQ(mask(a), std::vector<double>(1000, 1));
  random_state() = {};
}

// A ReLU joins the passes of a chain as a PReLU does: the same numbers, in training and in inference, and no map of its own.
TEST(Layers, ReLUInAChain) {
  Sequential net;
  net.add<Conv2d>("conv", Conv2dSpec::square(3, 5, 3, 1, 1));
  net.add<BatchNorm>("bn", 5);
  net.add<ReLU>("relu");
  net.add<Conv2d>("conv2", Conv2dSpec::square(5, 4, 1));
  net.add<ReLU>("relu2");
  net.initialise(1);
  EXPECT_EQ(names(net), (std::vector<std::string>{"conv.weight", "bn.weight", "bn.bias", "conv2.weight",
                                                  "buffer bn.running_mean", "buffer bn.running_var"}));
  const Tensor pictures({2, 6, 5, 3});
  initialise(pictures, Init::normal(1), 2, "x");
  const Var x(pictures, true);
  const auto parameter = [&](size_t i) { return net.parameters()[i].second->var; };
  const auto expected = [&](BatchNormMode mode) {
    const Tensor mean = net.buffers()[0].second->clone(), var = net.buffers()[1].second->clone();
    const Var z = conv2d(x, parameter(0), {}, {1, 1, 1, 1});
    return relu(
        conv2d(relu(batch_norm(z, parameter(1), parameter(2), mean, var, mode)), parameter(3), {}, {}));
  };
  const auto gradients = [&](const Var& y) {
    backward(y, Tensor::full(y.shape(), 1));
    std::vector<std::vector<float>> all{x.grad().host<float>()};
    for (size_t i = 0; i < 4; ++i) all.push_back(parameter(i).grad().host<float>());
    net.zero_grad(), Var(x).zero_grad();
    return all;
  };
  const Var one_by_one = expected(BatchNormMode::training), y = net.forward(x);
  EXPECT_EQ(y.value().host<float>(), one_by_one.value().host<float>());
  EXPECT_EQ(gradients(y), gradients(one_by_one));
  net.train(false);
  const auto inferred = expected(BatchNormMode::inference).value().host<double>();
  const NoGrad off;
  const auto fused = net.forward(x).value().host<double>();
  for (size_t i = 0; i < inferred.size(); ++i) EXPECT_NEAR(fused[i], inferred[i], 1e-5) << i;
}

TEST(Layers, GlobalAveragePool) {
  GlobalAveragePool pool;
  const Var x(Tensor::from<float>({1, 2, 3, 4, 5, 9, -1, 0, 1, 0, 0, 0}, {2, 1, 3, 2}), true);
  const Var y = pool.forward(x);
  EXPECT_EQ(y.shape(), (Shape{2, 2}));
  EXPECT_EQ(y.value().host<float>(), (std::vector<float>{3, 5, 0, 0}));
  backward(y, Tensor::from<float>({3, 6, 9, 12}, {2, 2}));
  EXPECT_EQ(x.grad().host<float>(), (std::vector<float>{1, 2, 1, 2, 1, 2, 3, 4, 3, 4, 3, 4}));
  EXPECT_THROW(pool.forward(Var(Tensor::zeros({2, 3}))), std::invalid_argument);
}

TEST(Layers, RefuseImpossibleSizes) {
  EXPECT_THROW(Conv2d(Conv2dSpec{0, 4}), std::invalid_argument);
  Conv2dSpec grouped{3, 4};
  grouped.window.groups = 2;
  EXPECT_THROW(Conv2d{grouped}, std::invalid_argument);
  EXPECT_THROW(Linear(LinearSpec{0, 4}), std::invalid_argument);
  EXPECT_THROW(BatchNorm(0), std::invalid_argument);
  EXPECT_THROW(PReLU(0), std::invalid_argument);
  EXPECT_THROW(Arfa(0), std::invalid_argument);
  EXPECT_THROW(ParallelConv2d({}), std::invalid_argument);
  EXPECT_THROW(Dropout(1, 0), std::invalid_argument);
  EXPECT_THROW(Dropout(0.5, 1 << 16), std::invalid_argument);
}

struct Moments {
  double mean = 0, variance = 0, largest = 0, fourth = 0;
};

Moments moments(const Init& init, const Shape& shape, uint64_t seed = 1, const char* name = "w") {
  const Tensor w(shape);
  initialise(w, init, seed, name);
  Moments m;
  const std::vector<double> x = w.host<double>();
  const double n = double(x.size());
  for (double v : x) m.mean += v / n;
  for (double v : x) {
    const double d = v - m.mean;
    m.variance += d * d / n, m.fourth += d * d * d * d / n;
    m.largest = std::max(m.largest, std::abs(v));
  }
  m.fourth /= m.variance * m.variance;
  return m;
}

constexpr int64_t kRows = 4000,
                  kFanIn = 27;  // 108,000 draws: 1 % is more than 2.5 standard errors of a variance

TEST(Init, CaffeXavier) {
  const Moments m = moments(Init::caffe_xavier(), {kRows, 3, 3, 3});
  EXPECT_LE(m.largest, std::sqrt(3.0 / kFanIn) * (1 + 1e-6));
  EXPECT_GT(m.largest, std::sqrt(3.0 / kFanIn) * 0.999);
  EXPECT_NEAR(m.mean, 0, 5 * std::sqrt(1.0 / kFanIn / (kRows * kFanIn)));
  EXPECT_NEAR(m.variance, 1.0 / kFanIn, 0.015 / kFanIn);
}

TEST(Init, Msra) {
  const Moments m = moments(Init::msra(), {kRows, kFanIn});
  EXPECT_NEAR(m.mean, 0, 5 * std::sqrt(2.0 / kFanIn / (kRows * kFanIn)));
  EXPECT_NEAR(m.variance, 2.0 / kFanIn, 0.02 * 2 / kFanIn);
  EXPECT_NEAR(m.fourth, 3, 0.1) << "a normal distribution has kurtosis 3";
}

TEST(Init, NormalUniformConstantKeep) {
  EXPECT_NEAR(moments(Init::normal(0.01), {kRows, kFanIn}).variance, 1e-4, 2e-6);
  EXPECT_LE(moments(Init::uniform(0.25), {kRows, kFanIn}).largest, 0.25);
  EXPECT_NEAR(moments(Init::uniform(0.25), {kRows, kFanIn}).fourth, 1.8, 0.03);
  const Tensor w = Tensor::full({3}, 7);
  initialise(w, {}, 1, "w");
  EXPECT_EQ(w.host<double>(), std::vector<double>(3, 7));
  initialise(w, Init::constant(0.25), 1, "w");
  EXPECT_EQ(w.host<double>(), std::vector<double>(3, 0.25));
}

// The definition, number by number, with the logarithm and the sine of the C library.
TEST(Init, DrawsAreBoxMullerOfPhilox) {
  const uint64_t f = fingerprint("w");
  const PhiloxKey key{11, Purpose::initialise, f & ((uint64_t{1} << 48) - 1), uint32_t(f >> 48)};
  const auto u = [](uint32_t bits) { return (bits + 0.5) / 4294967296.0; };
  for (const int64_t n : {1, 3, 63, 64, 65, 20000}) {
    const Tensor normal({1, n}, DType::float64), uniform({1, n}, DType::float64);
    initialise(normal, Init::normal(1), 11, "w");
    initialise(uniform, Init::uniform(1), 11, "w");
    const auto x = normal.host<double>(), y = uniform.host<double>();
    for (int64_t i = 0; i < n; ++i) {
      const auto words = philox4x32(key, uint64_t(i / 4));
      const uint32_t *pair = words.data() + i % 4 / 2 * 2, word = words[i % 4];
      const double angle = 2 * std::numbers::pi * u(pair[1]);
      const double expected =
          std::sqrt(-2 * std::log(u(pair[0]))) * (i % 2 ? std::sin(angle) : std::cos(angle));
      ASSERT_NEAR(x[size_t(i)], expected, 4e-14) << i << " of " << n;
      ASSERT_EQ(y[size_t(i)], 2 * u(word) - 1) << i << " of " << n;
    }
  }
}

// Largest distance of <u_i, u_j> from [i = j], over the rows of w seen as (K, rest), or its columns.
double orthogonality_error(const Tensor& w) {
  const std::vector<double> v = w.host<double>();
  const auto K = size_t(w.dim(0)), D = v.size() / K, n = std::min(K, D), length = std::max(K, D);
  const auto at = [&](size_t i, size_t l) { return K > D ? v[l * D + i] : v[i * D + l]; };
  double worst = 0;
  for (size_t i = 0; i < n; ++i)
    for (size_t j = 0; j <= i; ++j) {
      double product = 0;
      for (size_t l = 0; l < length; ++l) product += at(i, l) * at(j, l);
      worst = std::max(worst, std::abs(product - (i == j)));
    }
  return worst;
}

TEST(Init, OrthogonalRowsOrColumns) {
  for (const Shape& s : {Shape{1, 1}, Shape{5, 3, 3, 2}, Shape{40, 3, 3, 2}, Shape{64, 1, 1, 33},
                         Shape{128, 128}, Shape{70, 5, 5, 8}, Shape{3, 7}, Shape{7, 1}}) {
    const Tensor w(s, DType::float64), single(s);
    initialise(w, Init::orthogonal(), 4, "w");
    initialise(single, Init::orthogonal(), 4, "w");
    EXPECT_LE(orthogonality_error(w), 1e-11) << to_string(s);
    EXPECT_EQ(single.host<float>(), w.host<float>()) << "the rounded double ones";
  }
}

// The first vector is a normal one of unit length; none of the directions is preferred.
TEST(Init, OrthogonalBeginsWithTheNormalDraws) {
  const Tensor w({3, 50}, DType::float64), normal({3, 50}, DType::float64);
  initialise(w, Init::orthogonal(), 4, "w");
  initialise(normal, Init::normal(1), 4, "w");
  const std::vector<double> q = w.host<double>(), x = normal.host<double>();
  double length = 0;
  for (size_t i = 0; i < 50; ++i) length += x[i] * x[i];
  for (size_t i = 0; i < 50; ++i) EXPECT_NEAR(q[i], x[i] / std::sqrt(length), 1e-15);
}

TEST(Init, OrthogonalDoesNotDependOnThreads) {
  const int before = threads();
  std::vector<std::vector<double>> drawn;
  for (int n : {1, 2, 3}) {
    set_threads(n);
    const Tensor w({90, 3, 3, 11}, DType::float64);
    initialise(w, Init::orthogonal(), 4, "w");
    drawn.push_back(w.host<double>());
  }
  set_threads(before);
  EXPECT_EQ(drawn[0], drawn[1]);
  EXPECT_EQ(drawn[0], drawn[2]);
}

std::vector<double> drawn(uint64_t seed, const char* name, Shape shape, DType type = DType::float32) {
  const Tensor w(std::move(shape), type);
  initialise(w, Init::normal(1), seed, name);
  return w.host<double>();
}

TEST(Init, IsAFunctionOfSeedNameAndIndex) {
  const auto w = drawn(1, "conv1.weight", {10, 10});
  EXPECT_EQ(drawn(1, "conv1.weight", {10, 10}), w);
  EXPECT_NE(drawn(2, "conv1.weight", {10, 10}), w);
  EXPECT_NE(drawn(1, "conv2.weight", {10, 10}), w);
  EXPECT_EQ(drawn(1, "conv1.weight", {1, 100}), w) << "with a fixed spread the shape does not matter";
  const auto exact = drawn(1, "conv1.weight", {10, 10}, DType::float64);
  for (size_t i = 0; i < w.size(); ++i) EXPECT_EQ(w[i], double(float(exact[i])));
}

TEST(Init, AddingALayerDoesNotMoveTheOthers) {
  Sequential small, large;
  small.add<Linear>("a", LinearSpec{4, 4});
  small.add<Linear>("c", LinearSpec{4, 4});
  large.add<Linear>("a", LinearSpec{4, 4});
  large.add<Linear>("b", LinearSpec{4, 4});
  large.add<Linear>("c", LinearSpec{4, 4});
  small.initialise(5);
  large.initialise(5);
  const auto weight = [](Module& net, size_t i) {
    return net.parameters()[i].second->var.value().host<double>();
  };
  EXPECT_EQ(weight(small, 0), weight(large, 0));
  EXPECT_EQ(weight(small, 2), weight(large, 4));
  EXPECT_NE(weight(large, 0), weight(large, 2));
}

}  // namespace
}  // namespace fr
