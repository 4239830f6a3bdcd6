// Rows of the reductions.
#include <limits>

#include "audit/kernels/rows.h"

namespace fr::audit {
namespace {

struct Extent {
  int64_t outer, n, inner;
};

Row reduce(Reduce f, const char* name, const Extent& e) {
  return Row(cat("reduce ", name, " ", e.outer, "x", e.n, "x", e.inner))
      .covers(&K::reduce_forward, &K::reduce_backward)
      .input("x", numbers(e.outer * e.n * e.inner, 1))
      .output("y", e.outer * e.inner)
      .forward(
          [=](const auto& k, const auto& v) { k.reduce_forward(v["y"], v["x"], f, e.outer, e.n, e.inner); })
      .backward([=](const auto& k, const auto& v) {
        k.reduce_backward(v["dx"], v["dy"], v["x"], v["y"], f, e.outer, e.n, e.inner);
      })
      .tolerance(1e-5, "float sums of 32 terms, blocks of 32 in double; up to 2401 terms");
}

Row dot(int64_t n) {
  return Row(cat("dot ", n))
      .covers(&K::dot)
      .wide({"y"})
      .constant("a", numbers(n, 1))
      .constant("b", numbers(n, 2))
      .saved("y", 1)
      .forward([=](const auto& k, const auto& v) { k.dot(v["y"], v["a"], v["b"], n); })
      .tolerance(2e-7, "exact products summed in double, rounded once");
}

Row argmax(const char* name, std::vector<double> x, int64_t rows) {
  const int64_t columns = static_cast<int64_t>(x.size()) / rows;
  return Row(cat("argmax ", rows, "x", columns, " ", name))
      .covers(&K::argmax_rows)
      .constant("x", std::move(x))
      .index_output("index", rows)
      .forward([=](const auto& k, const auto& v) { k.argmax_rows(v.index("index"), v["x"], rows, columns); })
      .tolerance(0, "comparisons only");
}

Row largest_other(const char* name, std::vector<double> z, std::vector<int64_t> label) {
  const auto N = static_cast<int64_t>(label.size()), M = static_cast<int64_t>(z.size()) / N;
  return Row(cat("largest_other ", N, "x", M, " ", name))
      .covers(&K::largest_other)
      .wide({"z", "score"})
      .constant("z", std::move(z))
      .index_input("label", std::move(label))
      .index_output("index", N)
      .saved("score", N)
      .forward([=](const auto& k, const auto& v) {
        k.largest_other(v.index("index"), v["score"], v["z"], v.index("label"), N, M);
      })
      .tolerance(0, "comparisons only");
}

Row find_nonfinite(const char* name, std::vector<double> x) {
  const auto n = static_cast<int64_t>(x.size());
  return Row(cat("find_nonfinite ", n, " ", name))
      .covers(&K::find_nonfinite)
      .constant("x", std::move(x))
      .index_output("index", 1)
      .forward([=](const auto& k, const auto& v) { k.find_nonfinite(v.index("index"), v["x"], n); })
      .tolerance(0, "comparisons only");
}

std::vector<double> with(std::vector<double> x, std::initializer_list<std::pair<size_t, double>> changes) {
  for (const auto& [place, value] : changes) x[place] = value;
  return x;
}

}  // namespace

std::vector<Row> reduce_rows() {
  constexpr double kNaN = std::numeric_limits<double>::quiet_NaN(),
                   kInf = std::numeric_limits<double>::infinity();
  std::vector<Row> rows;
  for (const Extent& e : {Extent{1, 1, 1},
                          {3, 37, 1},
                          {1, 37, 5},
                          {3, 5, 17},
                          {2, 7, 33},
                          {0, 3, 2},
                          {3, 4, 0},
                          {1, 2401, 65},
                          {97, 1601, 1},
                          {60, 49, 64}}) {
    rows.push_back(reduce(Reduce::sum, "sum", e));
    rows.push_back(reduce(Reduce::mean, "mean", e));
    rows.push_back(reduce(Reduce::max, "max", e));
  }
  rows.push_back(reduce(Reduce::sum, "sum", {3, 0, 2}));
  rows.push_back(reduce(Reduce::max, "max", {3, 0, 2}));
  for (const int64_t n : {0, 1, 37, 150001}) rows.push_back(dot(n));

  rows.push_back(argmax("", numbers(1, 1), 1));
  rows.push_back(argmax("", numbers(5 * 37, 1), 5));
  rows.push_back(argmax("", numbers(33 * 2501, 1), 33));
  rows.push_back(argmax("ties", std::vector<double>(3 * 50, 0.5), 3));
  rows.push_back(argmax("all -infinity", std::vector<double>(40, -kInf), 2));
  rows.push_back(argmax("a late NaN", with(numbers(61, 1), {{7, kInf}, {44, kNaN}, {52, kNaN}}), 1));
  rows.push_back(argmax("a tie across lanes", with(numbers(61, 1), {{18, 3}, {35, 3}, {17, 3}}), 1));

  rows.push_back(largest_other("", numbers(5 * 37, 1), indices(5, 2, 37)));
  rows.push_back(largest_other("", numbers(33 * 2501, 1), indices(33, 2, 2501)));
  rows.push_back(largest_other("label first and last", numbers(2 * 40, 1), {0, 39}));
  rows.push_back(largest_other("ties", std::vector<double>(4 * 50, 0.5), {0, 1, 30, 49}));
  rows.push_back(largest_other("one class", numbers(3, 1), {0, 0, 0}));
  rows.push_back(largest_other("nothing else", with(std::vector<double>(2 * 20, -kInf), {{3, 1}}), {3, 5}));
  rows.push_back(largest_other("a NaN at the label", with(numbers(61, 1), {{7, kInf}, {44, kNaN}}), {44}));
  rows.push_back(largest_other("the label is the largest", with(numbers(61, 1), {{18, 9}}), {18}));

  rows.push_back(find_nonfinite("none", numbers(37, 1)));
  rows.push_back(find_nonfinite("empty", {}));
  rows.push_back(find_nonfinite("infinity in the tail", with(numbers(37, 1), {{36, -kInf}})));
  rows.push_back(find_nonfinite("first", with(numbers(37, 1), {{0, kNaN}, {20, kInf}})));
  rows.push_back(
      find_nonfinite("several", with(numbers(150001, 1), {{70000, kInf}, {69999, kNaN}, {150000, kNaN}})));
  rows.push_back(
      find_nonfinite("largest floats", std::vector<double>(40, std::numeric_limits<float>::max())));
  return rows;
}

}  // namespace fr::audit
