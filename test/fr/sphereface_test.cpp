#include "fr/backbone/sphereface.h"

#include "test/fr/oracle.h"

namespace fr::test {
namespace {

struct Counts {
  int depth;
  int64_t convolutions, prelu, total;
};
// Liu et al. 2017, Table 2 at 112 x 96 with D = 512, without the class weights.
constexpr Counts kCounts[] = {{4, 1550016, 960, 12562496},
                              {10, 4204224, 2240, 15217984},
                              {20, 11650752, 4672, 22666944},
                              {36, 21751488, 8384, 32771392},
                              {64, 37160640, 14656, 48186816}};

bool contains(const std::string& name, const char* part) { return name.find(part) != std::string::npos; }

TEST(SphereFace, ParameterCounts) {
  for (const Counts& expected : kCounts) {
    SphereFaceOptions options;
    options.depth = expected.depth;
    SphereFace net(options);
    int64_t convolutions = 0, prelu = 0, fc = 0, bias = 0;
    for (const auto& [name, p] : net.parameters()) {
      const int64_t size = p->var.value().size();
      if (contains(name, "prelu"))
        prelu += size;
      else if (contains(name, "fc."))
        fc += size;
      else if (contains(name, "bias"))
        bias += size;
      else
        convolutions += size;
    }
    EXPECT_EQ(convolutions, expected.convolutions) << expected.depth;
    EXPECT_EQ(prelu, expected.prelu) << expected.depth;
    EXPECT_EQ(bias, 960) << expected.depth;
    EXPECT_EQ(fc, 11010560) << expected.depth;
    EXPECT_EQ(net.parameter_count(), expected.total) << expected.depth;
    EXPECT_EQ(total_parameters(describe(options)), expected.total) << expected.depth;
  }
}

TEST(SphereFace, DepthCountsConvolutions) {
  for (const StageUnits& table : sphereface_tables()) {
    int sum = 0;
    for (int units : table.units) sum += units;
    EXPECT_EQ(table.depth, 4 + 2 * sum);
  }
}

TEST(SphereFace, DescriptionHasTheStageShapes) {
  const std::vector<LayerDescription> layers = describe(SphereFaceOptions{});
  std::vector<Shape> stages;
  for (const LayerDescription& l : layers)
    if (l.kind == "conv 3x3 /2") stages.push_back(l.output);
  EXPECT_EQ(stages, (std::vector<Shape>{{56, 48, 64}, {28, 24, 128}, {14, 12, 256}, {7, 6, 512}}));
  EXPECT_EQ(layers.back().output, (Shape{512}));
  EXPECT_EQ(layers.back().multiply_adds, 21504 * 512);
  EXPECT_EQ(layers[1].multiply_adds, int64_t{56} * 48 * 64 * 27);
  const std::string text = to_text(layers);
  EXPECT_TRUE(contains(text, "stage3.unit4.conv2")) << text;
  EXPECT_TRUE(contains(text, "22 666 944")) << text;
}

SphereFaceOptions small(int depth, uint64_t seed = 1) { return {depth, 8, 20, 17, 0, seed}; }

TEST(SphereFace, ForwardAndBackward) {
  SphereFace net(small(10));
  const Var x(random_tensor({3, 20, 17, 3}, 1, DType::float32));
  const Var y = net.forward(x);
  ASSERT_EQ(y.shape(), (Shape{3, 8}));
  backward(y, Tensor::full({3, 8}, 1));
  for (const auto& [name, p] : net.parameters()) {
    ASSERT_TRUE(p->var.grad()) << name;
    double size = 0;
    for (double g : p->var.grad().host<double>()) size += std::abs(g);
    EXPECT_TRUE(std::isfinite(size) && size > 0) << name << ' ' << size;
  }
  EXPECT_THROW(net.forward(Var(Tensor::zeros({3, 17, 20, 3}))), std::invalid_argument);
}

// Initial values and multipliers of the authors' Caffe model.
TEST(SphereFace, InitialValuesAndMultipliers) {
  SphereFace net(small(20));
  for (const auto& [name, p] : net.parameters()) {
    const std::vector<double> v = p->var.value().host<double>();
    double mean = 0, squares = 0, largest = 0;
    for (double x : v)
      mean += x / double(v.size()), squares += x * x / double(v.size()),
          largest = std::max(largest, std::abs(x));
    const bool bias = contains(name, "bias");
    EXPECT_EQ(p->lr_multiplier, bias ? 2 : 1) << name;
    EXPECT_EQ(p->decay_multiplier, bias ? 0 : 1) << name;
    if (bias) {
      EXPECT_EQ(largest, 0) << name;
    } else if (contains(name, "prelu")) {
      EXPECT_TRUE(mean == 0.25 && largest == 0.25) << name;
    } else if (contains(name, "unit")) {
      EXPECT_NEAR(std::sqrt(squares), 0.01, 2e-4) << name;
      EXPECT_GT(largest, 0.03) << name;  // a normal distribution, not a uniform one
    } else {
      const double bound = std::sqrt(3.0 * double(p->var.dim(0)) / double(v.size()));
      EXPECT_LE(largest, bound * (1 + 1e-6)) << name;
      EXPECT_NEAR(squares / (bound * bound / 3), 1, 0.1) << name;
    }
  }
}

// Checkpoints are found by these names.
TEST(SphereFace, TensorNames) {
  SphereFace net(small(10));
  std::vector<std::string> names;
  for (const auto& [name, p] : net.parameters())
    if (!contains(name, "stage1") && !contains(name, "stage4") && !contains(name, "unit2"))
      names.push_back(name);
  EXPECT_EQ(names, (std::vector<std::string>{
                       "stage2.conv.weight", "stage2.conv.bias", "stage2.prelu.weight",
                       "stage2.unit1.conv1.weight", "stage2.unit1.prelu1.weight", "stage2.unit1.conv2.weight",
                       "stage2.unit1.prelu2.weight", "stage3.conv.weight", "stage3.conv.bias",
                       "stage3.prelu.weight", "stage3.unit1.conv1.weight", "stage3.unit1.prelu1.weight",
                       "stage3.unit1.conv2.weight", "stage3.unit1.prelu2.weight", "fc.weight", "fc.bias"}));
}

TEST(SphereFace, SeedDecides) {
  const Var x(random_tensor({1, 20, 17, 3}, 1, DType::float32));
  SphereFace a(small(10, 1)), b(small(10, 1)), c(small(10, 2));
  EXPECT_EQ(a.forward(x).value().host<float>(), b.forward(x).value().host<float>());
  EXPECT_NE(a.forward(x).value().host<float>(), c.forward(x).value().host<float>());
}

// A residual unit whose last convolution is zero adds PReLU(0) = 0: the deep network becomes the shallow one.
TEST(SphereFace, UnitsWithoutWeightsAreIdentities) {
  const Var x(random_tensor({2, 20, 17, 3}, 1, DType::float32));
  SphereFace deep(small(20)), shallow(small(4));
  EXPECT_NE(deep.forward(x).value().host<float>(), shallow.forward(x).value().host<float>());
  for (const auto& [name, p] : deep.parameters())
    if (contains(name, "conv2")) p->var.value().fill(0);
  EXPECT_EQ(deep.forward(x).value().host<float>(), shallow.forward(x).value().host<float>());
}

TEST(SphereFace, DropoutOnlyWhileTraining) {
  SphereFaceOptions options = small(4);
  SphereFace plain(options);
  options.dropout = 0.5;
  SphereFace net(options);
  const Var x(random_tensor({2, 20, 17, 3}, 1, DType::float32));
  EXPECT_NE(net.forward(x).value().host<float>(), plain.forward(x).value().host<float>());
  net.train(false);
  EXPECT_EQ(net.forward(x).value().host<float>(), plain.forward(x).value().host<float>());
}

// Figures of the paper have features of two and three numbers.
TEST(SphereFace, SmallEmbeddings) {
  for (int64_t D : {2, 3}) {
    SphereFaceOptions options = small(4);
    options.embedding = D;
    SphereFace net(options);
    const Var x(random_tensor({2, 20, 17, 3}, 1, DType::float32));
    EXPECT_EQ(net.forward(x).shape(), (Shape{2, D}));
    EXPECT_EQ(describe(options).back().output, (Shape{D}));
  }
}

TEST(SphereFace, WithoutBiases) {
  SphereFaceOptions options{.depth = 10, .bias = false};
  EXPECT_EQ(total_parameters(describe(options)), 15217984 - 960 - 512);
  SphereFace net(options);
  EXPECT_EQ(net.parameter_count(), 15217984 - 960 - 512);
  for (const auto& [name, p] : net.parameters()) EXPECT_FALSE(contains(name, "bias")) << name;
  options.embedding = 8, options.height = 20, options.width = 17;
  SphereFace tiny(options);  // no bias anywhere: nothing comes from nothing, trained or not
  const Var x(random_tensor({2, 20, 17, 3}, 1, DType::float32));
  backward(tiny.forward(x), Tensor::full({2, 8}, 1));
  for (const auto& [name, p] : tiny.parameters()) p->var.value().copy_from(p->var.grad());
  const Var black(Tensor::zeros({1, 20, 17, 3}));
  EXPECT_EQ(tiny.forward(black).value().host<float>(), std::vector<float>(8, 0));
}

// The largest of 0 and what the network without it puts out; and it keeps back the gradient of what it cuts off.
TEST(SphereFace, LastReLU) {
  SphereFaceOptions options = small(4);
  options.embedding = 32;
  SphereFace plain(options);
  options.last_relu = true;
  SphereFace net(options);
  EXPECT_EQ(total_parameters(describe(options)), plain.parameter_count());
  EXPECT_EQ(describe(options).back().kind, "relu");
  const Var x(random_tensor({2, 20, 17, 3}, 1, DType::float32));
  const Var y = net.forward(x);
  std::vector<float> expected = plain.forward(x).value().host<float>();
  int negative = 0;
  for (float& e : expected)
    if (e <= 0) e = 0, ++negative;
  EXPECT_TRUE(negative > 10 && negative < 54) << negative;
  EXPECT_EQ(y.value().host<float>(), expected);
  backward(y, Tensor::full({2, 32}, 1));
  const std::vector<float> db = net.parameters().back().second->var.grad().host<float>();
  for (size_t d = 0; d < 32; ++d) EXPECT_EQ(db[d], float(expected[d] > 0) + float(expected[32 + d] > 0)) << d;
  NoGrad off;
  net.train(false);
  EXPECT_EQ(net.forward(x).value().host<float>(), expected);
}

TEST(SphereFace, Errors) {
  EXPECT_THROW(SphereFace(small(12)), std::invalid_argument);
  SphereFaceOptions options = small(4);
  options.embedding = 0;
  EXPECT_THROW(SphereFace{options}, std::invalid_argument);
  options = small(4), options.dropout = 1;
  EXPECT_THROW(describe(options), std::invalid_argument);
}

}  // namespace
}  // namespace fr::test
