#include "fr/backbone/mobilefacenet.h"

#include <map>

#include "fr/model.h"
#include "nn/optimizer.h"
#include "nn/state.h"
#include "test/fr/described.h"
#include "test/fr/oracle.h"

namespace fr::test {
namespace {

MobileFaceNetOptions small(uint64_t seed = 1) { return {50, 8, 36, 33, 0, seed}; }
Var pictures(int64_t N, uint64_t seed = 1) {
  return Var(random_tensor({N, 36, 33, 3}, seed, DType::float32));
}

// Table 1 of the paper, line by line: t, C, n of the bottlenecks.
int64_t parameters_by_the_table(int64_t D, int64_t map) {
  constexpr int64_t kTable[][3] = {{2, 64, 5}, {4, 128, 1}, {2, 128, 6}, {4, 128, 1}, {2, 128, 2}};
  const auto layer = [](int64_t weights, int64_t K, bool prelu) { return weights + (prelu ? 3 : 2) * K; };
  int64_t in = 64, sum = layer(3 * 9 * 64, 64, true) + layer(9 * 64, 64, true);
  for (const auto& [t, C, n] : kTable)
    for (int64_t i = 0; i < n; ++i, in = C)
      sum += layer(in * t * in, t * in, true) + layer(9 * t * in, t * in, true) + layer(t * in * C, C, false);
  return sum + layer(in * 512, 512, true) + layer(map * 512, 512, false) + layer(512 * D + D, D, false);
}

TEST(MobileFaceNet, ParameterCounts) {
  MobileFaceNetOptions o;
  EXPECT_EQ(total_parameters(describe(o)), parameters_by_the_table(128, 49));
  EXPECT_EQ(total_parameters(describe(o)), 1003264);
  o.width = 96, o.embedding = 512;  // a map of 7 x 6
  EXPECT_EQ(total_parameters(describe(o)), parameters_by_the_table(512, 42));
}

TEST(MobileFaceNet, DescriptionIsTheNetwork) {
  MobileFaceNetOptions o = small();
  o.dropout = 0.2;
  MobileFaceNet net(o);
  expect_described(net);
}

TEST(MobileFaceNet, DepthCountsLayers) {
  for (const StageUnits& table : mobilefacenet_tables()) {
    int products = 0;
    for (const LayerDescription& l : describe(MobileFaceNetOptions{.depth = table.depth}))
      products += l.multiply_adds > 0;
    EXPECT_EQ(products, table.depth);
  }
}

TEST(MobileFaceNet, Shapes) {
  MobileFaceNetOptions o;
  std::map<std::string, LayerDescription> layers;
  for (const LayerDescription& l : describe(o)) layers[l.name] = l;
  const auto expect = [&](const char* name, const char* kind, const Shape& output) {
    EXPECT_EQ(layers[name].kind, kind) << name;
    EXPECT_EQ(layers[name].output, output) << name;
  };
  expect("stem.conv1", "conv 3x3 /2", {56, 56, 64});
  expect("stem.conv2", "depthwise 3x3", {56, 56, 64});
  expect("stage2.unit1.conv1", "conv 1x1", {56, 56, 128});
  expect("stage2.unit1.conv2", "depthwise 3x3 /2", {28, 28, 128});
  expect("stage2.unit5", "add", {28, 28, 64});
  expect("stage3.unit1.conv2", "depthwise 3x3 /2", {14, 14, 256});
  expect("stage3.unit7", "add", {14, 14, 128});
  expect("stage4.unit1.conv2", "depthwise 3x3 /2", {7, 7, 512});
  expect("stage4.unit3", "add", {7, 7, 128});
  expect("last.conv1", "conv 1x1", {7, 7, 512});
  expect("output.conv", "depthwise 7x7", {1, 1, 512});
  expect("output.fc", "linear", {128});
  EXPECT_EQ(layers.count("stage2.unit1"), 0u) << "no sum where the map is halved";
  EXPECT_EQ(layers.count("stage4.unit1"), 0u) << "nor where the channels stay the same";
  EXPECT_EQ(layers.count("stage2.unit1.prelu3"), 0u) << "a bottleneck ends linear";
  EXPECT_EQ(layers["stage2.unit1.conv2"].parameters, 9 * 128);
  o.height = 36, o.width = 33;  // odd sides round up: 18 x 17, 9 x 9, 5 x 5, 3 x 3
  EXPECT_EQ(describe(o).end()[-4].kind, "depthwise 3x3") << "as large as the last map";
  EXPECT_EQ(describe(o).end()[-4].output, (Shape{1, 1, 512}));
}

// The equations of mobilefacenet.h, written with ops on the network's own tensors.
class Equations {
 public:
  explicit Equations(Module& net) : state_(collect_state(net)) {}

  Var embed(const Var& x) const {
    Var y = active("stem", 2, active("stem", 1, x, 2), 1);
    for (int s = 2; s <= 4; ++s)
      for (int u = 1; state_.count(cat("stage", s, ".unit", u, ".conv1.weight")); ++u)
        y = bottleneck(cat("stage", s, ".unit", u), y, u == 1 ? 2 : 1);
    y = active("last", 1, y, 1);
    const Var filter = at("output.conv.weight");
    EXPECT_EQ(filter.dim(1), y.dim(1));
    EXPECT_EQ(filter.dim(2), y.dim(2));
    y = flatten(bn("output.bn1", conv2d(y, filter, {}, {.groups = 512})));
    return bn("output.bn2", linear(y, at("output.fc.weight"), at("output.fc.bias")));
  }

