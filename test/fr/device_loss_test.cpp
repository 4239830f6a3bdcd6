// The margin loss on a device: every gradient mode, margins, several blocks of classes, products in bfloat16.
#include <gtest/gtest.h>

#include "audit/harness.h"
#include "test/devices.h"
#include "test/fr/oracle.h"

namespace fr::test {
namespace {

using namespace audit;

struct Result {
  double loss, ds;
  std::vector<float> dx, dw;
  std::vector<int64_t> prediction;
};

// Row 1 of x has no length. A trained scale and margins per class follow x to the device.
Result result(MarginOptions options, int64_t N, int64_t M, int64_t D, Device device) {
  std::vector<double> x = numbers(N * D, 1), w = numbers(M * D, 2);
  std::fill(x.begin() + D, x.begin() + 2 * D, 0.0);
  std::vector<int64_t> labels = indices(N, 3, M);
  labels[0] = M - 1;
  const Var xv(Tensor::from(x, {N, D}, DType::float32, device), true),
      wv(Tensor::from(w, {M, D}, DType::float32, device), true);
  if (options.trained_scale)
    options.trained_scale = Var(Tensor::full({1}, options.s, DType::float32, device), true);
  if (options.class_margin)
    options.class_margin = Tensor::from(numbers(M, 4, 0.5, 1.5), {M}, DType::float32, device);
  MarginOutput output;
  const Var loss =
      margin_cross_entropy(xv, wv, Tensor::from(labels, {N}, DType::int64, device), options, &output);
  backward(loss);
  return {loss.value().item(), options.trained_scale ? options.trained_scale.grad().item() : 0,
          xv.grad().host<float>(), wv.grad().host<float>(), output.prediction.host<int64_t>()};
}

void expect_near(const std::vector<float>& a, const std::vector<float>& b, double tolerance,
                 const std::string& what) {
  double largest = 0, error = 0;
  for (size_t i = 0; i < a.size(); ++i)
    largest = std::max(largest, double(std::abs(a[i]))),
    error = std::max(error, std::abs(double(a[i]) - b[i]));
  EXPECT_TRUE(error <= tolerance * largest) << what << ": " << error << " of " << largest;
}

class DeviceLoss : public testing::TestWithParam<TestDevice> {
 protected:
  void compare(MarginOptions options, int64_t N, int64_t M, int64_t D, const std::string& what) {
    const Result cpu = result(options, N, M, D, Device::cpu);
    for (DType products : {DType::float32, DType::bfloat16}) {
      if (products == DType::bfloat16 && options.gradient == MarginGradient::caffe_normalised) continue;
      options.products = products;
      const Result card = result(options, N, M, D, Device::cuda);
      const double tolerance = products == DType::float32 ? 1e-4 : 3e-2;
      const std::string name = what + ", products " + to_string(products);
      EXPECT_NEAR(cpu.loss, card.loss, tolerance * (1 + std::abs(cpu.loss))) << name;
      EXPECT_NEAR(cpu.ds, card.ds, tolerance) << name;
      expect_near(cpu.dx, card.dx, tolerance, name + ", dx");
      expect_near(cpu.dw, card.dw, tolerance, name + ", dw");
      if (products != DType::float32) continue;
      EXPECT_EQ(cpu.prediction, card.prediction) << name;
    }
  }

 private:
  const UseDevice device_{*GetParam().device};
};
INSTANTIATE_TEST_SUITE_P(, DeviceLoss, testing::ValuesIn(devices()),
                         [](const auto& row) { return row.param.name; });

TEST_P(DeviceLoss, MarginsAndGradientModes) {
  MarginOptions o;
  for (MarginGradient gradient :
       {MarginGradient::exact, MarginGradient::detached, MarginGradient::caffe_normalised})
    for (int m = 0; m <= 4; ++m)
      for (double lambda : {0.0, 5.0, 800.0}) {
        if (m < 2 && lambda > 0) continue;
        o.gradient = gradient, o.scale = LogitScale::embedding_norm;
        o.margin = m ? Margin{Margin::Kind::a_softmax, double(m), lambda} : Margin{};
        compare(o, 5, 7, 8, cat("gradient ", int(gradient), ", m ", m, ", lambda ", lambda));
      }
  o = {};
  o.margin = {Margin::Kind::cosface, 0.35, 0}, o.s = 16;
  compare(o, 5, 7, 8, "CosFace");
}

TEST_P(DeviceLoss, EveryMargin) {
  for (const auto& [name, options] : every_margin(16)) {
    MarginOptions o = options;
    compare(o, 6, 7, 8, name);
    if (o.scale != LogitScale::fixed) continue;
    o.trained_scale = Var(Tensor::full({1}, 16, DType::float32));
    if (o.margin.kind != Margin::Kind::none) o.class_margin = Tensor::full({7}, 1, DType::float32);
    compare(o, 6, 7, 8, name + " trained, with margins per class");
  }
}

// Rows of x from nothing to 1e18 beside their class, its opposite and other directions.
TEST_P(DeviceLoss, NothingBecomesNonFinite) {
  constexpr int64_t N = 36, M = 6, D = 4;
  std::vector<double> x = numbers(N * D, 1), w = numbers(M * D, 2);
  const std::vector<double> lengths = {0, 1e-30, 1e-11, 1, 1e5, 5e17};
  std::vector<int64_t> label(N);
  for (int64_t n = 0; n < N; ++n) {
    label[size_t(n)] = n % M;
    const double own = n % 3 == 0 ? 1 : n % 3 == 1 ? -1 : 0;
    for (int64_t d = 0; d < D; ++d) {
      double& v = x[size_t(n * D + d)];
      v = lengths[size_t(n / M)] * (own != 0 ? own * w[size_t(n % M * D + d)] : v);
    }
  }
  for (int64_t m = 0; m < M; ++m)
    for (int64_t d = 0; d < D; ++d) w[size_t(m * D + d)] *= lengths[size_t(m)];
  for (const auto& [name, options] : every_margin(64)) {
    const Var xv(Tensor::from(x, {N, D}, DType::float32, Device::cuda), true),
        wv(Tensor::from(w, {M, D}, DType::float32, Device::cuda), true);
    const Var loss =
        margin_cross_entropy(xv, wv, Tensor::from(label, {N}, DType::int64, Device::cuda), options);
    backward(loss);
    double sum = loss.value().item();
    for (const Var& v : {xv, wv})
      for (double g : v.grad().host<double>()) sum += g;
    EXPECT_TRUE(std::isfinite(sum)) << name;
  }
}

TEST_P(DeviceLoss, SeveralBlocksOfClasses) {
  MarginOptions o;
  o.margin = {Margin::Kind::cosface, 0.35, 0}, o.s = 16;
  compare(o, 3, 16390, 2, "CosFace");
  if (!GetParam().slow) compare(l_softmax(2, 1), 3, 16390, 2, "L-Softmax");
}

}  // namespace
}  // namespace fr::test
