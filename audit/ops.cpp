// Every op: one row per op and case. Shapes are odd, include size 1 and one larger case per family. Inputs keep away from
// kinks by more than a step of the finite differences.
#include "audit/ops.h"

#include <cmath>

#include "autograd/ops.h"

namespace fr::audit {
namespace {

using Row = OpRow;

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
  rows.push_back(
      {"add, residual", {{3, 2}}, [](const Vars& x) { return add(x[0], unary(x[0], Unary::tanh)); }});
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
  rows.push_back({"conv2d, parallel and dilated",
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
    const Tensor k = Tensor::full({1}, 1.3, x.dtype(), x.device());
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
    const Tensor mean = Tensor::zeros({4}, x[0].dtype(), x[0].device()),
                 var = Tensor::full({4}, 1, x[0].dtype(), x[0].device());
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
    const Tensor mean = Tensor::full(c, 0.3, x[0].dtype(), x[0].device()),
                 var = Tensor::full(c, 1.7, x[0].dtype(), x[0].device());
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
                    [labels](const Vars& x) { return softmax_cross_entropy(x[0], labels.to(x[0].device())); },
                    -3,
                    3});
  }
}

}  // namespace

std::vector<OpRow> op_rows() {
  std::vector<Row> rows;
  add_elementwise(rows);
  add_shape_and_reduce(rows);
  add_linear_algebra(rows);
  add_conv2d(rows);
  add_pool_and_channel(rows);
  add_rows_ops(rows);
  return rows;
}

std::string op_of(const OpRow& row) { return row.name.substr(0, row.name.find_first_of(" (,+")); }

// Uniform in (low, high), at least 0.05 away from 0.
Function function_of(const OpRow& row) {
  Function function{row.name, row.f, {}, {}};
  for (const Shape& shape : row.shapes) {
    const auto stream = static_cast<uint32_t>(function.values.size());
    Random random({7, Purpose::test, 1, stream});
    Numbers v(static_cast<size_t>(elements(shape)));
    for (double& x : v) {
      x = random.uniform(row.low, row.high);
      if (std::abs(x) < 0.05) x += x < 0 ? -0.1 : 0.1;
      x = static_cast<float>(x);
    }
    function.inputs.push_back(cat("x", stream));
    function.values.push_back(Tensor::from(v, shape));
  }
  return function;
}

}  // namespace fr::audit
