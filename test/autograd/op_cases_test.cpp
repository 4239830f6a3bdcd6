// Every op of the table (audit/ops.cpp) against central differences in double, and what the table does not say: a network
// of ops, messages, dropout's mask, running statistics.
#include <gtest/gtest.h>

#include <cmath>

#include "audit/harness.h"
#include "audit/ops.h"
#include "autograd/gradient_check.h"
#include "autograd/ops.h"
#include "base/parallel.h"

namespace fr::test {
namespace {

using namespace audit;

// Many tiny kernels: waking threads would take most of the time, and results do not depend on their number.
struct OneThread {
  int before = threads();
  OneThread() { set_threads(1); }
  ~OneThread() { set_threads(before); }
};

TEST(Ops, EveryGradientIsTheDerivative) {
  const OneThread guard;
  const std::vector<OpRow> rows = op_rows();
  EXPECT_GT(rows.size(), 200u);
  Failures failures;
  for (const OpRow& row : rows) measure_differences(function_of(row), failures);
  EXPECT_EQ(join(failures), "");
}

// A whole small network at once: gradients meet every kind of neighbour.
TEST(Ops, GradientOfANetworkIsTheDerivative) {
  const OneThread guard;
  const Tensor labels = Tensor::from<int64_t>({2, 1}, {2});
  const auto network = [&](const Vars& v) {
    const Var a = prelu(conv2d(v[0], v[1], v[2], {1, 1, 1, 1}), v[3]);
    const Var b = add(a, unary(a, Unary::tanh));
    const Var c = flatten(average_pool2d(b, {}));
    return softmax_cross_entropy(linear(l2_normalize(c), v[4], v[5]), labels);
  };
  std::vector<Tensor> inputs;
  for (const Shape& s : {Shape{2, 4, 6, 2}, Shape{3, 3, 3, 2}, Shape{3}, Shape{3}, Shape{3, 18}, Shape{3}})
    inputs.push_back(drawn(s, -1, 1, uint32_t(inputs.size())));
  EXPECT_EQ(gradient_error(network, inputs), "");
}

// What a message must contain, so that the reader knows the op and both shapes.
void expect_message(const std::function<void()>& call, const std::vector<std::string>& parts) {
  try {
    call();
  } catch (const std::invalid_argument& e) {
    for (const std::string& part : parts)
      EXPECT_NE(std::string(e.what()).find(part), std::string::npos) << e.what();
    return;
  }
  ADD_FAILURE() << "no std::invalid_argument; expected " << parts[0];
}

Var zeros(const Shape& s, DType type = DType::float32) { return Var(Tensor::zeros(s, type), true); }

TEST(Ops, ErrorsNameTheOpAndTheShapes) {
  expect_message([] { add(zeros({2, 3}), zeros({2, 4})); }, {"add", "(2,3)", "(2,4)"});
  expect_message([] { mul(zeros({1, 1, 1, 1, 2}), zeros({2})); }, {"mul", "rank 4", "(1,1,1,1,2)"});
  expect_message([] { sub(zeros({2}), {}); }, {"sub", "empty"});
  expect_message([] { mul(zeros({2}), zeros({2}, DType::float64)); }, {"mul", "float32", "float64"});
  expect_message([] { unary(Var(), Unary::exp); }, {"unary", "empty"});
  expect_message([] { dropout(zeros({2}), 1, {}); }, {"dropout", "p < 1", "got 1"});
  expect_message([] { reshape(zeros({2, 3}), {4}); }, {"(2,3)", "(4)"});
  expect_message([] { flatten(zeros({})); }, {"flatten", "()"});
  expect_message([] { concat_columns(zeros({2, 3}), zeros({3, 3})); }, {"concat_columns", "(2,3)", "(3,3)"});
  expect_message([] { reduce(zeros({2, 3}), Reduce::sum, 2); }, {"reduce", "axis 2", "(2,3)"});
  expect_message([] { reduce(zeros({2, 0}), Reduce::max, 1); }, {"reduce", "(2,0)"});
  expect_message([] { matmul(zeros({2, 3}), zeros({2, 3})); }, {"matmul", "(2,3) x (2,3)"});
  expect_message([] { linear(zeros({2, 3}), zeros({4, 5})); }, {"linear", "(2,3)", "(4,5)"});
  expect_message([] { linear(zeros({2, 3}), zeros({4, 3}), zeros({3})); }, {"linear", "b", "(4)", "(3)"});
  expect_message(
      [] {
        conv2d(zeros({1, 4, 4, 3}), zeros({2, 3, 3, 2}), {}, {});
      },
      {"conv2d", "(1,4,4,3)", "(2,3,3,2)"});
  expect_message(
      [] {
        conv2d(zeros({1, 2, 2, 3}), zeros({2, 3, 3, 3}), {}, {});
      },
      {"conv2d", "larger", "(1,2,2,3)"});
  expect_message(
      [] {
        conv2d(zeros({1, 4, 4, 3}), zeros({2, 3, 3, 3}), zeros({3}), {});
      },
      {"conv2d", "(2)", "(3)"});
  expect_message(
      [] {
        max_pool2d(zeros({1, 4, 4, 3}), {2, 2, 2, 2, 2, 2});
      },
      {"max_pool2d", "pad", "(1,4,4,3)"});
  expect_message([] { average_pool2d(zeros({4, 4, 3}), {}); }, {"average_pool2d", "(4,4,3)"});
  expect_message([] { prelu(zeros({2, 3}), zeros({2})); }, {"prelu", "(3)", "(2)"});
  expect_message([] { arfa(zeros({2, 3}), zeros({2}), Tensor::zeros({1})); }, {"arfa", "(3)", "(2)"});
  expect_message([] { arfa(zeros({2, 3}), zeros({3}), Tensor::zeros({3})); }, {"arfa", "k (1)", "(3)"});
  expect_message([] { maxout(zeros({2, 3}), 2); }, {"maxout", "groups of 2", "(2,3)"});
  expect_message([] { concat_channels({}); }, {"concat_channels", "none"});
  expect_message(
      [] {
        concat_channels({zeros({2, 1, 3}), zeros({1, 2, 3})});
      },
      {"concat_channels", "(2,1,3)", "(1,2,3)"});
  expect_message([] { l2_normalize(zeros({2, 3, 4})); }, {"l2_normalize", "(2,3,4)"});
  const Tensor statistics = Tensor::zeros({3});
  const auto normalise = [&](const Shape& s) {
    return batch_norm(zeros(s), zeros({3}), zeros({3}), statistics, statistics, BatchNormMode::training);
  };
  expect_message([&] { normalise({4, 5}); }, {"batch_norm", "(5)", "(3)"});
  expect_message([&] { normalise({1, 3}); }, {"batch_norm", "two rows", "(1,3)"});
  expect_message(
      [] {
        softmax_cross_entropy(zeros({2, 3}), Tensor::from<int64_t>({0, 3}, {2}));
      },
      {"softmax_cross_entropy", "label < 3", "got 3", "row 1"});
  expect_message(
      [] {
        softmax_cross_entropy(zeros({2, 3}), Tensor::zeros({2}));
      },
      {"softmax_cross_entropy", "int64"});
}

TEST(Dropout, KeepsTheMeanAndUsesOneMaskBothWays) {
  const int64_t n = 200000;
  const double p = 0.3;
  const PhiloxKey key{5, Purpose::dropout, 9, 2};
  const Var x(Tensor::full({n}, 1), true);
  const Var y = dropout(x, p, key);
  const std::vector<double> out = y.value().host<double>();
  backward(y, Tensor::full({n}, 1));
  const std::vector<double> dx = x.grad().host<double>();
  double mean = 0;
  for (int64_t i = 0; i < n; ++i) {
    ASSERT_EQ(out[size_t(i)], dx[size_t(i)]) << "x = 1 and dy = 1, so y is the mask and so is dx";
    ASSERT_TRUE(out[size_t(i)] == 0 || std::abs(out[size_t(i)] - 1 / (1 - p)) < 1e-6);
    mean += out[size_t(i)] / double(n);
  }
  // standard deviation of one element sqrt(p / (1-p)) = 0.65; five of the mean's
  EXPECT_NEAR(mean, 1, 5 * 0.655 / std::sqrt(double(n)));
  EXPECT_NE(dropout(x, p, {5, Purpose::dropout, 10, 2}).value().host<double>(), out)
      << "another step, another mask";
  EXPECT_EQ(dropout(x, 0, key).node(), x.node());
}

TEST(BatchNorm, RunningStatisticsAndInference) {
  const std::vector<double> values = {1, 10, 2, 20, 6, 60};  // (3,2): means 3, 30; unbiased variances 7, 700
  const Var x(Tensor::from(values, {3, 2}));
  const Var gamma(Tensor::from<double>({2, 3}, {2})), beta(Tensor::from<double>({0.5, -1}, {2}));
  const Tensor mean = Tensor::from<double>({1, 1}, {2}), var = Tensor::from<double>({2, 2}, {2});
  batch_norm(x, gamma, beta, mean, var, BatchNormMode::training, 1e-5, 0.1);
  EXPECT_NEAR(mean.host<double>()[0], 0.9 * 1 + 0.1 * 3, 1e-12);
  EXPECT_NEAR(mean.host<double>()[1], 0.9 * 1 + 0.1 * 30, 1e-12);
  EXPECT_NEAR(var.host<double>()[0], 0.9 * 2 + 0.1 * 7, 1e-12);
  EXPECT_NEAR(var.host<double>()[1], 0.9 * 2 + 0.1 * 700, 1e-12);
  const std::vector<double> m = mean.host<double>(), v = var.host<double>();
  const std::vector<double> y =
      batch_norm(x, gamma, beta, mean, var, BatchNormMode::inference, 1e-5, 0.1).value().host<double>();
  for (size_t i = 0; i < 6; ++i) {
    const size_t c = i % 2;
    const double expected = gamma.value().host<double>()[c] * (values[i] - m[c]) / std::sqrt(v[c] + 1e-5) +
                            beta.value().host<double>()[c];
    EXPECT_NEAR(y[i], expected, 1e-12);
  }
  EXPECT_EQ(mean.host<double>(), m) << "inference changes no statistics";
  EXPECT_EQ(var.host<double>(), v);
}

// Smirnov et al. 2017, Eq. 1 with a = 1.5, k = 0.8, and its derivatives.
TEST(Arfa, ValuesAndDerivatives) {
  constexpr double kRows[][4] = {{-10, -.695652174, .009073724, .060491493},
                                 {-2, -.457142857, .097959184, .130612245},
                                 {-.5, -.2, .3, .1},
                                 {.5, .4, .8, 0}};
  for (const DType type : {DType::float64, DType::float32})
    for (const auto& [at, value, slope, by_a] : kRows) {
      const double tolerance = type == DType::float64 ? 1e-9 : 1e-6;
      const Var x(Tensor::full({1}, at, type), true), a(Tensor::full({1}, 1.5, type), true);
      const Var y = arfa(x, a, Tensor::full({1}, 0.8, type));
      backward(y);
      EXPECT_NEAR(y.value().item(), value, tolerance) << at;
      EXPECT_NEAR(x.grad().item(), slope, tolerance) << at;
      EXPECT_NEAR(a.grad().item(), by_a, tolerance) << at;
    }
}

// At 0 the slope is k / a; far below, the function has settled at -k.
TEST(Arfa, AtZeroAndFarBelow) {
  const Var x(Tensor::from<double>({0, -1e12}, {2, 1}), true),
      a(Tensor::full({1}, 0.5, DType::float64), true);
  const Var y = arfa(x, a, Tensor::full({1}, 3, DType::float64));
  backward(y, Tensor::full({2, 1}, 1, DType::float64));
  EXPECT_EQ(y.value().host<double>()[0], 0);
  EXPECT_EQ(x.grad().host<double>()[0], 6);
  EXPECT_NEAR(y.value().host<double>()[1], -3, 1e-11);
}

TEST(Maxout, ATieBelongsToTheFirst) {
  const Var x(Tensor::from<double>({2, 2, -1, 3, 5, -7}, {1, 6}), true);
  const Var y = maxout(x);
  EXPECT_EQ(y.value().host<double>(), (std::vector<double>{2, 3, 5}));
  backward(y, Tensor::from<double>({10, 20, 30}, {1, 3}));
  EXPECT_EQ(x.grad().host<double>(), (std::vector<double>{10, 0, 0, 20, 30, 0}));
}

TEST(L2Normalize, AZeroRowStaysZeroAndGetsNoGradient) {
  const Var x(Tensor::from<double>({0, 0, 3, 4}, {2, 2}), true);
  const Var y = l2_normalize(x);
  EXPECT_EQ(y.value().host<double>(), (std::vector<double>{0, 0, 0.6, 0.8}));
  backward(y, Tensor::full({2, 2}, 1, DType::float64));
  const std::vector<double> dx = x.grad().host<double>();
  EXPECT_EQ(dx[0], 0);
  EXPECT_EQ(dx[1], 0);
  EXPECT_NEAR(dx[2], (1 - 0.6 * 1.4) / 5, 1e-15);
}

// The same bits, running statistics too, as the two ops by themselves.
TEST(Conv2d, WithStatisticsIsTheTwoOps) {
  const Var x(drawn({2, 5, 4, 3}, -1, 1, 1)), w(drawn({6, 3, 3, 3}, -1, 1, 2));
  const Var gamma(drawn({6}, -1, 1, 3)), beta(drawn({6}, -1, 1, 4));
  std::vector<double> got[2];
  for (const bool joined : {false, true}) {
    const Tensor mean = Tensor::zeros({6}, DType::float64), var = Tensor::full({6}, 1, DType::float64);
    BatchNormFinishing finish;
    const Conv2dOptions window{1, 1, 1, 1};
    const Var z = joined ? conv2d_with_statistics(x, w, window, {mean, var, 1e-5, 0.1}, finish.known)
                         : conv2d(x, w, {}, window);
    const Var y = batch_norm(z, gamma, beta, mean, var, BatchNormMode::training, 1e-5, 0.1, finish);
    for (const Tensor& values : {y.value(), mean, var})
      for (const double v : values.host<double>()) got[joined].push_back(v);
  }
  EXPECT_EQ(got[0], got[1]);
  BatchStatistics statistics;
  const Tensor wrong = Tensor::zeros({5}, DType::float64);
  expect_message(
      [&] {
        conv2d_with_statistics(x, w, {}, {wrong, wrong, 1e-5, 0.1}, statistics);
      },
      {"conv2d", "running statistics", "(6)", "(5)"});
}

}  // namespace
}  // namespace fr::test
