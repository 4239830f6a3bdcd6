// Rows of the losses on pairs that the batch itself picks out: lifted structured, margin-based.
#include "audit/kernels/rows.h"

namespace fr::audit {
namespace {

constexpr const char* kDouble = "double throughout, rounded once to float";
const std::set<std::string> kWide = {"loss", "dloss", "x", "dx", "scalar", "dscalar"};

// x (N,N) with dx, and labels of about `classes` classes
Row batch(const std::string& name, std::vector<double> x, int64_t N, int64_t classes) {
  return Row(cat(name, " ", N, " of ", classes))
      .input("x", std::move(x), Gradient::overwritten)
      .index_input("label", indices(N, 7, classes));
}
// These entries write the derivative with the loss.
Row with_derivative(Row row) {
  return row.loss("loss").wide(kWide).backward([](const auto&, const auto&) {});
}

Row lifted_distance(int64_t N, int64_t classes, double margin) {
  return with_derivative(batch("lifted_distance", numbers(N * N, 1, 0.2, 4), N, classes))
      .covers(&K::lifted_distance)
      .forward([=](const auto& k, const auto& v) {
        k.lifted_distance(v["loss"], v["dx"], v["x"], v.index("label"), margin, N);
      })
      .tolerance(1e-6, kDouble);
}

Row lifted_cosine(int64_t N, int64_t classes, double scale, double margin) {
  return with_derivative(batch(cat("lifted_cosine scale ", scale), numbers(N * N, 1), N, classes))
      .covers(&K::lifted_cosine)
      .input("scalar", {scale}, Gradient::overwritten)
      .forward([=](const auto& k, const auto& v) {
        k.lifted_cosine(v["loss"], v["dx"], v["dscalar"], v["x"], v["scalar"], v.index("label"), margin, N);
      })
      .tolerance(1e-6, kDouble);
}

// Scales at which the step of the differences is too long.
Row lifted_large(int64_t N, int64_t classes, double scale) {
  return batch(cat("lifted_cosine large scale ", scale), numbers(N * N, 1), N, classes)
      .wide(kWide)
      .covers(&K::lifted_cosine)
      .constant("scalar", {scale})
      .saved("loss", 1)
      .saved("dx", N * N)
      .saved("dscalar", 1)
      .forward([=](const auto& k, const auto& v) {
        k.lifted_cosine(v["loss"], v["dx"], v["dscalar"], v["x"], v["scalar"], v.index("label"), 0.1, N);
      })
      .tolerance(1e-6, kDouble);
}

// Rows that coincide: the derivative takes 1e-8 for their distance.
Row coinciding(int64_t N) {
  return Row(cat("lifted_distance of zeros ", N))
      .wide(kWide)
      .covers(&K::lifted_distance)
      .constant("x", std::vector<double>(size_t(N * N), 0))
      .index_input("label", indices(N, 7, 3))
      .saved("loss", 1)
      .saved("dx", N * N)
      .forward([=](const auto& k, const auto& v) {
        k.lifted_distance(v["loss"], v["dx"], v["x"], v.index("label"), 1, N);
      })
      .tolerance(1e-6, kDouble);
}

const char* name_of(MarginPairs::Sampling s) {
  const char* names[] = {"modified", "distance", "hardest"};
  return names[int(s)];
}

Row margin_pairs(MarginPairs::Sampling sampling, int64_t N, int64_t classes, uint64_t step) {
  MarginPairs o;
  o.sampling = sampling, o.D = 512;
  o.key = {.seed = 11, .purpose = Purpose::pairs, .step = step, .stream = 0};
  return with_derivative(
             batch(cat("margin_pairs ", name_of(sampling), " step ", step), numbers(N * N, 1), N, classes))
      .covers(&K::margin_pairs)
      .input("scalar", {0.25}, Gradient::overwritten)
      .index_output("chosen", N * N)
      .forward([=](const auto& k, const auto& v) {
        k.margin_pairs(v["loss"], v["dx"], v["dscalar"], v.index("chosen"), v["x"], v["scalar"],
                       v.index("label"), o, N);
      })
      .tolerance(1e-6, kDouble);
}

}  // namespace

std::vector<Row> mined_rows() {
  using S = MarginPairs::Sampling;
  std::vector<Row> rows;
  struct Size {
    int64_t N, classes;
  };
  // No row, no pair, one class; several rows a warp's lanes; more columns than lanes; more rows than warps of a block.
  for (const Size& s :
       {Size{0, 1}, {1, 1}, {2, 1}, {2, 1000}, {5, 2}, {7, 3}, {13, 1}, {13, 1000}, {37, 9}, {131, 40}}) {
    rows.push_back(lifted_distance(s.N, s.classes, 1));
    rows.push_back(lifted_cosine(s.N, s.classes, 2, 0));
    rows.push_back(lifted_cosine(s.N, s.classes, 0.5, -1.5));  // many pairs with J <= 0
    rows.push_back(lifted_large(s.N, s.classes, 64));
    rows.push_back(lifted_large(s.N, s.classes, 3000));
    for (const S sampling : {S::modified, S::distance, S::hardest})
      for (const uint64_t step : {1, 2})
        if (step == 1 || s.N < 100) rows.push_back(margin_pairs(sampling, s.N, s.classes, step));
  }
  rows.push_back(coinciding(9));
  return rows;
}

}  // namespace fr::audit
