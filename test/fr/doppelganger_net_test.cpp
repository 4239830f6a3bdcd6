#include "fr/backbone/doppelganger_net.h"

#include <map>
#include <optional>
#include <set>

#include "autograd/gradient_check.h"
#include "fr/backbone/network.h"
#include "nn/optimizer.h"
#include "nn/state.h"
#include "test/devices.h"
#include "test/fr/described.h"
#include "test/fr/oracle.h"
#include "test/stand_in.h"

namespace fr::test {
namespace {

// The whole network at its smallest: 1, 2, 4, ... channels.
DoppelgangerOptions small(int64_t narrow = 64, uint64_t seed = 1) {
  return {.depth = 27, .embedding = 8, .height = 48, .width = 64, .seed = seed, .narrow = narrow};
}
Tensor pictures(int64_t N, uint64_t seed = 1, DType type = DType::float32) {
  return random_tensor({N, 48, 64, 3}, seed, type);
}

// Smirnov et al. 2017, Table 1: the map after each of its lines.
const std::vector<Shape> kTable = {{128, 128, 64}, {124, 124, 64}, {62, 62, 64},   {62, 62, 128},
                                   {60, 60, 256},  {30, 30, 256},  {30, 30, 256},  {28, 28, 512},
                                   {14, 14, 512},  {14, 14, 512},  {12, 12, 1024}, {6, 6, 1024},
                                   {6, 6, 1024},   {512},          {512}};
const std::vector<std::string> kLines = {"conv1", "conv2",  "pool1",     "stage1", "parallel1",
                                         "pool2", "stage2", "parallel2", "pool3",  "stage3",
                                         "conv3", "pool4",  "stage4",    "maxout", "embedding"};

TEST(Doppelganger, ShapesOfTheTable) {
  std::map<std::string, Shape> last;  // of each line
  for (const LayerDescription& l : describe(DoppelgangerOptions{}))
    last[l.name.substr(0, l.name.find('.'))] = l.output;
  for (size_t i = 0; i < kLines.size(); ++i) EXPECT_EQ(last[kLines[i]], kTable[i]) << kLines[i];
  EXPECT_EQ(last["fc"], (Shape{1024}));
  EXPECT_EQ(last.size(), kLines.size() + 2) << "FC and the picture";
}

// Without ARFA's a, as MATH counts them, and with.
TEST(Doppelganger, ParameterCounts) {
  int64_t arfa = 0, all = 0;
  for (const LayerDescription& l : describe(DoppelgangerOptions{}))
    all += l.parameters, arfa += l.kind == "arfa" ? l.parameters : 0;
  EXPECT_EQ(all - arfa, 126869440);
  EXPECT_EQ(all, 126883904);
  const auto deviation = describe(DoppelgangerOptions{.depth = 27, .height = 112, .width = 112});
  EXPECT_EQ(total_parameters(deviation),
            126883904 - (25 * 3 * 64 + 64 + 64) - 25 * 64 * 61 - 1024 * (36864 - 25 * 1024));
}

TEST(Doppelganger, DepthCountsLayers) {
  for (const StageUnits& table : doppelganger_tables()) {
    const int64_t side = table.depth == 28 ? 259 : 112;
    std::set<std::string> layers;
    for (const LayerDescription& l :
         describe(DoppelgangerOptions{.depth = table.depth, .height = side, .width = side}))
      if ((l.kind.starts_with("conv") && !l.name.ends_with("shortcut")) || l.kind == "linear")
        layers.insert(l.name.substr(0, l.name.find(".branch")));
    EXPECT_EQ(int(layers.size()), table.depth);
  }
}

// Parallel convolutions are described with their dilations, and what the loss adds is shown.
TEST(Doppelganger, DescriptionInWords) {
  const std::string text = to_text(describe(DoppelgangerOptions{}));
  for (const char* words : {"conv 5x5 /2", "conv 3x3 dilation 3", "concat", "arfa", "max pool 2x2 /2",
                            "conv 1x1", "maxout of 2", "unit length, by the loss", "126 883 904"})
    EXPECT_NE(text.find(words), std::string::npos) << words;
}

TEST(Doppelganger, DescriptionIsTheNetwork) {
  DoppelgangerNet net(small(8));
  expect_described(net);
}

// The paper's size, one picture. Orthogonal filters take longer to draw than the pass does.
TEST(Doppelganger, EmbedsAPictureOfThePapersSize) {
  DoppelgangerNet net({.filters = Init::msra()});
  EXPECT_EQ(net.parameter_count(), 126883904);
  net.train(false);
  const NoGrad off;
  const Var x(random_tensor({1, 259, 259, 3}, 1, DType::float32));
  net.calibrate(x);
  const Var y = net.forward(x);
  EXPECT_EQ(y.shape(), (Shape{1, 512}));
  for (double v : y.value().host<double>()) ASSERT_TRUE(std::isfinite(v) && v != 0);
}

// The equations of doppelganger_net.h, written with ops on the network's own tensors; the maps after each line of the table
// and after each ARFA by the way.
class Equations {
 public:
  explicit Equations(Module& net) : state_(collect_state(net)) {}

