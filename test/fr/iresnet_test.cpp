#include "fr/backbone/iresnet.h"

#include <map>

#include "nn/optimizer.h"
#include "nn/state.h"
#include "test/fr/described.h"
#include "test/fr/learning.h"
#include "test/fr/oracle.h"

namespace fr::test {
namespace {

bool ends_with(const std::string& name, const std::string& end) {
  return name.size() >= end.size() && name.compare(name.size() - end.size(), end.size(), end) == 0;
}

IResNetOptions small(int depth = 18, uint64_t seed = 1) { return {depth, 8, 20, 17, 0, seed}; }
Var pictures(int64_t N, uint64_t seed = 1) {
  return Var(random_tensor({N, 20, 17, 3}, seed, DType::float32));
}

// Published counts at 112 x 112, without the class weights. The D gammas of the last BN, which stay 1, are
// among them.
TEST(IResNet, ParameterCounts) {
  constexpr struct {
    int depth;
    int64_t with_512, with_256;
  } kCounts[] = {{18, 24025600, 17602304},
                 {34, 34139328, 27716032},
                 {50, 43590848, 37167552},
                 {100, 65156160, 58732864}};
  for (const auto& expected : kCounts) {
    IResNetOptions o{.depth = expected.depth};
    EXPECT_EQ(total_parameters(describe(o)), expected.with_512) << o.depth;
    o.embedding = 256;
    EXPECT_EQ(total_parameters(describe(o)), expected.with_256) << o.depth;
    o.width = 96;  // a map of 7 x 6 instead of 7 x 7
    EXPECT_EQ(total_parameters(describe(o)), expected.with_256 - 7 * 512 * 256) << o.depth;
    EXPECT_EQ(describe(o).end()[-2].parameters, 21504 * 256 + 256) << "FC";
    o.embedding = 2;
    EXPECT_EQ(total_parameters(describe(o)), expected.with_256 - (25088 + 3) * 256 + (21504 + 3) * 2)
        << o.depth;
  }
}

// The network that is built is the one that is described: the same layers in the same order, the same counts.
TEST(IResNet, DescriptionIsTheNetwork) {
  for (int depth : {18, 50}) {
    IResNet net(small(depth));
    expect_described(net, std::to_string(depth));
  }
}

TEST(IResNet, DepthCountsLayers) {
  for (const StageUnits& table : iresnet_tables()) {
    int sum = 0;
    for (int units : table.units) sum += units;
    EXPECT_EQ(table.depth, 2 + 2 * sum);
  }
}

std::vector<Shape> halving_convolutions(const IResNetOptions& options) {
  std::vector<Shape> shapes;
  for (const LayerDescription& l : describe(options)) {
    if (l.kind != "conv 3x3 /2") continue;
    EXPECT_TRUE(ends_with(l.name, ".unit1.conv2")) << l.name;
    shapes.push_back(l.output);
  }
  return shapes;
}

TEST(IResNet, StageShapes) {
  IResNetOptions o;
  EXPECT_EQ(halving_convolutions(o),
            (std::vector<Shape>{{56, 56, 64}, {28, 28, 128}, {14, 14, 256}, {7, 7, 512}}));
  o.width = 96;
  EXPECT_EQ(halving_convolutions(o),
            (std::vector<Shape>{{56, 48, 64}, {28, 24, 128}, {14, 12, 256}, {7, 6, 512}}));
  const std::vector<LayerDescription> layers = describe(o);
  EXPECT_EQ(layers[1].output, (Shape{112, 96, 64}));
  EXPECT_EQ(layers[layers.size() - 2].multiply_adds, 21504 * 512);
  EXPECT_EQ(layers.back().output, (Shape{512}));
  o.height = 20, o.width = 17;  // odd sides round up: 10 x 9, 5 x 5, 3 x 3, 2 x 2
  EXPECT_EQ(halving_convolutions(o).back(), (Shape{2, 2, 512}));
}

// The equations of iresnet.h, written with ops on the network's own tensors.
class Equations {
 public:
  explicit Equations(Module& net) : state_(collect_state(net)) {}

