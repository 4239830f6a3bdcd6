// The choice among the backbones.
#include "fr/backbone/network.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "fr/backbone/iresnet.h"
#include "fr/backbone/sphereface.h"

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

TEST(Network, EveryDepthCanBeDescribed) {
  for (Architecture architecture : {Architecture::sphereface, Architecture::iresnet})
    for (int depth : depths_of(architecture)) {
      const auto layers = describe(NetworkOptions{.architecture = architecture, .depth = depth});
      EXPECT_EQ(layers.back().output, (Shape{512})) << name_of(architecture) << depth;
    }
}

// The passes that only inference makes: conv + batch norm + PReLU + sum in one.
TEST(Network, FusedInferenceAgreesWithTheGraph) {
  for (Architecture architecture : {Architecture::sphereface, Architecture::iresnet}) {
    const int depth = architecture == Architecture::sphereface ? 20 : 18;
    const auto net = make_backbone(
        {.architecture = architecture, .depth = depth, .embedding = 16, .height = 48, .width = 40});
    std::mt19937 rng(3);
    for (auto& [name, buffer] : net->buffers())  // as after some training
      for (int64_t i = 0; i < buffer->size(); ++i)
        buffer->as<float>()[i] = std::uniform_real_distribution<float>(0.5, 1.5)(rng);
    net->train(false);
    std::vector<float> pixels(2 * 48 * 40 * 3);
    for (float& p : pixels) p = std::uniform_real_distribution<float>(-1, 1)(rng);
    const Var x(Tensor::from(pixels, {2, 48, 40, 3}));
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

// What a specification expects is not what the layer before puts out.
TEST(Describer, LayersMustFit) {
  Describer d(20, 17);
  EXPECT_THROW(d.conv("conv", Conv2dSpec::square(4, 8, 3)), std::invalid_argument);
  EXPECT_THROW(d.linear("fc", {.D = 20 * 17, .M = 2}), std::invalid_argument);
  d.conv("conv", Conv2dSpec::square(3, 8, 5, 3, 1));  // floor((20 + 2 - 5) / 3) + 1 = 6, 5
  EXPECT_EQ(d.output, (Shape{6, 5, 8}));
  EXPECT_EQ(d.layers[0].kind, "conv 5x5 /3");
  EXPECT_EQ(d.layers[0].parameters, 5 * 5 * 3 * 8);
  EXPECT_EQ(d.layers[0].multiply_adds, 5 * 5 * 3 * 8 * 6 * 5);
}

}  // namespace
}  // namespace fr
