// Rows of the likelihood of pairs of distributions.
#include "audit/kernels/rows.h"

namespace fr::audit {
namespace {

constexpr const char* kDouble = "double throughout, rounded to float twice";

enum class Means { trained, fixed };

Row likelihood(int64_t N, int64_t D, int64_t classes, double low, double high, Means means) {
  const bool trained = means == Means::trained;
  Row row(cat("likelihood_pairs ", N, "x", D, " of ", classes, ", s ", low, " to ", high,
              trained ? "" : ", means fixed"));
  row.wide({"loss", "dloss", "m", "dm", "s", "ds"}).covers(&K::likelihood_pairs);
  if (trained)
    row.input("m", numbers(N * D, 1), Gradient::overwritten);
  else
    row.constant("m", numbers(N * D, 1));
  return row.input("s", numbers(N * D, 2, low, high), Gradient::overwritten)
      .index_input("label", indices(N, 7, classes))
      .loss("loss")
      .forward([=](const auto& k, const auto& v) {
        k.likelihood_pairs(v["loss"], trained ? v["dm"] : nullptr, v["ds"], v["m"], v["s"], v.index("label"),
                           N, D);
      })
      .backward([](const auto&, const auto&) {})
      .tolerance(1e-6, kDouble);
}

}  // namespace

std::vector<Row> likelihood_rows() {
  std::vector<Row> rows;
  struct Size {
    int64_t N, D, classes;
  };
  // No row, no pair, one class; fewer numbers than a warp, more than a block, and a batch of its size.
  for (const Size& s :
       {Size{0, 3, 1}, {1, 4, 1}, {2, 1, 1}, {2, 5, 1000}, {7, 3, 2}, {12, 33, 4}, {9, 150, 3}, {64, 40, 16}})
    for (const Means means : {Means::trained, Means::fixed})
      rows.push_back(likelihood(s.N, s.D, s.classes, -1.5, 1, means));
  rows.push_back(likelihood(10, 6, 3, -4, -2, Means::trained));
  return rows;
}

}  // namespace fr::audit