  Var embed(const Var& x, const StageUnits& table) const {
    Var y = prelu("stem.prelu", bn("stem.bn", conv("stem.conv", x, 1)));
    for (size_t s = 0; s < 4; ++s)
      for (int u = 0; u < table.units[s]; ++u) y = unit(stage_name(s) + "." + unit_name(u), y, u == 0);
    y = flatten(bn("output.bn1", y));
    return bn("output.bn2", linear(y, at("output.fc.weight"), at("output.fc.bias")));
  }

 private:
  Var at(const std::string& name) const { return Var(state_.at(name)); }
  Var bn(const std::string& name, const Var& x) const {
    return batch_norm(x, at(name + ".weight"), at(name + ".bias"), state_.at(name + ".running_mean"),
                      state_.at(name + ".running_var"), BatchNormMode::inference);
  }
  Var conv(const std::string& name, const Var& x, int64_t stride) const {
    const Var w = at(name + ".weight");
    return conv2d(x, w, {}, {stride, stride, w.dim(1) / 2, w.dim(2) / 2});
  }
  Var prelu(const std::string& name, const Var& x) const { return fr::prelu(x, at(name + ".weight")); }
  Var unit(const std::string& name, const Var& x, bool first) const {
    const Var inner =
        prelu(name + ".prelu", bn(name + ".bn2", conv(name + ".conv1", bn(name + ".bn1", x), 1)));
    const Var branch = bn(name + ".bn3", conv(name + ".conv2", inner, first ? 2 : 1));
    return add(first ? bn(name + ".shortcut.bn", conv(name + ".shortcut.conv", x, 2)) : x, branch);
  }
  NamedTensors state_;
};

TEST(IResNet, ComputesItsEquations) {
  IResNet net(small());
  for (const auto& [name, p] : net.parameters())  // constants would hide an exchange of two layers
    if (p->var.value().rank() == 1 && name != "output.bn2.weight")
      initialise(p->var.value(), Init::uniform(1), 5, name);
  for (int i = 0; i < 3; ++i) net.forward(pictures(4, 10 + uint64_t(i)));  // running statistics to go by
  net.train(false);
  const std::vector<double> y = net.forward(pictures(2)).value().host<double>();
  const std::vector<double> expected =
      Equations(net).embed(pictures(2), iresnet_tables()[0]).value().host<double>();
  EXPECT_EQ(y, expected);
}

// A shift of a whole channel, or of the whole embedding, does nothing where a BN follows on every way: these
// parameters have a gradient of rounding errors only. Zero padding and PReLU keep the others alive.
bool shift_before_bn(const std::string& name) {
  return ends_with(name, ".bn3.bias") || ends_with(name, ".shortcut.bn.bias") || name == "output.fc.bias";
}

// Four pictures: with two, the last BN puts out the signs of their difference, and nothing flows back.
TEST(IResNet, EveryParameterLearns) {
  IResNetOptions options = small();
  options.dropout = 0.4;  // without it output.bn1.bias is such a shift too
  IResNet net(options);
  expect_parameters_learn(net, pictures(4), 1e-2, shift_before_bn);
}

TEST(IResNet, AStepMovesAllButTheFrozenScale) {
  IResNet net(small());
  const NamedTensors state = collect_state(net);  // shares memory
  std::map<std::string, std::vector<float>> before;
  for (const auto& [name, tensor] : state) before[name] = tensor.host<float>();
  Sgd optimizer(net.parameters(), {.weight_decay = 0});
  backward(net.forward(pictures(4)), random_tensor({4, 8}, 2, DType::float32));
  optimizer.step(0.01);
  for (const auto& [name, tensor] : state) {
    if (shift_before_bn(name) || name == "output.bn1.bias") continue;
    EXPECT_EQ(tensor.host<float>() == before[name], name == "output.bn2.weight") << name;
  }
  EXPECT_EQ(before["output.bn2.weight"], std::vector<float>(8, 1));
}

// Training normalises over the batch: every number of the embedding has mean 0 and variance 1 there, whatever
// the weights. Inference takes each picture by itself and changes nothing.
TEST(IResNet, TrainingAndInferenceDiffer) {
  IResNet net(small());
  const Var x = pictures(6);
  const std::vector<double> y = net.forward(x).value().host<double>();
  for (size_t d = 0; d < 8; ++d) {
    double mean = 0, variance = 0;
    for (size_t n = 0; n < 6; ++n) mean += y[n * 8 + d] / 6, variance += y[n * 8 + d] * y[n * 8 + d] / 6;
    EXPECT_NEAR(mean, 0, 1e-5);
    EXPECT_NEAR(variance, 1, 1e-2);  // v / (v + eps) of the embedding's variance v before the last BN
  }
  net.train(false);
  const std::vector<float> together = net.forward(x).value().host<float>();
  EXPECT_EQ(net.forward(x).value().host<float>(), together) << "the running statistics moved";
  const std::vector<float> all = x.value().host<float>();
  const std::vector<float> first(all.begin(), all.begin() + 20 * 17 * 3);
  const std::vector<float> alone =
      net.forward(Var(Tensor::from(first, {1, 20, 17, 3}))).value().host<float>();
  for (size_t d = 0; d < 8; ++d) EXPECT_NEAR(alone[d], together[d], 1e-4 * (1 + std::abs(alone[d])));
}

// Two steps have two masks; nothing else in the network is random.
TEST(IResNet, DropoutOnlyWhileTraining) {
  IResNetOptions options = small();
  options.dropout = 0.4;
  IResNet net(options);
  const RandomState before = random_state();
  const auto at_step = [&](uint64_t step) {
    random_state() = {1, step};
    return net.forward(pictures(3)).value().host<float>();
  };
  EXPECT_EQ(at_step(0), at_step(0));
  EXPECT_NE(at_step(0), at_step(1));
  net.train(false);
  EXPECT_EQ(at_step(0), at_step(1));
  random_state() = before;
}

TEST(IResNet, InitialValues) {
  IResNet net(small());
  for (const auto& [name, p] : net.parameters()) {
    const std::vector<double> v = p->var.value().host<double>();
    double squares = 0, largest = 0;
    for (double x : v) squares += x * x / double(v.size()), largest = std::max(largest, std::abs(x));
    EXPECT_TRUE(p->lr_multiplier == 1 && p->decay_multiplier == 1) << name;
    if (ends_with(name, "conv.weight") || ends_with(name, "conv1.weight") ||
        ends_with(name, "conv2.weight")) {
      EXPECT_NEAR(std::sqrt(squares), 0.1, 5e-3) << name;
      EXPECT_GT(largest, 0.25) << name;  // a normal distribution, not a uniform one
    } else if (name == "output.fc.weight") {
      const double bound = 1 / std::sqrt(2048.);
      EXPECT_LE(largest, bound * (1 + 1e-6));
      EXPECT_NEAR(squares / (bound * bound / 3), 1, 0.05);
    } else {
      const double value = ends_with(name, "bias") ? 0 : ends_with(name, "prelu.weight") ? 0.25 : 1;
      EXPECT_EQ(v, std::vector<double>(v.size(), value)) << name;
    }
  }
}

TEST(IResNet, Errors) {
  EXPECT_THROW(describe(small(20)), std::invalid_argument);
  IResNetOptions options = small();
  options.embedding = 0;
  EXPECT_THROW(IResNet{options}, std::invalid_argument);
  options = small(), options.dropout = 1;
  EXPECT_THROW(describe(options), std::invalid_argument);
  IResNet net(small());
  EXPECT_THROW(net.forward(Var(Tensor::zeros({2, 17, 20, 3}))), std::invalid_argument);
  EXPECT_THROW(net.forward(pictures(1)), std::invalid_argument) << "one row has no variance";
}

}  // namespace
}  // namespace fr::test
