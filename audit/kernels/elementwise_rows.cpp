// Rows of memory and of the elementwise kernels.
#include "audit/kernels/rows.h"

#include <limits>

namespace fr::audit {
namespace {

const char* const kOneRounding = "one or two roundings per element";
constexpr int64_t kThreeTasks = 150001;  // three pieces of the vector kernels, the last one odd

Row add_scaled(int64_t n) {
  return Row(cat("add_scaled ", n))
      .covers(&K::add_scaled)
      .state("y", numbers(n, 1))
      .constant("x", numbers(n, 2))
      .forward([=](const auto& k, const auto& v) { k.add_scaled(v["y"], v["x"], 0.375, n); })
      .tolerance(2e-7, kOneRounding);
}

Row affine(int64_t n) {
  return Row(cat("affine ", n))
      .covers(&K::affine_forward)
      .constant("x", numbers(n, 1))
      .output("y", n)
      .forward([=](const auto& k, const auto& v) { k.affine_forward(v["y"], v["x"], 0.375, -2.5, n); })
      .tolerance(4e-7, kOneRounding);
}

Row affine_in_place(int64_t n) {
  return Row(cat("affine in place ", n))
      .covers(&K::affine_forward)
      .state("x", numbers(n, 1))
      .forward([=](const auto& k, const auto& v) { k.affine_forward(v["x"], v["x"], 0.375, -2.5, n); })
      .tolerance(4e-7, kOneRounding);
}

// In place, as parameters are brought into bounds; a part of the numbers below, within and above them.
Row clamp_in_place(int64_t n) {
  return Row(cat("clamp in place ", n))
      .covers(&K::clamp)
      .wide({"x"})
      .state("x", numbers(n, 1))
      .forward([=](const auto& k, const auto& v) { k.clamp(v["x"], v["x"], -0.25, 0.5, n); })
      .tolerance(0, "no arithmetic");
}

// A bound that is none, and numbers that are none.
Row clamp_of_extremes() {
  const double inf = std::numeric_limits<double>::infinity();
  return Row("clamp of extremes")
      .covers(&K::clamp)
      .wide({"x", "y"})
      .constant("x", {-inf, -1, 0, 1, inf})
      .saved("y", 5)
      .forward([=](const auto& k, const auto& v) { k.clamp(v["y"], v["x"], 0.25, inf, 5); })
      .tolerance(0, "no arithmetic");
}

Row unary(Unary f, const char* name, double low, double high, int64_t n) {
  return Row(cat("unary ", name, " ", n))
      .covers(&K::unary_forward, &K::unary_backward)
      .input("x", numbers(n, 1, low, high))
      .output("y", n)
      .forward([=](const auto& k, const auto& v) { k.unary_forward(v["y"], v["x"], f, n); })
      .backward(
          [=](const auto& k, const auto& v) { k.unary_backward(v["dx"], v["dy"], v["x"], v["y"], f, n); })
      .tolerance(2e-6,
                 "a library function and its product in float; 1/x up to 10 amplifies the rounding of y");
}

struct Broadcast {
  const char* name;
  BroadcastShape shape;
  int64_t a, b;  // elements of the operands
};

Row binary(Binary f, const char* name, const Broadcast& c) {
  const BroadcastShape s = c.shape;
  return Row(cat("binary ", name, " ", c.name))
      .covers(&K::binary_forward, &K::binary_backward)
      .input("a", numbers(c.a, 1))
      .input("b", numbers(c.b, 2, 0.5, 2))
      .output("y", s.elements())
      .forward([=](const auto& k, const auto& v) { k.binary_forward(v["y"], v["a"], v["b"], f, s); })
      .backward([=](const auto& k, const auto& v) {
        k.binary_backward(v["da"], v["db"], v["dy"], v["a"], v["b"], f, s);
      })
      .may_be_null({"da", "db"})
      .tolerance(1e-5, "float sums of 32 terms over repeated axes, blocks of 32 in double; up to 2401 terms");
}

std::vector<Broadcast> broadcasts() {
  return {
      {"equal", {{2, 3, 5, 7}, {105, 35, 7, 1}, {105, 35, 7, 1}}, 210, 210},
      {"vector of rows", {{1, 5, 3, 19}, {0, 57, 19, 1}, {0, 0, 0, 1}}, 285, 19},
      {"column", {{1, 1, 6, 9}, {0, 0, 9, 1}, {0, 0, 1, 0}}, 54, 6},
      {"both repeated", {{2, 3, 4, 5}, {0, 5, 0, 1}, {15, 5, 0, 1}}, 15, 30},
      {"scalar", {{1, 1, 3, 9}, {0, 0, 9, 1}, {0, 0, 0, 0}}, 27, 1},
      {"one element", {{1, 1, 1, 1}, {0, 0, 0, 0}, {0, 0, 0, 0}}, 1, 1},
      {"empty", {{1, 1, 0, 5}, {0, 0, 5, 1}, {0, 0, 0, 1}}, 0, 5},
      {"equal, large", {{3, 50, 16, 64}, {51200, 1024, 64, 1}, {51200, 1024, 64, 1}}, 153600, 153600},
      {"vector of rows, large", {{1, 1, 2401, 65}, {0, 0, 65, 1}, {0, 0, 0, 1}}, 156065, 65},
  };
}

Row dropout(double p, int64_t n) {
  const PhiloxKey key{
      .seed = 0x1234567890abcdefu, .purpose = Purpose::dropout, .step = 0x123456789abcu, .stream = 7};
  return Row(cat("dropout ", p, " of ", n))
      .covers(&K::dropout_forward, &K::dropout_backward)
      .input("x", numbers(n, 1))
      .output("y", n)
      .forward([=](const auto& k, const auto& v) { k.dropout_forward(v["y"], v["x"], key, p, n); })
      .backward([=](const auto& k, const auto& v) { k.dropout_backward(v["dx"], v["dy"], key, p, n); })
      .tolerance(4e-7, kOneRounding);
}

}  // namespace

// Rows of C numbers, further apart in memory than they are long.
Row convert(int64_t r, int64_t C, int64_t more, bool widen) {
  Row row(cat(widen ? "widen " : "narrow ", r, "x", C, " + ", more));
  const int64_t ld = C + more;
  row.constant("x", numbers(r * ld, 1)).state("y", numbers(r * ld, 2)).tolerance(0, "no arithmetic");
  if (widen)
    return row.covers(&K::widen).wide({"y"}).forward(
        [=](const auto& k, const auto& v) { k.widen(v["y"], v["x"], r, C, ld, ld); });
  return row.covers(&K::narrow).wide({"x"}).forward([=](const auto& k, const auto& v) {
    k.narrow(v["y"], v["x"], r, C, ld, ld);
  });
}

// Windows inside, across every edge and far outside; both ways round.
Row pictures(int64_t H, int64_t W, int64_t H0, int64_t W0) {
  const std::vector<PictureWindow> windows{{0, 0, 0},  {0, 0, 1},   {1, 2, 1},    {-2, -1, 0},
                                           {3, -3, 1}, {90, 90, 0}, {-90, -90, 1}};
  const auto N = static_cast<int64_t>(windows.size());
  std::vector<uint8_t> bytes;
  for (const int64_t b : indices(N * H0 * W0 * 3, 5, 256)) bytes.push_back(static_cast<uint8_t>(b));
  return Row(cat("pictures ", H0, "x", W0, " -> ", H, "x", W))
      .covers(&K::pictures)
      .saved("y", N * H * W * 3)
      .forward([=](const auto& k, const auto& v) {
        void* x = k.alloc(bytes.size());
        void* w = k.alloc(windows.size() * sizeof(PictureWindow));
        k.upload(x, bytes.data(), bytes.size()),
            k.upload(w, windows.data(), windows.size() * sizeof(PictureWindow));
        k.pictures(v["y"], static_cast<const uint8_t*>(x), static_cast<const PictureWindow*>(w), N, H, W, H0,
                   W0);
        k.release(x), k.release(w);
      })
      .tolerance(0, "multiples of 1/256 below 1");
}

std::vector<Row> memory_rows() {
  std::vector<Row> rows;
  for (const bool widen : {false, true})
    for (const int64_t more : {0, 3})
      rows.push_back(convert(5, 7, more, widen)), rows.push_back(convert(300, 512, more, widen));
  rows.push_back(pictures(6, 5, 6, 5));
  rows.push_back(pictures(9, 11, 16, 13));
  for (const int64_t n : {int64_t{0}, int64_t{1}, int64_t{37}, kThreeTasks}) {
    rows.push_back(Row(cat("fill ", n))
                       .covers(&K::fill)
                       .saved("y", n)
                       .forward([=](const auto& k, const auto& v) { k.fill(v["y"], 1.5, n); })
                       .tolerance(0, "no arithmetic"));
    rows.push_back(Row(cat("copy ", n))
                       .covers(&K::copy, &K::upload, &K::download, &K::alloc, &K::release)
                       .constant("x", numbers(n, 1))
                       .saved("y", n)
                       .forward([=](const auto& k, const auto& v) {
                         k.copy(v["y"], v["x"],
                                static_cast<size_t>(n) *
                                    sizeof(typename std::remove_cvref_t<decltype(v)>::type));
                       })
                       .tolerance(0, "no arithmetic"));
  }
  return rows;
}

std::vector<Row> elementwise_rows() {
  std::vector<Row> rows;
  for (const int64_t n : {int64_t{0}, int64_t{1}, int64_t{37}, kThreeTasks}) {
    rows.push_back(add_scaled(n));
    rows.push_back(affine(n));
    rows.push_back(affine_in_place(n));
    rows.push_back(clamp_in_place(n));
    rows.push_back(unary(Unary::relu, "relu", -1, 1, n));
  }
  rows.push_back(clamp_of_extremes());
  for (const int64_t n : {1, 37}) {
    rows.push_back(unary(Unary::exp, "exp", -3, 3, n));
    rows.push_back(unary(Unary::log, "log", 0.1, 3, n));
    rows.push_back(unary(Unary::sqrt, "sqrt", 0.1, 3, n));
    rows.push_back(unary(Unary::square, "square", -2, 2, n));
    rows.push_back(unary(Unary::abs, "abs", -1, 1, n));
    rows.push_back(unary(Unary::tanh, "tanh", -2, 2, n));
    rows.push_back(unary(Unary::sigmoid, "sigmoid", -4, 4, n));
  }
  for (const Broadcast& c : broadcasts()) {
    rows.push_back(binary(Binary::sub, "sub", c));
    rows.push_back(binary(Binary::mul, "mul", c));
    if (c.shape.elements() > 1000) continue;
    rows.push_back(binary(Binary::add, "add", c));
    rows.push_back(binary(Binary::div, "div", c));
    rows.push_back(binary(Binary::max, "max", c));
  }
  for (const double p : {0.0, 0.4, 1.0}) rows.push_back(dropout(p, 77));
  for (const int64_t n : {int64_t{0}, int64_t{1}, kThreeTasks}) rows.push_back(dropout(0.25, n));
  return rows;
}

}  // namespace fr::audit