 private:
  Var at(const std::string& name) const { return Var(state_.at(name)); }
  Var bn(const std::string& name, const Var& x) const {
    return batch_norm(x, at(name + ".weight"), at(name + ".bias"), state_.at(name + ".running_mean"),
                      state_.at(name + ".running_var"), BatchNormMode::inference);
  }
  // BN(conv): a filter with one channel is depthwise.
  Var linear_layer(const std::string& block, int i, const Var& x, int64_t stride) const {
    const Var w = at(cat(block, ".conv", i, ".weight"));
    Conv2dOptions window{stride, stride, w.dim(1) / 2, w.dim(2) / 2};
    if (w.dim(3) == 1) window.groups = x.dim(3);
    return bn(cat(block, ".bn", i), conv2d(x, w, {}, window));
  }
  Var active(const std::string& block, int i, const Var& x, int64_t stride) const {
    return prelu(linear_layer(block, i, x, stride), at(cat(block, ".prelu", i, ".weight")));
  }
  Var bottleneck(const std::string& name, const Var& x, int64_t stride) const {
    const Var y = linear_layer(name, 3, active(name, 2, active(name, 1, x, 1), stride), 1);
    return stride == 1 ? add(x, y) : y;
  }
  NamedTensors state_;
};

TEST(MobileFaceNet, ComputesItsEquations) {
  MobileFaceNet net(small());
  for (const auto& [name, p] : net.parameters())  // constants would hide an exchange of two layers
    if (p->var.value().rank() == 1 && name != "output.bn2.weight")
      initialise(p->var.value(), Init::uniform(1), 5, name);
  for (int i = 0; i < 3; ++i) net.forward(pictures(4, 10 + uint64_t(i)));  // running statistics to go by
  net.train(false);
  const std::vector<double> expected = Equations(net).embed(pictures(2)).value().host<double>();
  EXPECT_EQ(net.forward(pictures(2)).value().host<double>(), expected);
  const NoGrad no_grad;
  const std::vector<double> fused = net.forward(pictures(2)).value().host<double>();
  for (size_t i = 0; i < fused.size(); ++i)
    EXPECT_NEAR(fused[i], expected[i], 2e-5 * (1 + std::abs(expected[i])));
}

double mean_size(const Tensor& t) {
  double sum = 0;
  for (double v : t.host<double>()) sum += std::abs(v) / double(t.size());
  return sum;
}

// A shift of a whole embedding does nothing before a BN: without dropout two biases have a gradient of rounding errors.
TEST(MobileFaceNet, EveryParameterLearns) {
  MobileFaceNetOptions options = small();
  options.dropout = 0.4;
  MobileFaceNet net(options);
  const Var y = net.forward(pictures(6));
  ASSERT_EQ(y.shape(), (Shape{6, 8}));
  backward(y, random_tensor({6, 8}, 2, DType::float32));
  for (const auto& [name, p] : net.parameters()) {
    if (name == "output.bn2.weight") {
      EXPECT_FALSE(p->var.requires_grad() || p->var.grad()) << "the last gamma is frozen";
      continue;
    }
    ASSERT_TRUE(p->var.grad()) << name;
    const double size = mean_size(p->var.grad());
    EXPECT_TRUE(name == "output.fc.bias" ? size < 1e-5 : size > 1e-3 && std::isfinite(size))
        << name << ' ' << size;
  }
}

// Eight pictures of four people: a few steps from scratch.
TEST(MobileFaceNet, StepsLowerTheLoss) {
  SupervisionOptions loss;
  loss.terms = {{"softmax", 1}};
  FaceModel model(std::make_unique<MobileFaceNet>(small()), loss, 4, 1);
  Sgd optimizer(model.parameters(), {.weight_decay = 0});
  const Tensor labels = Tensor::from(std::vector<int64_t>{0, 1, 2, 3, 0, 1, 2, 3}, {8});
  std::vector<double> losses;
  for (int64_t step = 0; step < 8; ++step) {
    model.zero_grad();
    const Var loss = model.loss(pictures(8), labels, step);
    losses.push_back(loss.value().item());
    backward(loss);
    optimizer.step(0.02);
  }
  EXPECT_GT(losses.front(), 0.7);
  EXPECT_LT(losses.back(), 0.5 * losses.front());
}

TEST(MobileFaceNet, InitialValues) {
  MobileFaceNet net({.seed = 3});
  for (const auto& [name, p] : net.parameters()) {
    const Tensor& w = p->var.value();
    const std::vector<double> v = w.host<double>();
    double squares = 0;
    for (double x : v) squares += x * x / double(v.size());
    if (w.rank() == 4) {
      EXPECT_NEAR(squares * double(w.size() / w.dim(0)) / 2, 1, 0.2) << name << ": variance 2 / fan in";
    } else if (w.rank() == 1) {
      const bool slope = name.find("prelu") != std::string::npos;
      EXPECT_EQ(v, std::vector<double>(v.size(), name.ends_with("bias") ? 0 : slope ? 0.25 : 1)) << name;
    }
  }
}

TEST(MobileFaceNet, Errors) {
  MobileFaceNetOptions options = small();
  options.depth = 18;
  EXPECT_THROW(describe(options), std::invalid_argument);
  options = small(), options.embedding = 0;
  EXPECT_THROW(MobileFaceNet{options}, std::invalid_argument);
  MobileFaceNet net(small());
  EXPECT_THROW(net.forward(Var(Tensor::zeros({2, 33, 36, 3}))), std::invalid_argument);
  EXPECT_THROW(net.forward(pictures(1)), std::invalid_argument) << "one row has no variance";
}

}  // namespace
}  // namespace fr::test
