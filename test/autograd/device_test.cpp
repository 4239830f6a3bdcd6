// Tensors and ops on a device: the same numbers as on the CPU, errors that name the devices, no word to the host.
#include <gtest/gtest.h>

#include "audit/harness.h"
#include "autograd/ops.h"
#include "test/devices.h"
#include "test/stand_in.h"

namespace fr::test {
namespace {

using namespace audit;

Tensor numbers_of(const Shape& shape, uint32_t seed) {
  return Tensor::from(numbers(elements(shape), seed), shape, DType::float32);
}

TEST(DeviceTensor, MovesFillsAndConverts) {
  const UseDevice device(stand_in());
  const Tensor x = numbers_of({3, 5}, 1), y = x.to(Device::cuda);
  EXPECT_EQ(y.device(), Device::cuda);
  EXPECT_EQ(y.to(Device::cuda).as<float>(), y.as<float>());  // itself
  EXPECT_EQ(y.host<float>(), x.host<float>());
  EXPECT_EQ(y.clone().host<double>(), x.host<double>());
  y.fill(2.5);
  EXPECT_EQ(y.host<float>(), std::vector<float>(15, 2.5f));
  y.copy_from(x);
  EXPECT_EQ(y.host<float>(), x.host<float>());
  x.fill(0), x.copy_from(y);
  EXPECT_EQ(y.host<float>(), x.host<float>());
  const Tensor low = y.to(DType::bfloat16);
  EXPECT_EQ(low.bytes(), 30u);
  EXPECT_EQ(low.host<float>(), x.to(DType::bfloat16).host<float>());
  EXPECT_EQ(low.to(DType::float32).host<float>(), low.host<float>());
  const Tensor labels = Tensor::from(std::vector<int64_t>{4, 5, 6}, {3}, DType::int64, Device::cuda);
  EXPECT_EQ(labels.host<int64_t>(), (std::vector<int64_t>{4, 5, 6}));
  EXPECT_EQ(Tensor::full({2}, 7, DType::int64, Device::cuda).host<int64_t>(), (std::vector<int64_t>{7, 7}));
  EXPECT_EQ(Tensor::full({}, 1.5, DType::bfloat16, Device::cuda).item(), 1.5);
  EXPECT_EQ(Tensor({0, 3}, DType::float32, Device::cuda).host<float>().size(), 0u);
}

TEST(DeviceTensor, WhatADeviceCannotDo) {
  EXPECT_THROW(with_kernels(Tensor({1}, DType::bfloat16), [](const auto&) {}), std::invalid_argument);
  const UseDevice device(stand_in());
  EXPECT_THROW(with_kernels(Tensor({1}, DType::float64, Device::cuda), [](const auto&) {}),
               std::invalid_argument);
  EXPECT_THROW(with_kernels(Tensor({1}, DType::int64, Device::cuda), [](const auto&) {}),
               std::invalid_argument);
  EXPECT_THROW(numbers_of({2}, 1).to(Device::cuda).to(DType::float64), std::invalid_argument);
}

TEST(StandIn, SeesWhatTheHostMayNotDo) {
  const UseDevice device(stand_in());
  const Tensor here = numbers_of({4}, 1), there = here.to(Device::cuda);
  EXPECT_THROW(stand_in().single->add_scaled(there.data(), here.data(), 1, 4), std::logic_error);
  EXPECT_DEATH(EXPECT_EQ(there.as<float>()[0], 0), "");
  float* gone;
  { gone = Tensor({4}, DType::float32, Device::cuda).as<float>(); }
  EXPECT_THROW(stand_in().single->fill(gone, 0, 4), std::logic_error);
  stand_in().begin_recording();
  EXPECT_THROW(there.item(), std::invalid_argument);
  EXPECT_THROW(there.host<float>(), std::logic_error);
  stand_in().drop(stand_in().end_recording());
}

std::string error_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const std::invalid_argument& e) {
    return e.what();
  }
  return "nothing was thrown";
}

TEST(StandIn, InputsOfAnOpLieOnOneDevice) {
  const UseDevice device(stand_in());
  const Var x(numbers_of({1, 4, 4, 2}, 1).to(Device::cuda)), w(numbers_of({3, 1, 1, 2}, 2));
  EXPECT_EQ(error_of([&] { conv2d(x, w, {}, {}); }), "conv2d: x is on cuda, w on cpu");
  EXPECT_EQ(error_of([&] { add(Var(numbers_of({2}, 1)), Var(numbers_of({2}, 1).to(Device::cuda))); }),
            "add: a is on cpu, b on cuda");
  const Var z(numbers_of({2, 3}, 1).to(Device::cuda));
  EXPECT_NE(
      error_of([&] { softmax_cross_entropy(z, Tensor::zeros({2}, DType::int64)); }).find("labels on cpu"),
      std::string::npos);
}

// Value and gradients of f at these inputs, on a device or not.
using Function = std::function<Var(const std::vector<Var>&)>;
std::vector<std::vector<float>> results(const Function& f, const std::vector<Tensor>& inputs, Device place,
                                        DType first = DType::float32) {
  std::vector<Var> x;
  for (const Tensor& t : inputs) x.emplace_back(t.to(place), true);
  std::vector<Var> given = x;
  given[0] = cast(x[0], first);
  const Var y = f(given);
  std::vector<std::vector<float>> all{y.value().host<float>()};
  backward(y, numbers_of(y.shape(), 99).to(place).to(y.dtype()));
  for (const Var& v : x) all.push_back(v.grad().host<float>());
  return all;
}

