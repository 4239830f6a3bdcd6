// Every op against central differences in double: one row per op and case, the checking is in the harness. Shapes are
// odd, include size 1 and one larger case per family. Inputs keep away from kinks by more than h.
#include <gtest/gtest.h>

#include <cmath>

#include "autograd/gradient_check.h"
#include "autograd/ops.h"
#include "base/parallel.h"

namespace fr {
namespace {

using Vars = std::vector<Var>;

// Many tiny kernels: waking threads would take most of the time, and results do not depend on their number.
struct OneThread {
  int before = threads();
  OneThread() { set_threads(1); }
  ~OneThread() { set_threads(before); }
};

struct Row {
  std::string name;
  std::vector<Shape> shapes;
  std::function<Var(const Vars&)> f;
  double low = -1, high = 1;
};

// Uniform in (low, high), at least 0.05 away from 0.
Tensor random_input(const Shape& shape, double low, double high, uint32_t stream) {
  Random random({7, Purpose::test, 1, stream});
  Tensor x(shape, DType::float64);
  double* p = x.data();
  for (int64_t i = 0; i < x.size(); ++i) {
    p[i] = random.uniform(low, high);
    if (std::abs(p[i]) < 0.05) p[i] += p[i] < 0 ? -0.1 : 0.1;
  }
  return x;
}

std::string error_of(const Row& row) {
  std::vector<Tensor> inputs;
  for (const Shape& shape : row.shapes)
    inputs.push_back(random_input(shape, row.low, row.high, uint32_t(inputs.size())));
  return gradient_error(row.f, inputs);
}

Tensor labels_below(int64_t N, int64_t M) {
  std::vector<int64_t> labels;
  for (int64_t n = 0; n < N; ++n) labels.push_back((5 * n + 2) % M);
  return Tensor::from(labels, {N});
}

void add_elementwise(std::vector<Row>& rows) {
  using F = Var (*)(const Var&, const Var&);
  const std::pair<const char*, F> binaries[] = {
      {"add", add}, {"sub", sub}, {"mul", mul}, {"div", div}, {"maximum", maximum}};
  const std::vector<std::vector<Shape>> shapes = {{{1}, {1}},
                                                  {{}, {}},
                                                  {{7}, {7}},
                                                  {{3, 5}, {5}},
                                                  {{3, 5}, {3, 1}},
                                                  {{3, 1}, {1, 5}},
                                                  {{}, {2, 3}},
                                                  {{2, 3, 5}, {3, 1}},
                                                  {{2, 3, 5, 3}, {2, 1, 5, 1}},
                                                  {{1, 4}, {3, 1, 4}},
                                                  {{4, 3}, {4, 3}},
                                                  {{1, 1, 1}, {2}},
                                                  {{3, 7, 5, 2}, {2}}};
  for (const auto& entry : binaries) {
    const F f = entry.second;
    for (const auto& s : shapes)
      rows.push_back({std::string(entry.first) + to_string(s[0]) + to_string(s[1]), s,
                      [f](const Vars& x) { return f(x[0], x[1]); }, 0.5, 2});
  }
  rows.push_back({"sub of a value from itself's square", {{3, 2}}, [](const Vars& x) {
                    return sub(mul(x[0], x[0]), x[0]);
                  }});
  rows.push_back({"add of a value to itself", {{3, 2}}, [](const Vars& x) { return add(x[0], x[0]); }});
  rows.push_back({"residual", {{3, 2}}, [](const Vars& x) { return add(x[0], unary(x[0], Unary::tanh)); }});
  const std::pair<const char*, Unary> unaries[] = {
      {"relu", Unary::relu},     {"exp", Unary::exp}, {"log", Unary::log},   {"sqrt", Unary::sqrt},
      {"square", Unary::square}, {"abs", Unary::abs}, {"tanh", Unary::tanh}, {"sigmoid", Unary::sigmoid}};
  for (const auto& entry : unaries) {
    const Unary f = entry.second;
    const bool positive = f == Unary::log || f == Unary::sqrt;
    for (const Shape& s : {Shape{}, Shape{1}, Shape{3, 5}, Shape{2, 3, 1, 7}})
      rows.push_back({std::string(entry.first) + to_string(s),
                      {s},
                      [f](const Vars& x) { return unary(x[0], f); },
                      positive ? 0.3 : -2.0,
                      2});
  }
  rows.push_back({"affine", {{3, 5}}, [](const Vars& x) { return affine(x[0], -1.5, 0.25); }});
  const PhiloxKey key{11, Purpose::dropout, 3, 4};
  for (const Shape& s : {Shape{1}, Shape{7, 5}, Shape{2, 3, 3, 5}})
    rows.push_back({"dropout" + to_string(s), {s}, [key](const Vars& x) { return dropout(x[0], 0.4, key); }});
}

void add_shape_and_reduce(std::vector<Row>& rows) {
  rows.push_back({"reshape", {{2, 3, 5}}, [](const Vars& x) { return reshape(x[0], {5, -1}); }});
  rows.push_back({"reshape, then used twice", {{2, 3}}, [](const Vars& x) {
                    return add(reshape(x[0], {3, 2}), unary(reshape(x[0], {3, 2}), Unary::square));
                  }});
  rows.push_back({"flatten", {{2, 3, 1, 5}}, [](const Vars& x) { return flatten(x[0]); }});
  rows.push_back(
      {"concat_columns", {{3, 5}, {3, 1}}, [](const Vars& x) { return concat_columns(x[0], x[1]); }});
  rows.push_back({"concat_columns of one row", {{1, 1}, {1, 2}}, [](const Vars& x) {
                    return concat_columns(x[0], x[1]);
                  }});
  rows.push_back(
      {"concat_columns of itself", {{2, 3}}, [](const Vars& x) { return concat_columns(x[0], x[0]); }});
  rows.push_back({"concat_channels of three", {{2, 3, 1, 5}, {2, 3, 1, 1}, {2, 3, 1, 2}}, [](const Vars& x) {
                    return concat_channels(x);
                  }});
  rows.push_back({"concat_channels of read ones", {{3, 2}, {3, 4}}, [](const Vars& x) {
                    return concat_channels({concat_channels(x), unary(x[1], Unary::square), x[0]});
                  }});
  rows.push_back({"concat_channels of one", {{4}}, [](const Vars& x) { return concat_channels(x); }});
  for (int64_t group : {1, 2, 3})
    rows.push_back(
        {cat("maxout of ", group), {{3, 2, 6}}, [group](const Vars& x) { return maxout(x[0], group); }});
  for (Reduce f : {Reduce::sum, Reduce::mean, Reduce::max})
    for (const Shape& s : {Shape{1}, Shape{7}, Shape{3, 5}, Shape{2, 3, 5}, Shape{3, 1, 2, 5}})
      for (int axis = -1; axis < int(s.size()); ++axis)
        rows.push_back({cat("reduce ", int(f), to_string(s), " axis ", axis), {s}, [f, axis](const Vars& x) {
                          return reduce(x[0], f, axis);
                        }});
  for (const Shape& s : {Shape{}, Shape{1}, Shape{3, 5, 2}}) {
    rows.push_back({"sum" + to_string(s), {s}, [](const Vars& x) { return sum(x[0]); }});
    rows.push_back({"mean" + to_string(s), {s}, [](const Vars& x) { return mean(x[0]); }});
  }
}

void add_linear_algebra(std::vector<Row>& rows) {
  const int64_t sizes[][3] = {{1, 1, 1}, {3, 5, 7}, {1, 4, 2}, {5, 1, 3}, {17, 9, 13}};
  for (const auto& s : sizes) {
    const int64_t M = s[0], N = s[1], K = s[2];
    for (int t = 0; t < 4; ++t) {
      const bool ta = t & 1, tb = t & 2;
      rows.push_back({cat("matmul ", M, "x", N, "x", K, " transposed ", t),
                      {ta ? Shape{K, M} : Shape{M, K}, tb ? Shape{N, K} : Shape{K, N}},
                      [ta, tb](const Vars& x) { return matmul(x[0], x[1], ta, tb); }});
    }
    rows.push_back({cat("linear ", M, "x", N, "x", K), {{M, K}, {N, K}, {N}}, [](const Vars& x) {
                      return linear(x[0], x[1], x[2]);
                    }});
    rows.push_back({cat("linear without bias ", M, "x", N, "x", K), {{M, K}, {N, K}}, [](const Vars& x) {
                      return linear(x[0], x[1]);
                    }});
  }
  rows.push_back(
      {"matmul of itself", {{3, 5}}, [](const Vars& x) { return matmul(x[0], x[0], false, true); }});
}

void add_conv2d(std::vector<Row>& rows) {
  struct Case {
    Shape x, w;
    Conv2dOptions o;
  };
  const Case cases[] = {{{1, 1, 1, 1}, {1, 1, 1, 1}, {}},
                        {{1, 1, 1, 1}, {1, 3, 3, 1}, {1, 1, 1, 1}},
                        {{2, 5, 4, 3}, {4, 3, 3, 3}, {1, 1, 1, 1}},
                        {{2, 7, 6, 2}, {3, 3, 3, 2}, {2, 2, 1, 1}},
                        {{1, 5, 7, 3}, {2, 1, 1, 3}, {2, 2}},
                        {{1, 6, 5, 1}, {2, 2, 3, 1}, {2, 1, 0, 2}},
                        {{2, 7, 7, 1}, {1, 3, 3, 1}, {1, 1, 2, 2, 2, 2}},
                        {{1, 4, 5, 4}, {6, 3, 3, 2}, {1, 1, 1, 1, 1, 1, 2}},
                        {{2, 4, 3, 3}, {3, 3, 3, 1}, {1, 2, 1, 1, 1, 1, 3}},
                        {{1, 9, 8, 4}, {5, 5, 5, 4}, {1, 1, 2, 2}}};
  rows.push_back({"parallel dilated convolutions",
                  {{2, 6, 7, 2}, {2, 3, 3, 2}, {1, 3, 3, 2}, {3, 3, 3, 2}},
                  [](const Vars& x) {
                    std::vector<Var> maps;
                    for (int64_t d : {1, 2, 3})
                      maps.push_back(conv2d(x[0], x[size_t(d)], {}, {1, 1, d - 1, d - 1, d, d}));
                    return concat_channels(maps);
                  }});
  for (const Case& c : cases) {
    const Conv2dOptions o = c.o;
    rows.push_back({"conv2d " + to_string(c.x) + to_string(c.w), {c.x, c.w, {c.w[0]}}, [o](const Vars& x) {
                      return conv2d(x[0], x[1], x[2], o);
                    }});
    rows.push_back({"conv2d without bias " + to_string(c.x) + to_string(c.w), {c.x, c.w}, [o](const Vars& x) {
                      return conv2d(x[0], x[1], {}, o);
                    }});
  }
}

void add_prelu(std::vector<Row>& rows, const Shape& s) {
  const Shape a = {s.back()};
  rows.push_back({"prelu" + to_string(s), {s, a}, [](const Vars& x) { return prelu(x[0], x[1]); }});
  rows.push_back(
      {"prelu + residual" + to_string(s), {s, a, s}, [](const Vars& x) { return prelu(x[0], x[1], x[2]); }});
  rows.push_back({"prelu + its own input" + to_string(s), {s, a}, [](const Vars& x) {
                    return prelu(x[0], x[1], x[0]);
                  }});
}

// a = t^2 + 0.5 keeps away from the pole.
void add_arfa(std::vector<Row>& rows, const Shape& s) {
  const auto act = [](const Var& x, const Var& t) {
    const Tensor k = Tensor::full({1}, 1.3, DType::float64);
    return arfa(x, affine(unary(t, Unary::square), 1, 0.5), k);
  };
  rows.push_back(
      {"arfa" + to_string(s), {s, {s.back()}}, [=](const Vars& x) { return act(x[0], x[1]); }, -3, 3});
  rows.push_back({"arfa + its own input" + to_string(s), {s, {s.back()}}, [=](const Vars& x) {
                    return add(act(x[0], x[1]), x[0]);
                  }});
}

// A convolution that takes the statistics for the batch norm behind it: one function of x, w, gamma and beta.
void add_convolution_with_statistics(std::vector<Row>& rows) {
  const auto f = [](const Vars& x) {
    const Tensor mean = Tensor::zeros({4}, DType::float64), var = Tensor::full({4}, 1, DType::float64);
    BatchNormFinishing finish;
    const Var z = conv2d_with_statistics(x[0], x[1], {1, 2, 1, 0}, {mean, var, 1e-3, 0.1}, finish.known);
    return batch_norm(z, x[2], x[3], mean, var, BatchNormMode::training, 1e-3, 0.1, finish);
  };
  rows.push_back({"conv2d_with_statistics", {{2, 4, 5, 3}, {4, 3, 3, 3}, {4}, {4}}, f});
}

// Batch norm with what may be joined to it: inputs x, gamma, beta, slope, residual.
void add_batch_norm(std::vector<Row>& rows, const Shape& s, BatchNormMode mode) {
  const Shape c = {s.back()};
  const auto normalise = [c, mode](const Vars& x, const BatchNormFinishing& finish) {
    const Tensor mean = Tensor::full(c, 0.3, DType::float64), var = Tensor::full(c, 1.7, DType::float64);
    return batch_norm(x[0], x[1], x[2], mean, var, mode, 1e-3, 0.1, finish);
  };
  const std::string name = cat("batch_norm", to_string(s), " mode ", int(mode));
  rows.push_back({name, {s, c, c}, [=](const Vars& x) { return normalise(x, {}); }});
  rows.push_back({name + " + prelu", {s, c, c, c}, [=](const Vars& x) { return normalise(x, {x[3], {}}); }});
  rows.push_back({name + " + residual", {s, c, c, s}, [=](const Vars& x) {
                    return normalise(x, {{}, x[3]});
                  }});
  rows.push_back({name + " + both", {s, c, c, c, s}, [=](const Vars& x) {
                    return normalise(x, {x[3], x[4]});
                  }});
  rows.push_back({name + " + its own input", {s, c, c, c}, [=](const Vars& x) {
                    return normalise(x, {x[3], x[0]});
                  }});
}

void add_pool_and_channel(std::vector<Row>& rows) {
  const std::pair<Shape, Pool2dOptions> pools[] = {{{1, 1, 1, 1}, {1, 1, 1, 1}},
                                                   {{2, 4, 6, 3}, {}},
                                                   {{1, 7, 5, 2}, {3, 3, 2, 2, 1, 1}},
                                                   {{2, 5, 5, 1}, {2, 3, 1, 2, 1, 0}},
                                                   {{1, 3, 4, 5}, {3, 4, 1, 1}}};
  for (const auto& entry : pools) {
    const Pool2dOptions o = entry.second;
    rows.push_back({"max_pool2d" + to_string(entry.first), {entry.first}, [o](const Vars& x) {
                      return max_pool2d(x[0], o);
                    }});
    rows.push_back({"average_pool2d" + to_string(entry.first), {entry.first}, [o](const Vars& x) {
                      return average_pool2d(x[0], o);
                    }});
  }
  for (const Shape& s : {Shape{1}, Shape{3, 1}, Shape{1, 5}, Shape{2, 3, 4, 7}})
    add_prelu(rows, s), add_arfa(rows, s);
  for (const Shape& s : {Shape{3, 1}, Shape{5, 3}, Shape{2, 3, 3, 5}})
    for (BatchNormMode mode : {BatchNormMode::training, BatchNormMode::inference})
      add_batch_norm(rows, s, mode);
  add_convolution_with_statistics(rows);
}

void add_rows_ops(std::vector<Row>& rows) {
  for (const Shape& s : {Shape{1, 1}, Shape{1, 5}, Shape{3, 2}, Shape{7, 13}})
    rows.push_back({"l2_normalize" + to_string(s), {s}, [](const Vars& x) { return l2_normalize(x[0]); }});
  for (const Shape& s : {Shape{1, 1}, Shape{1, 5}, Shape{3, 2}, Shape{7, 13}}) {
    const Tensor labels = labels_below(s[0], s[1]);
    rows.push_back({"softmax_cross_entropy" + to_string(s),
                    {s},
                    [labels](const Vars& x) { return softmax_cross_entropy(x[0], labels); },
                    -3,
                    3});
  }
}

std::vector<Row> all_rows() {
  std::vector<Row> rows;
  add_elementwise(rows);
  add_shape_and_reduce(rows);
  add_linear_algebra(rows);
  add_conv2d(rows);
  add_pool_and_channel(rows);
  add_rows_ops(rows);
  return rows;
}

TEST(Ops, EveryGradientIsTheDerivative) {
  const OneThread guard;
  const std::vector<Row> rows = all_rows();
  EXPECT_GT(rows.size(), 200u);
  for (const Row& row : rows) EXPECT_EQ(error_of(row), "") << row.name;
}

// A whole small network at once: gradients meet every kind of neighbour.
TEST(Ops, GradientOfANetworkIsTheDerivative) {
  const OneThread guard;
  const Tensor labels = labels_below(2, 3);
  const auto network = [&](const Vars& v) {
    const Var a = prelu(conv2d(v[0], v[1], v[2], {1, 1, 1, 1}), v[3]);
    const Var b = add(a, unary(a, Unary::tanh));
    const Var c = flatten(average_pool2d(b, {}));
    return softmax_cross_entropy(linear(l2_normalize(c), v[4], v[5]), labels);
  };
  std::vector<Tensor> inputs;
  for (const Shape& s : {Shape{2, 4, 6, 2}, Shape{3, 3, 3, 2}, Shape{3}, Shape{3}, Shape{3, 18}, Shape{3}})
    inputs.push_back(random_input(s, -1, 1, uint32_t(inputs.size())));
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
  const Var x(random_input({2, 5, 4, 3}, -1, 1, 1)), w(random_input({6, 3, 3, 3}, -1, 1, 2));
  const Var gamma(random_input({6}, -1, 1, 3)), beta(random_input({6}, -1, 1, 4));
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
}  // namespace fr
