// The margin loss on a device: every gradient mode, margins, several blocks of classes, products in bfloat16.
#include <gtest/gtest.h>

#include "audit/harness.h"
#include "fr/loss/margin_loss.h"
#include "test/devices.h"

namespace fr::test {
namespace {

using namespace audit;

struct Result {
  double loss;
  std::vector<float> dx, dw;
  std::vector<int64_t> prediction;
};

// Row 1 of x has no length.
Result result(const MarginOptions& options, int64_t N, int64_t M, int64_t D, Device device) {
  std::vector<double> x = numbers(N * D, 1), w = numbers(M * D, 2);
  std::fill(x.begin() + D, x.begin() + 2 * D, 0.0);
  std::vector<int64_t> labels = indices(N, 3, M);
  labels[0] = M - 1;
  const Var xv(Tensor::from(x, {N, D}, DType::float32, device), true),
      wv(Tensor::from(w, {M, D}, DType::float32, device), true);
  MarginOutput output;
  const Var loss =
      margin_cross_entropy(xv, wv, Tensor::from(labels, {N}, DType::int64, device), options, &output);
  backward(loss);
  return {loss.value().item(), xv.grad().host<float>(), wv.grad().host<float>(),
          output.prediction.host<int64_t>()};
}

void expect_close(const std::vector<float>& a, const std::vector<float>& b, double tolerance,
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
      expect_close(cpu.dx, card.dx, tolerance, name + ", dx");
      expect_close(cpu.dw, card.dw, tolerance, name + ", dw");
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

TEST_P(DeviceLoss, SeveralBlocksOfClasses) {
  MarginOptions o;
  o.margin = {Margin::Kind::cosface, 0.35, 0}, o.s = 16;
  compare(o, 3, 16390, 2, "CosFace");
}

}  // namespace
}  // namespace fr::test