struct OpRow {
  const char* name;
  std::vector<Shape> inputs;
  Function f;
  bool low = true;  // also with bfloat16 maps
};
std::vector<OpRow> op_rows() {
  using V = const std::vector<Var>&;
  const auto labels = [](const Var& z) {
    return Tensor::from(std::vector<int64_t>{1, 0, 2}, {3}).to(z.device());
  };
  const auto statistics = [](const Var& x, double value) {
    return Tensor::full({x.dim(-1)}, value, wide(x.dtype()), x.device());
  };
  return {
      {"conv2d",
       {{2, 5, 4, 3}, {6, 3, 3, 3}, {6}},
       [](V v) {
         return conv2d(v[0], v[1], v[2], {2, 1, 1, 1});
       }},
      {"linear", {{3, 7}, {5, 7}, {5}}, [](V v) { return linear(v[0], v[1], v[2]); }},
      {"prelu", {{2, 3, 4}, {4}}, [](V v) { return prelu(v[0], v[1]); }},
      {"prelu and a sum", {{6, 4}, {4}}, [](V v) { return prelu(v[0], v[1], affine(v[0], 2, 1)); }},
      {"batch_norm, training",
       {{9, 4}, {4}, {4}, {4}},
       [=](V v) {
         return batch_norm(v[0], v[1], v[2], statistics(v[0], 0), statistics(v[0], 1),
                           BatchNormMode::training, 1e-5, 0.1, {v[3], affine(v[0], 0.5, 0)});
       }},
      {"batch_norm, inference",
       {{9, 4}, {4}, {4}},
       [=](V v) {
         return batch_norm(v[0], v[1], v[2], statistics(v[0], 0.25), statistics(v[0], 2),
                           BatchNormMode::inference);
       }},
      {"add, mul", {{2, 3, 4}}, [](V v) { return mul(add(v[0], v[0]), unary(v[0], Unary::tanh)); }},
      {"max_pool2d", {{1, 6, 6, 2}}, [](V v) { return max_pool2d(v[0], {}); }, false},  // rounded numbers tie
      {"average_pool2d", {{1, 6, 6, 2}}, [](V v) { return average_pool2d(v[0], {}); }},
      {"dropout",
       {{40}},
       [](V v) {
         return dropout(v[0], 0.5, {3, Purpose::dropout, 4, 5});
       }},
      {"reshape, reduce",
       {{4, 6}},
       [](V v) {
         return reduce(reshape(v[0], {6, 4}), Reduce::mean, 1);
       }},
      {"cast", {{4, 6}}, [](V v) { return affine(cast(v[0], DType::float32), 2, 0); }},
      {"arfa",
       {{2, 3, 4}, {4}},
       [](V v) {
         const Var a = affine(unary(v[1], Unary::square), 1, 0.5);
         return arfa(v[0], a, Tensor::full({1}, 1.25, DType::float32, v[0].device()));
       }},
      {"concat_channels, maxout",  // twice the same map: its gradient is added to
       {{2, 3, 2, 4}},
       [](V v) {
         return maxout(concat_channels({v[0], affine(v[0], -2, 0.5), v[0]}), 3);
       }},
      {"concat_columns", {{4, 3}, {4, 2}}, [](V v) { return concat_columns(v[0], v[1]); }, false},
      {"l2_normalize", {{4, 3}}, [](V v) { return l2_normalize(v[0]); }, false},
      {"softmax_cross_entropy",
       {{3, 4}},
       [=](V v) { return softmax_cross_entropy(v[0], labels(v[0])); },
       false},
  };
}

void expect_close(const std::vector<std::vector<float>>& a, const std::vector<std::vector<float>>& b,
                  double tolerance, const std::string& name) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    double largest = 1e-3;
    for (float v : a[i]) largest = std::max(largest, double(std::abs(v)));
    ASSERT_EQ(a[i].size(), b[i].size()) << name;
    for (size_t j = 0; j < a[i].size(); ++j)
      ASSERT_TRUE(std::abs(double(a[i][j]) - b[i][j]) <= tolerance * largest)
          << name << ", result " << i << ", element " << j << ": " << a[i][j] << " and " << b[i][j];
  }
}

class DeviceOps : public testing::TestWithParam<TestDevice> {
  const UseDevice device_{*GetParam().device};
};
INSTANTIATE_TEST_SUITE_P(, DeviceOps, testing::ValuesIn(devices()),
                         [](const auto& row) { return row.param.name; });

TEST_P(DeviceOps, ValuesAndGradientsAreThoseOfTheCpu) {
  for (const OpRow& row : op_rows()) {
    std::vector<Tensor> inputs;
    for (const Shape& s : row.inputs) inputs.push_back(numbers_of(s, uint32_t(inputs.size() + 1)));
    const auto cpu = results(row.f, inputs, Device::cpu);
    const int64_t before = stand_in_counts().downloads;
    const auto card = results(row.f, inputs, Device::cuda);
    const int64_t own = GetParam().device == &stand_in() ? int64_t(inputs.size()) + 1 : 0;  // of results()
    EXPECT_EQ(stand_in_counts().downloads - before, own) << row.name;
    expect_close(cpu, card, 1e-5, row.name);
    if (row.low) expect_close(cpu, results(row.f, inputs, Device::cuda, DType::bfloat16), 0.05, row.name);
  }
}

}  // namespace
}  // namespace fr::test
