// Rows of pooling.
#include "audit/kernels/rows.h"

namespace fr::audit {
namespace {

int64_t inputs(const Pool2dShape& s) { return s.N * s.H * s.W * s.C; }
int64_t outputs(const Pool2dShape& s) { return s.N * s.P() * s.Q() * s.C; }
std::string describe(const Pool2dShape& s) {
  return cat(s.N, "x", s.H, "x", s.W, "x", s.C, " window ", s.R, "x", s.S, " stride ", s.stride_h, "x",
             s.stride_w, " pad ", s.pad_h, "x", s.pad_w);
}

Row max_pool(const Pool2dShape& s) {
  return Row("max_pool " + describe(s))
      .covers(&K::max_pool_forward, &K::max_pool_backward)
      .input("x", numbers(inputs(s), 1))
      .output("y", outputs(s))
      .index_output("index", outputs(s))
      .forward([=](const auto& k, const auto& v) { k.max_pool_forward(v["y"], v.index("index"), v["x"], s); })
      .backward(
          [=](const auto& k, const auto& v) { k.max_pool_backward(v["dx"], v["dy"], v.index("index"), s); })
      .tolerance(1e-6, "a few additions into one gradient where windows overlap");
}

Row average_pool(const Pool2dShape& s) {
  return Row("average_pool " + describe(s))
      .covers(&K::average_pool_forward, &K::average_pool_backward)
      .input("x", numbers(inputs(s), 1))
      .output("y", outputs(s))
      .forward([=](const auto& k, const auto& v) { k.average_pool_forward(v["y"], v["x"], s); })
      .backward([=](const auto& k, const auto& v) { k.average_pool_backward(v["dx"], v["dy"], s); })
      .tolerance(2e-6, "float sums of at most 49 terms");
}

Row max_pool_ties(const Pool2dShape& s) {
  return Row("max_pool of equal values " + describe(s))
      .covers(&K::max_pool_forward)
      .constant("x", std::vector<double>(static_cast<size_t>(inputs(s)), -0.5))
      .saved("y", outputs(s))
      .index_output("index", outputs(s))
      .forward([=](const auto& k, const auto& v) { k.max_pool_forward(v["y"], v.index("index"), v["x"], s); })
      .tolerance(0, "comparisons only");
}

}  // namespace

std::vector<Row> pool2d_rows() {
  std::vector<Row> rows;
  for (const Pool2dShape& s : {
           Pool2dShape{.N = 1, .H = 1, .W = 1, .C = 1, .R = 1, .S = 1, .stride_h = 1, .stride_w = 1},
           Pool2dShape{.N = 2, .H = 6, .W = 5, .C = 7},
           Pool2dShape{.N = 1, .H = 7, .W = 6, .C = 19, .R = 3, .S = 3, .pad_h = 1, .pad_w = 1},
           Pool2dShape{
               .N = 2, .H = 5, .W = 7, .C = 5, .R = 3, .S = 2, .stride_h = 1, .stride_w = 2, .pad_h = 1},
           Pool2dShape{.N = 3, .H = 7, .W = 6, .C = 9, .R = 7, .S = 6},
           Pool2dShape{
               .N = 1, .H = 3, .W = 3, .C = 3, .R = 2, .S = 2, .pad_h = 2, .pad_w = 2},  // windows outside
           Pool2dShape{.N = 0, .H = 4, .W = 4, .C = 3},
           Pool2dShape{.N = 3, .H = 28, .W = 24, .C = 64, .R = 3, .S = 3, .pad_h = 1, .pad_w = 1},
           Pool2dShape{.N = 33, .H = 7, .W = 6, .C = 128, .R = 7, .S = 6},
       }) {
    rows.push_back(max_pool(s));
    rows.push_back(average_pool(s));
  }
  rows.push_back(max_pool_ties({.N = 1, .H = 4, .W = 4, .C = 17}));
  return rows;
}

}  // namespace fr::audit
