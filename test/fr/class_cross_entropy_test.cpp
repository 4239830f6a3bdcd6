// Softmax over classes as one op: the oracles, finite differences, the same from other ops, gradients by rows, a device.
#include "fr/loss/class_cross_entropy.h"

#include "autograd/gradient_check.h"
#include "autograd/ops.h"
#include "test/devices.h"
#include "test/fr/oracle.h"

namespace fr::test {
namespace {

constexpr double kPrinted = 1e-9;

Tensor bias() { return Tensor::from<double>({0.1, -0.2, 0.05}, {3}); }

TEST(ClassCrossEntropy, OracleWithBias) {
  const Var x(f1_x(), true), w(f1_w(), true), b(bias(), true);
  const Var loss = class_cross_entropy(x, w, b, labels_of({0, 2}));
  EXPECT_NEAR(loss.value().item(), 0.568237530864, 1e-11);
  backward(loss);
  expect_close(x.grad().host<double>(),
               {0.002431374, -0.191112975, -0.240026835, -0.107293171, -0.002235335, 0.094509271, 0.119731145,
                0.054342875},
               kPrinted);
  expect_close(w.grad().host<double>(),
               {0.037104263, -0.343985909, 0.051537118, 0.330705361, 0.000743975, 0.001033025, -0.001010174,
                -0.000772714, -0.037848238, 0.342952884, -0.050526944, -0.329932647},
               kPrinted);
  expect_close(b.grad().host<double>(), {-0.139863112, 0.000703165, 0.139159947}, kPrinted);
}

TEST(ClassCrossEntropy, FiniteDifferences) {
  for (int64_t N : {1, 7}) {
    const Tensor labels = random_labels(N, 5, 3);
    const std::vector<Tensor> inputs = {random_tensor({N, 4}, 1), random_tensor({5, 4}, 2),
                                        random_tensor({5}, 3)};
    const auto with = [&](const std::vector<Var>& v) {
      return class_cross_entropy(v[0], v[1], v[2], labels);
    };
    const auto without = [&](const std::vector<Var>& v) {
      return class_cross_entropy(v[0], v[1], {}, labels);
    };
    EXPECT_EQ(gradient_error(with, inputs), "");
    EXPECT_EQ(gradient_error(without, {inputs[0], inputs[1]}), "");
  }
  const auto one_class = [&](const std::vector<Var>& v) {
    return class_cross_entropy(v[0], v[1], v[2], labels_of({0, 0}));
  };
  EXPECT_EQ(
      gradient_error(one_class, {random_tensor({2, 1}, 1), random_tensor({1, 1}, 2), random_tensor({1}, 3)}),
      "");
}

struct Result {
  std::vector<double> loss, dx, dw, db;
  std::vector<int64_t> prediction;
};
struct Given {
  Tensor x, w, b, labels;
  Given(int64_t N, int64_t M, int64_t D, DType type, Device device = Device::cpu)
      : x(random_tensor({N, D}, 1, type).to(device)),
        w(random_tensor({M, D}, 2, type).to(device)),
        b(random_tensor({M}, 3, type).to(device)),
        labels(random_labels(N, M, 4).to(device)) {}
};
Result run(const Given& g, DType products = DType::float32) {
  const Var x(g.x, true), w(g.w, true), b(g.b, true);
  Tensor prediction;
  const Var loss = class_cross_entropy(x, w, b, g.labels, products, &prediction);
  backward(loss);
  return {loss.value().host<double>(), x.grad().host<double>(), w.grad().host<double>(),
          b.grad().host<double>(), prediction.host<int64_t>()};
}
void expect_near(const Result& got, const Result& expected, double tolerance) {
  EXPECT_LE(relative_error(got.loss, expected.loss), tolerance);
  EXPECT_LE(relative_error(got.dx, expected.dx), tolerance);
  EXPECT_LE(relative_error(got.dw, expected.dw), tolerance);
  EXPECT_LE(relative_error(got.db, expected.db), tolerance);
}

TEST(ClassCrossEntropy, EqualsCompositionOfOps) {
  const Given g(9, 21, 6, DType::float64);
  const Var x(g.x, true), w(g.w, true), b(g.b, true), z = linear(x, w, b),
                                                      loss = softmax_cross_entropy(z, g.labels);
  backward(loss);
  const Result r = run(g), expected = {loss.value().host<double>(),
                                       x.grad().host<double>(),
                                       w.grad().host<double>(),
                                       b.grad().host<double>(),
                                       {}};
  expect_near(r, expected, 1e-14);
  const std::vector<double> scores = linear(Var(g.x), Var(g.w), Var(g.b)).value().host<double>();
  for (size_t n = 0; n < 9; ++n) {
    const auto row = scores.begin() + long(21 * n);
    EXPECT_EQ(r.prediction[n], std::max_element(row, row + 21) - row);
  }
}

TEST(ClassCrossEntropy, FloatFollowsDouble) {
  expect_near(run(Given(40, 700, 33, DType::float32)), run(Given(40, 700, 33, DType::float64)), 2e-5);
}

TEST(ClassCrossEntropy, LargeScoresStayFinite) {
  Given g(4, 9, 6, DType::float32);
  for (float& v : std::span(g.x.as<float>(), size_t(g.x.size()))) v *= 1e15f;
  const Result r = run(g);
  for (const auto& values : {r.loss, r.dx, r.dw, r.db})
    for (double v : values) EXPECT_TRUE(std::isfinite(v));
}

TEST(ClassCrossEntropy, Errors) {
  const Var x(random_tensor({2, 4}, 1)), w(random_tensor({3, 4}, 2)), b(random_tensor({3}, 3));
  const auto refuses = [](const Var& x_, const Var& w_, const Var& b_, const Tensor& labels) {
    EXPECT_THROW(class_cross_entropy(x_, w_, b_, labels), std::invalid_argument);
  };
  refuses(x, w, b, labels_of({0, 3}));
  refuses(x, w, b, labels_of({-1, 0}));
  refuses(x, w, b, labels_of({0}));
  refuses(x, w, b, {});
  refuses(x, Var(random_tensor({3, 5}, 2)), b, labels_of({0, 1}));
  refuses(x, w, Var(random_tensor({4}, 3)), labels_of({0, 1}));
  refuses(x, Var(random_tensor({3, 4}, 2, DType::float32)), b, labels_of({0, 1}));
  refuses({}, w, b, labels_of({0, 1}));
}

class DeviceClassCrossEntropy : public testing::TestWithParam<TestDevice> {
  const UseDevice device_{*GetParam().device};
};
INSTANTIATE_TEST_SUITE_P(, DeviceClassCrossEntropy, testing::ValuesIn(devices()),
                         [](const auto& row) { return row.param.name; });

// Classes for more than one block that is rounded at one time.
TEST_P(DeviceClassCrossEntropy, FollowsTheCpu) {
  const Result cpu = run(Given(3, 4101, 8, DType::float32)),
               card = run(Given(3, 4101, 8, DType::float32, Device::cuda)),
               rounded = run(Given(3, 4101, 8, DType::float32, Device::cuda), DType::bfloat16);
  expect_near(card, cpu, 1e-5);
  EXPECT_EQ(card.prediction, cpu.prediction);
  expect_near(rounded, cpu, 2e-2);
}

}  // namespace
}  // namespace fr::test
