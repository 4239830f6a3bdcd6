// What backward passes keep and what they form again: the same bits, less memory, every value formed once; and ops that
// take others into their pass equal these one after the other.
#include <gtest/gtest.h>

#include <cmath>
#include <optional>

#include "base/parallel.h"
#include "nn/layers.h"
#include "tensor/arena.h"

namespace fr {
namespace {

enum class Values { kept, formed_again };

Tensor random_tensor(const Shape& shape, uint32_t stream, double low = -1, DType type = DType::float32) {
  Random random({3, Purpose::test, 0, stream});
  std::vector<double> v(static_cast<size_t>(elements(shape)));
  for (double& x : v) x = random.uniform(low, 1);
  return Tensor::from(v, shape, type);
}

// A residual unit in the manner of IResNet, or without batch norm in that of SphereFace.
struct Unit : Module {
  Unit(int64_t C, bool normalised) {
    const Conv2dSpec conv = Conv2dSpec::square(C, C, 3, 1, 1);
    if (normalised) branch.push_back(&add_child<BatchNorm>("bn1", C));
    branch.push_back(&add_child<Conv2d>("conv1", conv));
    if (normalised) branch.push_back(&add_child<BatchNorm>("bn2", C));
    branch.push_back(&add_child<PReLU>("prelu1", C));
    branch.push_back(&add_child<Conv2d>("conv2", conv));
    if (normalised)
      branch.push_back(&add_child<BatchNorm>("bn3", C));
    else
      branch.push_back(&add_child<PReLU>("prelu2", C));
  }
  Var forward(const Var& x) override {
    if (fused) return chain(branch, x, x);
    Var y = x;
    for (Module* layer : branch) y = layer->forward(y);
    return add(x, y);
  }
  std::vector<Module*> branch;
  bool fused = true;
};

struct Network : Module {
  static constexpr int64_t kChannels = 8;
  Network(bool normalised, int units, bool fused = true) {
    layers.push_back(&add_child<Conv2d>("conv", Conv2dSpec::square(3, kChannels, 3, 2, 1)));
    if (normalised) layers.push_back(&add_child<BatchNorm>("bn", kChannels));
    layers.push_back(&add_child<PReLU>("prelu", kChannels));
    for (int u = 0; u < units; ++u) {
      auto& unit = add_child<Unit>(cat("unit", u), kChannels, normalised);
      unit.fused = fused;
      layers.push_back(&unit);
    }
    layers.push_back(&add_child<Flatten>("flatten"));
    layers.push_back(&add_child<Linear>("fc", LinearSpec{7 * 5 * kChannels, 5}));
    initialise(1);
    for (const auto& [name, p] : parameters())  // constants would hide an exchange
      if (p->var.value().rank() == 1 && name.find("fc") == std::string::npos)
        p->var.value().copy_from(random_tensor(p->var.shape(), uint32_t(name.size()), 0.1));
  }
  Var forward(const Var& x) override {
    Var y = x;
    for (Module* layer : layers) y = layer->forward(y);
    return y;
  }
  std::vector<Module*> layers;
};

struct Step {
  std::vector<std::vector<float>> results;  // output, every gradient, running statistics
  size_t forward_memory = 0;                // what the graph keeps
};

Step step(Network& net, Values how) {
  std::optional<KeepValues> keep;
  if (how == Values::kept) keep.emplace();
  net.zero_grad();
  const Var x(random_tensor({3, 13, 9, 3}, 1), true);
  const size_t before = arena_stats().in_use;
  const Var y = net.forward(x);
  Step s;
  s.forward_memory = arena_stats().in_use - before;
  s.results.push_back(y.value().host<float>());
  backward(y, random_tensor(y.shape(), 2));
  s.results.push_back(x.grad().host<float>());
  for (const auto& [name, p] : net.parameters()) s.results.push_back(p->var.grad().host<float>());
  for (const auto& [name, b] : net.buffers()) s.results.push_back(b->host<float>());
  return s;
}

Step fresh_step(bool normalised, int units, Values how, bool fused = true) {
  Network net(normalised, units, fused);
  return step(net, how);
}

// Enough units that some sums are formed from others and some are kept.
TEST(Saved, KeptAndFormedAgainAreTheSameBits) {
  for (bool normalised : {false, true})
    for (int units : {0, 1, 3, 7, 12})
      for (bool fused : {false, true}) {
        const Step kept = fresh_step(normalised, units, Values::kept, fused);
        const Step formed = fresh_step(normalised, units, Values::formed_again, fused);
        EXPECT_EQ(kept.results, formed.results) << normalised << ' ' << units << ' ' << fused;
      }
}

TEST(Saved, ThreadsDoNotMatter) {
  const int before = threads();
  set_threads(1);
  const Step one = fresh_step(true, 3, Values::formed_again);
  for (int n : {2, 3}) {
    set_threads(n);
    EXPECT_EQ(fresh_step(true, 3, Values::formed_again).results, one.results) << n;
  }
  set_threads(before);
}

// float32, whatever backend: the same operations in the same order.
TEST(Saved, FusedPassesAreTheOpsOneAfterTheOther) {
  for (bool normalised : {false, true})
    for (int units : {1, 5})
      EXPECT_EQ(fresh_step(normalised, units, Values::formed_again, true).results,
                fresh_step(normalised, units, Values::formed_again, false).results)
          << normalised << ' ' << units;
}

// Of the 6 maps a unit with batch norm has (5 without), two stay, and every fifth sum.
TEST(Saved, KeepsTwoMapsAUnit) {
  constexpr double kMap = 3 * 7 * 5 * Network::kChannels * sizeof(float);
  for (bool normalised : {false, true}) {
    const double small = double(fresh_step(normalised, 2, Values::formed_again).forward_memory);
    const double large = double(fresh_step(normalised, 12, Values::formed_again).forward_memory);
    EXPECT_LT((large - small) / 10, 2.7 * kMap) << normalised;  // vectors of C, classes of sizes
    const double kept = double(fresh_step(normalised, 12, Values::kept).forward_memory);
    EXPECT_GT(kept, 1.5 * large) << normalised;
  }
}

TEST(Saved, NothingIsLeftBehind) {
  Network net(true, 7);
  step(net, Values::formed_again);
  const size_t before = arena_stats().in_use;
  for (int i = 0; i < 3; ++i) step(net, Values::formed_again);
  EXPECT_EQ(arena_stats().in_use, before);
}

Var leaf(const std::vector<double>& v, bool requires_grad = true) {
  return Var(Tensor::from(v, {int64_t(v.size())}), requires_grad);
}

// y = 2 x with a form that counts.
Var doubled(const Var& x, int& formed) {
  const Saved xs(x);
  const auto twice = [](const Tensor& t) {
    Tensor y = t.clone();
    for (int64_t i = 0; i < y.size(); ++i) y.as<double>()[i] *= 2;
    return y;
  };
  return record(
      "doubled", twice(x.value()), {x},
      [](Node& self) {
        const Tensor dx = grad_of(self, 0);
        for (int64_t i = 0; i < dx.size(); ++i) dx.as<double>()[i] += 2 * self.grad.as<double>()[i];
      },
      Form({&xs}, [=, &formed] {
        ++formed;
        return twice(xs.look());
      }));
}

TEST(Saved, TwoReadersFormOnce) {
  int formed = 0;
  const Var x = leaf({1, -3});
  Var loss;
  {
    const Var y = doubled(x, formed);
    loss = add(unary(y, Unary::square), unary(y, Unary::tanh));
  }
  EXPECT_EQ(formed, 0);
  backward(loss, Tensor::full({2}, 1, DType::float64));
  EXPECT_EQ(formed, 1);
  const double slope = 2 * (2 * 2 * 1 + 1 - std::tanh(2.0) * std::tanh(2.0));
  EXPECT_NEAR(x.grad().host<double>()[0], slope, 1e-12);
}

TEST(Saved, AValueThatSomebodyHoldsIsNotFormed) {
  int formed = 0;
  const Var x = leaf({1, -3});
  const Var y = doubled(x, formed);
  backward(sum(unary(y, Unary::square)));
  EXPECT_EQ(formed, 0);
  EXPECT_EQ(y.value().host<double>(), (std::vector<double>{2, -6})) << "and no gradient lies in its place";
}

TEST(Saved, LongChainsAreKeptInBetween) {
  int formed = 0;
  const Var x = leaf({1});
  Var y = x;
  int deepest = 0;
  for (int i = 0; i < 50; ++i) y = doubled(y, formed), deepest = std::max(deepest, Saved(y).depth());
  EXPECT_EQ(deepest, 6);
  backward(y, Tensor::full({1}, 1, DType::float64));
  EXPECT_EQ(x.grad().item(), std::pow(2.0, 50));
}

TEST(Saved, PeekFindsWhatIsKeptOrCanBeFormed) {
  int formed = 0;
  Var loss;
  std::shared_ptr<Node> node;
  {
    const Var y = doubled(leaf({4}), formed);
    node = y.node();
    EXPECT_EQ(node->peek().item(), 8);
    loss = unary(y, Unary::square);
  }
  EXPECT_EQ(node->peek().item(), 8);
  EXPECT_EQ(formed, 1);
  loss = Var();
  EXPECT_FALSE(node->peek()) << "nobody keeps it";
}

// The gradient of a map takes the map's place: the walk needs no memory of its own for it.
TEST(Saved, AGradientTakesTheValuesPlace) {
  const Var x(random_tensor({64, 64}, 1), true), a(Tensor::full({64}, 0.25), true);
  Var loss;
  const void* place = nullptr;
  {
    const Var z = affine(x, 2, 0);
    place = z.value().as<float>();
    loss = prelu(z, a);
  }
  std::vector<const void*> gradients;
  const Var y = record("look", loss.value().reshape({64 * 64}), {loss},
                       [](Node& self) { hand_over_gradient(self, 0); });
  const Node* z = loss.node()->inputs[0].get();
  const std::shared_ptr<Node> alive = loss.node()->inputs[0];
  alive->backward = [&gradients](Node& self) { gradients.push_back(self.grad.as<float>()); };
  loss = Var();
  backward(y, Tensor::full({64 * 64}, 1));
  ASSERT_EQ(gradients.size(), 1u);
  EXPECT_EQ(gradients[0], place);
  EXPECT_FALSE(z->grad);
}

}  // namespace
}  // namespace fr
