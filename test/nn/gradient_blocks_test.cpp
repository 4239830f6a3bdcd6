// Gradients formed by rows against whole ones: the same sums, the same updates, the same refusals.
#include "nn/gradient_blocks.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "audit/harness.h"
#include "nn/optimizer.h"

namespace fr::test {
namespace {

using namespace audit;

// L = sum_i w_i g_i for a given g: its gradient is g, as a whole or by rows.
Var product_with(const Var& w, const Tensor& g) {
  const Tensor y = like(g, {});
  with_kernels(g, [&](const auto& k) { k.dot(y.data(), w.value().data(), g.data(), g.size()); });
  return record("product_with", y, {w}, [g](Node& self) {
    const int64_t width = g.size() / g.dim(0);
    const RowForm add = [=](const Tensor& into, int64_t first, int64_t rows) {
      with_kernels(g, [&]<class T>(const Kernels<T>& k) {
        k.add_scaled(into.as<T>(), g.as<T>() + first * width, 1, rows * width);
      });
    };
    if (by_rows(self, 0))
      leave_rows(self, 0, add);
    else
      add(grad_of(self, 0), 0, g.dim(0));
  });
}

// Two blocks on the CPU, the second one shorter; rows of 3 x 171.
constexpr int64_t kRows = 700;
const Shape kShape = {kRows, 3, 171};
const int64_t kSize = elements(kShape);

// Two parameters, of which the first may have its gradient by rows.
struct Model {
  Parameter large, small;
  Sgd sgd;
  Model(bool by_rows, DType type, const SgdOptions& options)
      : large(parameter(kShape, 1, type)),
        small(parameter({5}, 2, type)),
        sgd({{"large", &large}, {"small", &small}}, options) {
    large.lr_multiplier = 0.5, large.decay_multiplier = 3;
    large.var.gradient_by_rows(by_rows);
  }
  static Parameter parameter(const Shape& shape, uint32_t seed, DType type) {
    Parameter p;
    p.var = Var(Tensor::from(numbers(elements(shape), seed), shape, type), true);
    return p;
  }
  // A step whose gradients are given; the first flows in twice.
  double step(const std::vector<double>& g, double lr) {
    const DType type = large.var.dtype();
    sgd.zero_grad();
    for (int i = 0; i < 2; ++i) backward(product_with(large.var, Tensor::from(g, kShape, type)));
    backward(product_with(small.var, Tensor::from(numbers(5, 9), {5}, type)));
    return sgd.step(lr);
  }
  std::vector<double> state() const {
    std::vector<double> all = large.var.value().host<double>();
    for (const auto& [name, velocity] : sgd.state())
      for (double v : velocity.host<double>()) all.push_back(v);
    return all;
  }
};

double largest_difference(const std::vector<double>& a, const std::vector<double>& b) {
  double most = a.size() == b.size() ? 0 : INFINITY;
  for (size_t i = 0; i < a.size() && i < b.size(); ++i) most = std::max(most, std::abs(a[i] - b[i]));
  return most;
}

TEST(GradientBlocks, UpdatesAreThoseOfWholeGradients) {
  for (DType type : {DType::float32, DType::float64})
    for (MomentumForm form : {MomentumForm::caffe, MomentumForm::torch})
      for (bool nesterov : {false, true})
        for (double clip : {0.0, 20.0, 1e9}) {
          const SgdOptions options{0.9, 0.01, form, nesterov, clip};
          Model whole(false, type, options), rows(true, type, options);
          for (int t = 0; t < 3; ++t) {
            const std::vector<double> g = numbers(kSize, 3 + uint32_t(t));
            const double a = whole.step(g, 0.1 / (t + 1)), b = rows.step(g, 0.1 / (t + 1));
            EXPECT_NEAR(a, b, a * (type == DType::float32 ? 2e-7 : 1e-12));
          }
          ASSERT_FALSE(rows.large.var.grad());
          EXPECT_LE(largest_difference(whole.state(), rows.state()), type == DType::float32 ? 1e-6 : 1e-12);
        }
}

TEST(GradientBlocks, ANonFiniteGradientChangesNothing) {
  for (double bad : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()})
    for (int64_t at : {int64_t{0}, kSize - 1}) {
      Model rows(true, DType::float32, {});
      const std::vector<double> before = rows.state();
      std::vector<double> g = numbers(kSize, 3);
      g[size_t(at)] = bad;
      EXPECT_FALSE(std::isfinite(rows.step(g, 0.1)));
      EXPECT_EQ(rows.state(), before);
    }
}

// Rows that a function forms and what an op put into the whole gradient add up.
TEST(GradientBlocks, FormsAndWholeGradientsAddUp) {
  const Var w(Tensor::zeros({4, 2}), true);
  w.node()->grad = Tensor::from(std::vector<float>{1, 2, 3, 4, 5, 6, 7, 8}, {4, 2});
  Var(w).gradient_by_rows();
  backward(product_with(w, Tensor::full({4, 2}, 10)));
  const Tensor g = Tensor::full({3, 2}, NAN);
  w.gradient_rows(g, 1, 2);
  const std::vector<float> v = g.host<float>();
  EXPECT_EQ(std::vector(v.begin(), v.begin() + 4), (std::vector<float>{13, 14, 15, 16}));
  EXPECT_TRUE(std::isnan(v[4])) << "no more than was asked for";
  EXPECT_THROW(w.gradient_rows(g, 2, 3), std::invalid_argument);
}

TEST(GradientBlocks, ZeroGradLetsGoOfWhatAFormHolds) {
  Var w(Tensor::zeros({4, 2}), true);
  w.gradient_by_rows();
  const Tensor g = Tensor::full({4, 2}, 1);
  backward(product_with(w, g));
  EXPECT_TRUE(w.has_gradient());
  EXPECT_FALSE(g.sole_owner());
  w.zero_grad();
  EXPECT_FALSE(w.has_gradient());
  EXPECT_TRUE(g.sole_owner());
}

TEST(GradientBlocks, OnlyLeavesWithRows) {
  Var scalar(Tensor::zeros({}), true), product = affine(Var(Tensor::zeros({2, 2}), true), 2, 0);
  EXPECT_THROW(scalar.gradient_by_rows(), std::invalid_argument);
  EXPECT_THROW(product.gradient_by_rows(), std::invalid_argument);
}

}  // namespace
}  // namespace fr::test