  Var embed(const Var& x, int depth) {
    Var y = x;
    if (depth == 28) y = line(act("conv1.arfa", conv("conv1.conv", y, {2, 2})));
    y = line(act("conv2.arfa", conv("conv2.conv", y, {})));
    y = line(max_pool2d(y, {}));
    y = line(unit("stage1.unit1", y, true));
    y = line(act("parallel1.arfa", concat_channels({branch("parallel1", y, 1), branch("parallel1", y, 2),
                                                    branch("parallel1", y, 3)})));
    y = line(max_pool2d(y, {}));
    y = line(units("stage2", 2, y));
    y = line(act("parallel2.arfa", concat_channels({branch("parallel2", y, 1), branch("parallel2", y, 2)})));
    y = line(max_pool2d(y, {}));
    y = line(units("stage3", 5, y));
    y = line(act("conv3.arfa", conv("conv3.conv", y, {})));
    y = line(max_pool2d(y, {}));
    y = line(units("stage4", 3, y));
    y = linear(flatten(y), at("fc.weight"), at("fc.bias"));
    const int64_t N = y.dim(0), D = y.dim(1) / 2;
    return line(reduce(reshape(y, {N, D, 2}), Reduce::max, 2));
  }
  std::vector<Shape> shapes;
  std::map<std::string, double> variance;  // after ARFA

