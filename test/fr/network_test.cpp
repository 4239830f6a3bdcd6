// The choice among the backbones.
#include "fr/backbone/network.h"

#include <gtest/gtest.h>

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
