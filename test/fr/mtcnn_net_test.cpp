// MTCNN's networks against the authors' arrangement as plain loops in double: the picture's columns as rows, filters as the
// file has them, pools that round up.
#include "fr/detection/mtcnn_net.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "test/data/temporary.h"
#include "test/fr/mtcnn_weights.h"

namespace fr {
namespace {

struct Map {  // (C,H,W); H is the picture's x
  int64_t C, H, W;
  std::vector<double> values;
  Map(int64_t c, int64_t h, int64_t w) : C(c), H(h), W(w), values(size_t(c * h * w)) {}
  double& at(int64_t c, int64_t h, int64_t w) { return values[size_t((c * H + h) * W + w)]; }
  double at(int64_t c, int64_t h, int64_t w) const { return values[size_t((c * H + h) * W + w)]; }
};

struct Original {
  NamedTensors weights;
  std::string net;

  const float* of(const std::string& name) const { return weights.at(net + "." + name).as<float>(); }
  // A dense layer is a convolution whose filters (K,C,H,W) cover the map.
  Map convolution(const std::string& name, const Map& x, int64_t size, const std::string& slope = "") const {
    const int64_t K = weights.at(net + "." + name + ".bias").size();
    const float *bias = of(name + ".bias"), *weight = of(name + ".weight");
    const float* negative = slope.empty() ? nullptr : of(slope + ".slope");
    Map y(K, x.H - size + 1, x.W - size + 1);
    for (int64_t k = 0; k < K; ++k)
      for (int64_t h = 0; h < y.H; ++h)
        for (int64_t w = 0; w < y.W; ++w) {
          double sum = bias[k];
          for (int64_t c = 0; c < x.C; ++c)
            for (int64_t i = 0; i < size; ++i)
              for (int64_t j = 0; j < size; ++j)
                sum += weight[((k * x.C + c) * size + i) * size + j] * x.at(c, h + i, w + j);
          y.at(k, h, w) = negative && sum < 0 ? negative[k] * sum : sum;
        }
    return y;
  }
  static Map pool(const Map& x, int64_t size) {  // stride 2
    const auto count = [size](int64_t n) { return (n - size + 1) / 2 + 1; };
    Map y(x.C, count(x.H), count(x.W));
    for (int64_t c = 0; c < y.C; ++c)
      for (int64_t h = 0; h < y.H; ++h)
        for (int64_t w = 0; w < y.W; ++w) {
          double best = -1e300;
          for (int64_t i = 2 * h; i < std::min(2 * h + size, x.H); ++i)
            for (int64_t j = 2 * w; j < std::min(2 * w + size, x.W); ++j)
              best = std::max(best, x.at(c, i, j));
          y.at(c, h, w) = best;
        }
    return y;
  }
  std::vector<Map> proposal(Map x) const {
    x = pool(convolution("conv1", x, 3, "PReLU1"), 2);
    x = convolution("conv3", convolution("conv2", x, 3, "PReLU2"), 3, "PReLU3");
    return {convolution("conv4-1", x, 1), convolution("conv4-2", x, 1)};
  }
  std::vector<Map> refine(Map x) const {
    x = pool(convolution("conv1", x, 3, "prelu1"), 3);
    x = pool(convolution("conv2", x, 3, "prelu2"), 3);
    x = convolution("conv4", convolution("conv3", x, 2, "prelu3"), 3, "prelu4");
    return {convolution("conv5-1", x, 1), convolution("conv5-2", x, 1)};
  }
  std::vector<Map> output(Map x) const {
    x = pool(convolution("conv1", x, 3, "prelu1"), 3);
    x = pool(convolution("conv2", x, 3, "prelu2"), 3);
    x = pool(convolution("conv3", x, 3, "prelu3"), 2);
    x = convolution("conv5", convolution("conv4", x, 2, "prelu4"), 3, "prelu5");
    return {convolution("conv6-1", x, 1), convolution("conv6-2", x, 1), convolution("conv6-3", x, 1)};
  }
};

Tensor random_pictures(int64_t N, int64_t H, int64_t W) {
  Random random({9, Purpose::test, uint64_t(H * W), 0});
  const Tensor x({N, H, W, 3});
  for (int64_t i = 0; i < x.size(); ++i) x.as<float>()[i] = static_cast<float>(random.uniform(-1, 1));
  return x;
}

// Picture n with its columns as rows.
Map exchanged(const Tensor& x, int64_t n) {
  Map map(3, x.dim(2), x.dim(1));
  for (int64_t c = 0; c < 3; ++c)
    for (int64_t column = 0; column < map.H; ++column)
      for (int64_t row = 0; row < map.W; ++row)
        map.at(c, column, row) = x.as<float>()[((n * x.dim(1) + row) * x.dim(2) + column) * 3 + c];
  return map;
}

Tensor turned(const Tensor& x) {
  const Tensor y(x.shape());
  const int64_t pixels = x.dim(1) * x.dim(2);
  for (int64_t i = 0; i < x.size() / 3; ++i)
    for (int64_t c = 0; c < 3; ++c)
      y.as<float>()[(i / pixels * pixels + pixels - 1 - i % pixels) * 3 + c] = x.as<float>()[i * 3 + c];
  return y;
}

TEST(MtcnnNet, ProposalIsTheAuthorsNetwork) {
  const Original original{random_mtcnn(1), "pnet"};
  const MtcnnNet net(MtcnnStage::proposal, original.weights, "random");
  for (const auto& [H, W] : {std::pair{12, 12}, {24, 18}, {14, 40}}) {
    const Tensor x = random_pictures(1, H, W), y = net.run(x);
    ASSERT_EQ(y.shape(), (Shape{1, H / 2 - 5, W / 2 - 5, 6}));
    const std::vector<Map> heads = original.proposal(exchanged(x, 0));
    const float* found = y.as<float>();
    for (int64_t p = 0; p < y.dim(1); ++p)
      for (int64_t q = 0; q < y.dim(2); ++q)
        for (const Map& head : heads)
          for (int64_t c = 0; c < head.C; ++c) EXPECT_NEAR(*found++, head.at(c, q, p), 1e-5) << p << " " << q;
  }
}

void expect_same(const MtcnnNet& net, int64_t N, int64_t side,
                 const std::function<std::vector<Map>(const Map&)>& original) {
  const Tensor x = random_pictures(N, side, side), y = net.run(turned(x));
  ASSERT_EQ(y.shape(), (Shape{N, net.columns()}));
  const float* found = y.as<float>();
  for (int64_t n = 0; n < N; ++n)
    for (const Map& head : original(exchanged(x, n)))
      for (double value : head.values) EXPECT_NEAR(*found++, value, 1e-5) << n;
}

TEST(MtcnnNet, RefineAndOutputAreTheAuthorsNetworks) {
  const Original r{random_mtcnn(2), "rnet"}, o{random_mtcnn(3), "onet"};
  expect_same(MtcnnNet(MtcnnStage::refine, r.weights, "random"), 3, 24,
              [&](const Map& x) { return r.refine(x); });
  expect_same(MtcnnNet(MtcnnStage::output, o.weights, "random"), 2, 48,
              [&](const Map& x) { return o.output(x); });
}

// A level of the pyramid may be seen in strips: cells [p, p + n) see rows [2 p, 2 p + 2 n + 10).
TEST(MtcnnNet, ProposalOfAStripIsAPartOfTheWhole) {
  const MtcnnNet net(MtcnnStage::proposal, random_mtcnn(1), "random");
  const int64_t W = 26, row = W * 3, first = 3, cells = 4;
  const Tensor x = random_pictures(1, 30, W), part({1, 2 * cells + 10, W, 3});
  std::copy_n(x.as<float>() + 2 * first * row, part.size(), part.as<float>());
  const Tensor whole = net.run(x), strip = net.run(part);
  const int64_t skipped = first * whole.dim(2) * 6;
  for (int64_t i = 0; i < strip.size(); ++i)
    EXPECT_NEAR(strip.as<float>()[i], whole.as<float>()[skipped + i], 1e-5) << i;
}

TEST(MtcnnNet, NamesTheTensorThatDoesNotFit) {
  NamedTensors weights = random_mtcnn(4);
  weights.erase("rnet.conv3.bias");
  EXPECT_ERROR(data, "w.st: rnet.conv3.bias: expected (64), found no such tensor; is this MTCNN?",
               MtcnnNet(MtcnnStage::refine, weights, "w.st"));
  weights["onet.conv5.weight"] = Tensor::zeros({256, 1151});
  EXPECT_ERROR(data, "w.st: onet.conv5.weight: expected (256,1152) float32, found (256,1151) float32",
               MtcnnNet(MtcnnStage::output, weights, "w.st"));
  weights["pnet.PReLU2.slope"] = Tensor::full({16}, NAN);
  EXPECT_ERROR(data, "w.st: pnet.PReLU2.slope: a value is not finite",
               MtcnnNet(MtcnnStage::proposal, weights, "w.st"));
  weights["pnet.conv1.weight"] = Tensor::zeros({10, 3, 3, 3}, DType::float64);
  EXPECT_ERROR(data, "w.st: pnet.conv1.weight: expected (10,3,3,3) float32, found (10,3,3,3) float64",
               MtcnnNet(MtcnnStage::proposal, weights, "w.st"));
}

}  // namespace
}  // namespace fr