 private:
  Var at(const std::string& name) const { return Var(state_.at(name)); }
  Var line(const Var& y) {
    shapes.emplace_back(y.shape().begin() + 1, y.shape().end());
    return y;
  }
  Var conv(const std::string& name, const Var& x, const Conv2dOptions& window) const {
    return conv2d(x, at(name + ".weight"), at(name + ".bias"), window);
  }
  Var branch(const std::string& name, const Var& x, int64_t d) const {
    return conv(cat(name, ".conv.branch", d), x, {1, 1, d - 1, d - 1, d, d});
  }
  Var act(const std::string& name, const Var& x) {
    const Var y = arfa(x, at(name + ".weight"), state_.at(name + ".k"));
    double mean = 0, squares = 0;
    const std::vector<double> v = y.value().host<double>();
    for (double e : v) mean += e / double(v.size());
    for (double e : v) squares += (e - mean) * (e - mean) / double(v.size());
    variance[name] = squares;
    return y;
  }
  Var unit(const std::string& name, const Var& x, bool projected) {
    const Conv2dOptions same{1, 1, 1, 1};
    const Var inner = act(name + ".arfa1", conv(name + ".conv1", x, same));
    const Var branch = act(name + ".arfa2", conv(name + ".conv2", inner, same));
    return add(projected ? conv(name + ".shortcut", x, {}) : x, branch);
  }
  Var units(const std::string& name, int count, Var y) {
    for (int u = 1; u <= count; ++u) y = unit(cat(name, ".unit", u), y, false);
    return y;
  }
  NamedTensors state_;
};

void draw_vectors(Module& net) {  // constants would hide an exchange of two layers
  for (const auto& [name, p] : net.parameters())
    if (p->var.value().rank() == 1) {
      initialise(p->var.value(), Init::uniform(0.4), 5, name);
      if (name.find("arfa") == std::string::npos) continue;
      for (int64_t i = 0; i < p->var.value().size(); ++i) p->var.value().as<float>()[i] += 1;
    }
}

TEST(Doppelganger, ComputesItsEquations) {
  DoppelgangerNet deviation(small(8));
  draw_vectors(deviation);
  deviation.calibrate(Var(pictures(3)));
  const Var x(pictures(2, 2));
  Equations equations(deviation);
  EXPECT_EQ(deviation.forward(x).value().host<float>(), equations.embed(x, 27).value().host<float>());

  DoppelgangerOptions o{.narrow = 32};
  DoppelgangerNet paper(o);
  const Var large(random_tensor({1, 259, 259, 3}, 1, DType::float32));
  Equations of_paper(paper);
  EXPECT_EQ(paper.forward(large).value().host<float>(), of_paper.embed(large, 28).value().host<float>());
  std::vector<Shape> narrowed = kTable;
  for (size_t i = 0; i < 13; ++i) narrowed[i][2] /= 32;
  narrowed.pop_back();
  EXPECT_EQ(of_paper.shapes, narrowed);
}

TEST(Doppelganger, CalibrationGivesEveryArfaUnitVariance) {
  for (const DoppelgangerOptions& o : {small(), small(8)}) {
    DoppelgangerNet net(o);
    draw_vectors(net);
    const Var x(pictures(3));
    net.calibrate(x);
    Equations equations(net);
    equations.embed(x, o.depth);
    EXPECT_EQ(equations.variance.size(), 26u);
    for (const auto& [name, variance] : equations.variance) EXPECT_NEAR(variance, 1, 0.02) << name;
  }
}

// Passes that only inference makes.
TEST(Doppelganger, FusedInferenceAgreesWithTheGraph) {
  DoppelgangerNet net(small(8));
  draw_vectors(net);
  net.calibrate(Var(pictures(3)));
  const Var x(pictures(2, 2));
  const auto expected = net.forward(x).value().host<double>();
  net.train(false);
  const NoGrad off;
  for (const bool prepared : {false, true}) {
    net.prepare(prepared);
    EXPECT_LT(relative_error(net.forward(x).value().host<double>(), expected), 2e-5) << prepared;
  }
}

// Of every kind of parameter some, in double, with a = 1 where the function's slope has no jump.
TEST(Doppelganger, GradientIsTheDerivative) {
  DoppelgangerNet net(small());
  net.calibrate(Var(pictures(2)));
  for (const auto& [name, buffer] : net.buffers()) *buffer = buffer->to(DType::float64);
  std::vector<Parameter*> chosen;
  std::vector<Tensor> inputs;
  for (const auto& [name, p] : net.parameters()) {
    p->var = Var(p->var.value().to(DType::float64));
    if (p->var.value().size() > 80) continue;
    chosen.push_back(p), inputs.push_back(p->var.value().clone());
  }
  ASSERT_GT(chosen.size(), 60u);
  const Var x(pictures(1, 3, DType::float64));
  const auto f = [&](const std::vector<Var>& v) {
    for (size_t i = 0; i < v.size(); ++i) chosen[i]->var = v[i];
    return l2_normalize(net.forward(x));
  };
  EXPECT_EQ(gradient_error(f, inputs, {.h = 1e-7}), "");
}

// What is formed again for the backward pass has the bits of what could have been kept.
TEST(Doppelganger, KeptAndFormedAgainAreTheSameBits) {
  std::vector<std::vector<float>> gradients[2];
  for (const bool keep : {false, true}) {
    DoppelgangerNet net(small(16));
    draw_vectors(net);
    std::optional<KeepValues> kept;
    if (keep) kept.emplace();
    const Var x(pictures(2), true);
    backward(net.forward(x), random_tensor({2, 8}, 2, DType::float32));
    gradients[keep].push_back(x.grad().host<float>());
    for (const auto& [name, p] : net.parameters()) gradients[keep].push_back(p->var.grad().host<float>());
  }
  EXPECT_EQ(gradients[0], gradients[1]);
}

double train_step(DoppelgangerNet& net, const Var& classes, Sgd& sgd, const Tensor& x, const Tensor& labels) {
  const Var loss =
      softmax_cross_entropy(affine(linear(l2_normalize(net.forward(Var(x))), classes), 8, 0), labels);
  sgd.zero_grad();
  backward(loss);
  EXPECT_TRUE(std::isfinite(sgd.step(0.01)));
  net.after_update();
  return loss.value().item();
}

TEST(Doppelganger, LearnsAFewPictures) {
  DoppelgangerNet net(small(16));
  const Tensor x = pictures(6), labels = labels_of({0, 1, 2, 0, 1, 2});
  net.calibrate(Var(x));
  const Var classes(random_tensor({3, 8}, 4, DType::float32));
  Sgd sgd(net.parameters(), {.clip_norm = 5});
  const double first = train_step(net, classes, sgd, x, labels);
  double last = first;
  for (int step = 0; step < 15; ++step) last = train_step(net, classes, sgd, x, labels);
  EXPECT_LT(last, 0.5 * first);
  EXPECT_EQ(first_nonfinite(collect_state(net)), "");
  for (const auto& [name, p] : net.parameters()) EXPECT_TRUE(p->var.grad()) << name;
}

// Value and gradients on a device; with bfloat16 maps roughly the same embedding.
TEST(Doppelganger, ADeviceComputesTheSame) {
  const Tensor x = pictures(2), dy = random_tensor({2, 8}, 2, DType::float32);
  DoppelgangerNet here(small(16)), there(small(16));
  here.calibrate(Var(x)), there.calibrate(Var(x));
  const Var y = here.forward(Var(x));
  const auto expected = y.value().host<double>();
  backward(y, dy);
  const UseDevice device(stand_in());
  there.place(Device::cuda);
  const Var z = there.forward(Var(x.to(Device::cuda)));
  EXPECT_LT(relative_error(z.value().host<double>(), expected), 2e-5);
  backward(z, dy.to(Device::cuda));
  const auto a = here.parameters(), b = there.parameters();
  for (size_t i = 0; i < a.size(); ++i)
    EXPECT_LT(relative_error(b[i].second->var.grad().host<double>(), a[i].second->var.grad().host<double>()),
              1e-3)
        << a[i].first;
  there.place(Device::cuda, DType::bfloat16);
  const Var low = there.forward(cast(Var(x.to(Device::cuda)), DType::bfloat16));
  EXPECT_LT(relative_error(low.value().host<double>(), expected), 0.1);
}

TEST(Doppelganger, InitialValues) {
  DoppelgangerNet net(small(16));
  for (const auto& [name, p] : net.parameters()) {
    const std::vector<double> v = p->var.value().host<double>();
    if (name.ends_with("bias"))
      EXPECT_EQ(v, std::vector<double>(v.size(), 0)) << name;
    else if (name.find("arfa") != std::string::npos)
      EXPECT_TRUE(v == std::vector<double>(v.size(), 1) && p->decay_multiplier == 0) << name;
    else if (name != "fc.weight") {
      double squares = 0;  // as many as there are vectors of unit length
      for (double e : v) squares += e * e;
      EXPECT_NEAR(squares, double(std::min(p->var.dim(0), int64_t(v.size()) / p->var.dim(0))), 1e-4) << name;
    }
  }
}

std::string error_of(const NetworkOptions& o) {
  try {
    describe(o);
  } catch (const std::invalid_argument& e) {
    return e.what();
  }
  return "none";
}

TEST(Doppelganger, IsAnArchitecture) {
  NetworkOptions o{.architecture = Architecture::doppelganger,
                   .depth = 27,
                   .embedding = 8,
                   .height = 48,
                   .width = 64,
                   .narrow = 16};
  EXPECT_EQ(depths_of(o.architecture), (std::vector<int>{27, 28}));
  const auto net = make_backbone(o);
  ASSERT_TRUE(dynamic_cast<DoppelgangerNet*>(net.get()));
  EXPECT_TRUE(net->wants_calibration());
  EXPECT_EQ(net->parameter_count(), total_parameters(describe(o)));
  EXPECT_EQ(to_text(net->describe()), to_text(describe(small(16))));
  EXPECT_THROW(net->forward(Var(Tensor::zeros({1, 64, 48, 3}))), std::invalid_argument);
}

TEST(Doppelganger, Errors) {
  NetworkOptions o{.architecture = Architecture::doppelganger, .depth = 28, .height = 112, .width = 259};
  EXPECT_EQ(error_of(o),
            "Doppelganger-28: an input of 112 x 259 does not fit: conv1 meets a map of 112 x 259; expected "
            "sides of 32 m + 3, 99 or more");
  o.height = 67;  // 32 m + 3, and too small: nothing is left for conv3
  EXPECT_NE(error_of(o).find("conv3 meets a map of 2 x 14"), std::string::npos) << error_of(o);
  for (int64_t side = 40; side < 200; ++side) {
    o.height = o.width = side;
    o.depth = 28;
    EXPECT_EQ(error_of(o) == "none", side >= 99 && side % 32 == 3) << side;
    o.depth = 27;
    EXPECT_EQ(error_of(o) == "none", side >= 48 && side % 16 == 0) << side;
  }
  o.height = o.width = 112;
  EXPECT_EQ(error_of(o), "none");
  o.depth = 20;
  EXPECT_NE(error_of(o).find("27, 28"), std::string::npos);
  o.depth = 27, o.narrow = 3;
  EXPECT_NE(error_of(o).find("narrow = 3"), std::string::npos);
}

}  // namespace
}  // namespace fr::test
