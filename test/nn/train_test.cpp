// Everything together: a tiny network learns pictures by heart, resumes bit for bit, and settles in memory. Also state.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/parallel.h"
#include "nn/layers.h"
#include "nn/optimizer.h"
#include "nn/state.h"
#include "tensor/arena.h"

namespace fr {
namespace {

constexpr int64_t kPictures = 16, kClasses = 4;

struct TinyNet : Sequential {
  TinyNet() {
    add<Conv2d>("conv1", Conv2dSpec::square(3, 8, 3, 2, 1));
    add<PReLU>("act1", 8);
    add<Conv2d>("conv2", Conv2dSpec::square(8, 8, 3, 2, 1));
    add<BatchNorm>("norm2", 8);
    add<PReLU>("act2", 8);
    add<Flatten>("flatten");
    add<Dropout>("drop", 0.1, 1u);
    add<Linear>("fc", LinearSpec{8 * 3 * 3, kClasses});
    initialise(42);
  }
};

Tensor pictures() {
  Random random({9, Purpose::test, 0, 0});
  Tensor x({kPictures, 12, 12, 3});
  for (int64_t i = 0; i < x.size(); ++i) x.as<float>()[i] = float(random.uniform(-1, 1));
  return x;
}

Tensor labels() {
  std::vector<int64_t> y;
  for (int64_t n = 0; n < kPictures; ++n) y.push_back(n % kClasses);
  return Tensor::from(y, {kPictures});
}

double train_step(TinyNet& net, Sgd& sgd, const Tensor& x, const Tensor& y, uint64_t step) {
  random_state() = {7, step};
  const Var loss = softmax_cross_entropy(net.forward(Var(x)), y);
  sgd.zero_grad();
  backward(loss);
  sgd.step(0.05);
  return loss.value().item();
}

TEST(Training, LearnsSixteenRandomPicturesByHeart) {
  TinyNet net;
  Sgd sgd(net.parameters(), {});
  const Tensor x = pictures(), y = labels();
  const double first = train_step(net, sgd, x, y, 0);
  EXPECT_GT(first, 0.8) << "about log 4 before anything is learned";
  for (uint64_t step = 1; step < 150; ++step) train_step(net, sgd, x, y, step);
  net.train(false);
  NoGrad off;
  EXPECT_LT(softmax_cross_entropy(net.forward(Var(x)), y).value().item(), 0.02);
}

TEST(Training, AsksTheSystemForNothingAfterTheSecondStep) {
  TinyNet net;
  Sgd sgd(net.parameters(), {});
  const Tensor x = pictures(), y = labels();
  arena_trim();
  for (uint64_t step = 0; step < 2; ++step) train_step(net, sgd, x, y, step);
  const uint64_t settled = arena_stats().system_allocations;
  const size_t in_use = arena_stats().in_use;
  for (uint64_t step = 2; step < 10; ++step) train_step(net, sgd, x, y, step);
  EXPECT_EQ(arena_stats().system_allocations, settled);
  EXPECT_EQ(arena_stats().in_use, in_use);
}

// The same for blocks that the arena takes from its heap: maps of 1 to 2 MiB. On one thread: how many workspaces several
// threads hold at one moment is a matter of chance, and the largest number may come late.
struct WideNet : Sequential {
  WideNet() {
    for (int64_t i = 0, C = 3; i < 4; ++i, C = 32) {
      add<Conv2d>(cat("conv", i), Conv2dSpec::square(C, 32, 3, i % 2 ? 2 : 1, 1));
      add<BatchNorm>(cat("norm", i), 32);
      add<PReLU>(cat("act", i), 32);
    }
    add<Flatten>("flatten");
    add<Linear>("fc", LinearSpec{32 * 12 * 12, 128});
    initialise(42);
  }
};

TEST(Training, LargeMapsSettleToo) {
  const int before = threads();
  set_threads(1);
  for (bool zeros_first : {true, false}) {
    WideNet net;
    Sgd sgd(net.parameters(), {});
    const Tensor x = Tensor::full({8, 48, 48, 3}, 0.5),
                 y = Tensor::from<int64_t>({0, 1, 2, 3, 4, 5, 6, 7}, {8});
    const auto step = [&] {
      if (zeros_first) sgd.zero_grad();
      const Var loss = softmax_cross_entropy(net.forward(Var(x)), y);
      if (!zeros_first) sgd.zero_grad();
      backward(loss);
      sgd.step(0.05);
    };
    arena_trim();
    step(), step();
    const ArenaStats settled = arena_stats();
    for (int i = 0; i < 6; ++i) step();
    EXPECT_EQ(arena_stats().system_allocations, settled.system_allocations);
    EXPECT_EQ(arena_stats().in_use, settled.in_use);
  }
  set_threads(before);
}

NamedTensors clones(const NamedTensors& state) {
  NamedTensors copy;
  for (const auto& [name, t] : state) copy[name] = t.clone();
  return copy;
}

TEST(Training, ResumesBitForBit) {
  const Tensor x = pictures(), y = labels();
  TinyNet straight, second;
  Sgd a(straight.parameters(), {}), b(second.parameters(), {});
  for (uint64_t step = 0; step < 5; ++step) train_step(straight, a, x, y, step);
  load_state(clones(collect_state(straight, &a)), second, &b);
  for (uint64_t step = 5; step < 10; ++step)
    EXPECT_EQ(train_step(straight, a, x, y, step), train_step(second, b, x, y, step));
  const NamedTensors sa = collect_state(straight, &a), sb = collect_state(second, &b);
  for (const auto& [name, t] : sa) EXPECT_EQ(t.host<double>(), sb.at(name).host<double>()) << name;
}

TEST(State, NamesEverything) {
  TinyNet net;
  const Sgd sgd(net.parameters(), {});
  const NamedTensors state = collect_state(net, &sgd);
  EXPECT_TRUE(state.count("conv1.weight"));
  EXPECT_TRUE(state.count("norm2.running_var"));
  EXPECT_TRUE(state.count("optimizer.fc.bias"));
  EXPECT_EQ(state.size(), 2 * net.parameters().size() + net.buffers().size());
  EXPECT_EQ(collect_state(net).size(), net.parameters().size() + net.buffers().size());
}

std::string load_error(const NamedTensors& from, Module& net, const Sgd* sgd = nullptr) {
  try {
    load_state(from, net, sgd);
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::state);
    return e.what();
  }
  return {};
}

TEST(State, MismatchesAreListedAndNothingIsLoaded) {
  TinyNet net;
  NamedTensors state = clones(collect_state(net));
  state["act1.weight"].fill(9);
  state["fc.bias"] = Tensor::zeros({kClasses + 1});
  state["fc.weight"] = state["fc.weight"].to(DType::float64);
  state.erase("conv1.weight");
  state["extra"] = Tensor::zeros({2});
  const std::string e = load_error(state, net);
  for (const char* part :
       {"4 mismatches", "missing: 'conv1.weight' (8,3,3,3) float32", "unexpected: 'extra' (2)",
        "different: 'fc.bias' expected (4) float32, got (5) float32", "got (4,72) float64"})
    EXPECT_NE(e.find(part), std::string::npos) << e;
  EXPECT_EQ(collect_state(net).at("act1.weight").host<double>()[0], 0.25);
}

TEST(State, OnlyTheFirstTenMismatchesAreListed) {
  TinyNet net;
  NamedTensors state = clones(collect_state(net));
  for (int i = 0; i < 25; ++i) state[cat("extra", i)] = Tensor::zeros({1});
  const std::string e = load_error(state, net);
  EXPECT_EQ(std::count(e.begin(), e.end(), '\n'), 11);
  EXPECT_NE(e.find("25 mismatches"), std::string::npos) << e;
  EXPECT_NE(e.find("and 15 more"), std::string::npos) << e;
}

TEST(State, OptimizerTensorsAreOptionalOnlyWithoutAnOptimizer) {
  TinyNet net;
  const Sgd sgd(net.parameters(), {});
  EXPECT_EQ(load_error(clones(collect_state(net, &sgd)), net), "");
  EXPECT_NE(load_error(clones(collect_state(net)), net, &sgd).find("missing: 'optimizer.act1.weight'"),
            std::string::npos);
}

TEST(State, FirstNonfiniteNamesTheTensor) {
  NamedTensors state = {{"a", Tensor::zeros({100})},
                        {"b", Tensor::zeros({3})},
                        {"c", Tensor::zeros({3})},
                        {"labels", Tensor::zeros({2}, DType::int64)},
                        {"nothing", Tensor()}};
  EXPECT_EQ(first_nonfinite(state), "");
  state["c"].as<float>()[2] = std::numeric_limits<float>::infinity();
  EXPECT_EQ(first_nonfinite(state), "c");
  state["b"] = Tensor::full({2}, std::nan(""), DType::float64);
  EXPECT_EQ(first_nonfinite(state), "b");
}

}  // namespace
}  // namespace fr
