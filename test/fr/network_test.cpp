// The choice among the backbones.
#include "fr/backbone/network.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "fr/backbone/iresnet.h"
#include "fr/backbone/resnet.h"
#include "fr/backbone/sphereface.h"
#include "nn/optimizer.h"
#include "tensor/arena.h"

namespace fr {
namespace {

TEST(Network, MakesWhatIsAskedFor) {
  NetworkOptions options = {.depth = 4, .embedding = 8, .height = 20, .width = 17, .dropout = 0.5};
  EXPECT_TRUE(dynamic_cast<SphereFace*>(make_backbone(options).get()));
  options.architecture = Architecture::iresnet, options.depth = 18;
  const auto net = make_backbone(options);
  const auto* iresnet = dynamic_cast<IResNet*>(net.get());
  ASSERT_TRUE(iresnet);
  EXPECT_EQ(iresnet->options().depth, 18);
  EXPECT_EQ(iresnet->options().dropout, 0.5);
  EXPECT_EQ(net->embedding(), 8);
  EXPECT_EQ(net->height(), 20);
  EXPECT_EQ(net->width(), 17);
  EXPECT_EQ(to_text(net->describe()), to_text(describe(options)));
  EXPECT_EQ(total_parameters(net->describe()), net->parameter_count());
}

TEST(Network, TakesItsOptionsAlong) {
  NetworkOptions o = {
      .depth = 4, .embedding = 8, .height = 20, .width = 17, .last_relu = true, .bias = false};
  const auto sphereface = make_backbone(o);
  EXPECT_TRUE(dynamic_cast<SphereFace&>(*sphereface).options().last_relu);
  EXPECT_FALSE(dynamic_cast<SphereFace&>(*sphereface).options().bias);
  o = {.depth = 18, .embedding = 8, .height = 20, .width = 17};
  for (const auto& [architecture, form] : {std::pair{Architecture::resnet, ResNetForm::preactivation},
                                           {Architecture::resnet_literal, ResNetForm::literal}}) {
    o.architecture = architecture;
    const auto net = make_backbone(o);
    EXPECT_EQ(dynamic_cast<ResNet&>(*net).options().form, form);
  }
}

std::string refusal(const NetworkOptions& options) {
  try {
    describe(options);
  } catch (const std::invalid_argument& e) {
    EXPECT_THROW(make_backbone(options), std::invalid_argument);
    return e.what();
  }
  return "";
}

TEST(Network, RefusesOptionsOfOtherArchitectures) {
  NetworkOptions o = {.architecture = Architecture::iresnet, .depth = 18, .last_relu = true};
  EXPECT_EQ(refusal(o),
            "network.last_relu = true: exists for network.architecture = sphereface only, got iresnet");
  o.architecture = Architecture::resnet, o.last_relu = false, o.bias = false;
  EXPECT_EQ(refusal(o),
            "network.bias = false: exists for network.architecture = sphereface only, got resnet");
}

TEST(Network, NormalisesEmbeddings) {
  for (const auto& [word, architecture] : architecture_words()) {
    const bool expected = architecture == Architecture::iresnet || architecture == Architecture::resnet ||
                          architecture == Architecture::mobilefacenet;
    const int depth = depths_of(architecture)[0];
    EXPECT_EQ(normalises_embeddings({.architecture = architecture, .depth = depth}), expected) << word;
  }
}

// What --describe says of memory, beside a real step with weights, gradients and momentum.
TEST(Network, TrainingMemoryIsWhatAStepTakes) {
  constexpr int64_t kBatch = 4;
  const std::pair<Architecture, int> networks[] = {
      {Architecture::sphereface, 4},    {Architecture::sphereface, 10},     {Architecture::iresnet, 18},
      {Architecture::resnet, 18},       {Architecture::resnet_literal, 18}, {Architecture::doppelganger, 27},
      {Architecture::mobilefacenet, 50}};
  for (const auto& [architecture, depth] : networks) {
    NetworkOptions o{.architecture = architecture, .depth = depth, .embedding = 64};
    if (architecture == Architecture::doppelganger) o.narrow = 4;
    const TrainingMemory said = training_memory(describe(o), kBatch);
    const auto before = double(arena_stats().in_use);
    const auto net = make_backbone(o);
    Sgd optimizer(net->parameters(), {});
    arena_reset_peak();
    const auto at_rest = double(arena_stats().in_use);
    const Var x(Tensor::full({kBatch, o.height, o.width, 3}, 0.1));
    const Var y = net->forward(x);
    const double maps = double(arena_stats().in_use) - at_rest;
    backward(y, Tensor::full(y.shape(), 1));
    optimizer.step(1e-3);
    const double peak = double(arena_stats().peak) - before;
    EXPECT_NEAR(maps / double(said.maps), 1, 0.05) << name_of(architecture) << depth;
    EXPECT_NEAR(peak / double(said.peak), 1, 0.15) << name_of(architecture) << depth;
  }
}

TEST(Network, EveryDepthCanBeDescribed) {
  for (const auto& [word, architecture] : architecture_words())
    for (int depth : depths_of(architecture)) {
      NetworkOptions o{.architecture = architecture, .depth = depth};
      if (architecture == Architecture::doppelganger && depth == 28) o.height = o.width = 259;
      const auto layers = describe(o);
      EXPECT_EQ(layers.back().output, (Shape{512})) << name_of(architecture) << depth;
    }
}

// The passes that only inference makes: conv + batch norm + PReLU + sum in one.
TEST(Network, FusedInferenceAgreesWithTheGraph) {
  for (const auto& [word, architecture] : architecture_words()) {
    NetworkOptions o{.architecture = architecture, .depth = 18, .embedding = 16, .height = 48, .width = 48};
    if (architecture == Architecture::sphereface) o.depth = 20;
    if (architecture == Architecture::doppelganger) o.depth = 27, o.narrow = 4;
    if (architecture == Architecture::mobilefacenet) o.depth = 50;
    const auto net = make_backbone(o);
    std::mt19937 rng(3);
    for (auto& [name, buffer] : net->buffers())  // as after some training; means of 1 would shut every ReLU
      for (int64_t i = 0; i < buffer->size(); ++i)
        buffer->as<float>()[i] =
            std::uniform_real_distribution<float>(0.5, 1.5)(rng) - float(name.ends_with("mean"));
    net->train(false);
    std::vector<float> pixels(2 * 48 * 48 * 3);
    for (float& p : pixels) p = std::uniform_real_distribution<float>(-1, 1)(rng);
    const Var x(Tensor::from(pixels, {2, 48, 48, 3}));
    const auto expected = net->forward(x).value().host<double>();
    const NoGrad no_grad;
    double largest = 0;
    for (double e : expected) largest = std::max(largest, std::abs(e));
    EXPECT_GT(largest, 0);
    for (const bool prepared : {false, true}) {
      net->prepare(prepared);
      for (int again = 0; again < 2; ++again) {
        const auto found = net->forward(x).value().host<double>();
        for (size_t i = 0; i < expected.size(); ++i)
          ASSERT_NEAR(found[i], expected[i], 2e-5 * largest)
              << name_of(architecture) << " " << i << ", prepared " << prepared;
      }
    }
    const auto kept = net->forward(x).value().host<double>();
    for (auto& [name, p] : net->parameters()) p->var.value().fill(0);
    net->after_update();  // an ARFA's a must stay above 0
    EXPECT_EQ(net->forward(x).value().host<double>() == kept, false) << "biases are read anew";
    net->prepare();
    for (double y : net->forward(x).value().host<double>())
      EXPECT_EQ(y, 0) << name_of(architecture) << ": prepared again after a change of weights";
  }
}

TEST(Network, Errors) {
  NetworkOptions options;
  options.depth = 18;
  EXPECT_THROW(make_backbone(options), std::invalid_argument) << "an IResNet's depth";
  EXPECT_THROW(name_of(Architecture(99)), std::invalid_argument);
}

// As a person sees it: words to the left, numbers to the right, one below the other.
TEST(Describer, TableIsAligned) {
  Describer d(20, 16);
  d.conv("a", Conv2dSpec::square(3, 8, 3, 2, 1));
  d.relu("b");
  EXPECT_EQ(to_text(d.layers),
            "layer  kind         output     parameters  multiply-adds  output bytes  kept bytes\n"
            "input  picture      (20,16,3)           -              -         3 840       3 840\n"
            "a      conv 3x3 /2  (10,8,8)          216         17 280         2 560       2 560\n"
            "b      relu         (10,8,8)            -              -         2 560           -\n"
            "total                                 216         17 280         8 960       6 400\n");
}

// A unit keeps its convolutions' outputs where something reads them, otherwise the sum.
TEST(Describer, KeepsWhatIsRead) {
  const auto kept = [](const Describer& d) {
    std::string names;
    for (const LayerDescription& l : d.layers)
      if (l.kept_bytes > 0) names += l.name + " ";
    return names;
  };
  Describer normalised(8, 8), preactivated(8, 8);
  const Conv2dSpec conv = Conv2dSpec::square(3, 3, 3, 1, 1);
  normalised.branch(), normalised.conv("conv", conv), normalised.batch_norm("bn"), normalised.add("sum");
  normalised.batch_norm("next");
  EXPECT_EQ(kept(normalised), "input conv ");
  preactivated.branch(), preactivated.batch_norm("bn"), preactivated.conv("conv", conv);
  preactivated.add("sum"), preactivated.batch_norm("next");
  EXPECT_EQ(kept(preactivated), "input sum ");
  for (int i = 0; i < 4; ++i)
    normalised.branch(), normalised.conv("c", conv), normalised.batch_norm("bn"), normalised.add(cat(i));
  normalised.batch_norm("next");
  EXPECT_EQ(kept(normalised), "input conv c c c c 3 ") << "the fifth sum";
}

TEST(Describer, PoolsAndMeans) {
  Describer d(7, 6);
  d.max_pool("pool", {3, 3, 2, 2, 1, 1});
  EXPECT_EQ(d.output, (Shape{4, 3, 3}));
  EXPECT_EQ(d.layers.back().kind, "max pool 3x3 /2");
  EXPECT_EQ(d.layers.back().kept_bytes, 36 * (4 + 8)) << "numbers, and where they came from";
  d.global_average("mean");
  EXPECT_EQ(d.output, (Shape{3}));
  EXPECT_THROW(d.max_pool("pool", {}), std::invalid_argument);
}

// What a specification expects is not what the layer before puts out.
TEST(Describer, LayersMustFit) {
  Describer d(20, 17);
  EXPECT_THROW(d.conv("conv", Conv2dSpec::square(4, 8, 3)), std::invalid_argument);
  EXPECT_THROW(d.linear("fc", {.D = 20 * 17, .M = 2}), std::invalid_argument);
  d.conv("conv", Conv2dSpec::square(3, 8, 5, 3, 1));  // floor((20 + 2 - 5) / 3) + 1 = 6, 5
  EXPECT_EQ(d.output, (Shape{6, 5, 8}));
  EXPECT_EQ(d.layers[1].kind, "conv 5x5 /3");
  EXPECT_EQ(d.layers[1].parameters, 5 * 5 * 3 * 8);
  EXPECT_EQ(d.layers[1].multiply_adds, 5 * 5 * 3 * 8 * 6 * 5);
}

}  // namespace
}  // namespace fr
