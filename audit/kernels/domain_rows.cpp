// Rows of the domain frequency. The scores of a row descend as those of a search do.
#include <algorithm>

#include "audit/kernels/rows.h"

namespace fr::audit {
namespace {

struct Size {
  int64_t Q, classes, k;
};

// Places of every row: classes from label on, so that it comes first; in every third row another class has pushed it back by
// one, and in every fifth it is not there at all.
std::vector<int64_t> places(const Size& s, const std::vector<int64_t>& label) {
  std::vector<int64_t> index;
  for (int64_t q = 0; q < s.Q; ++q) {
    const int64_t begin = int64_t(index.size());
    for (int64_t l = 0; l < s.k; ++l) index.push_back((label[size_t(q)] + l + (q % 5 == 4)) % s.classes);
    if (q % 3 == 2) std::swap(index[size_t(begin)], index[size_t(begin + 1)]);
  }
  return index;
}

// Equal for rows of one class.
std::vector<double> scores(const Size& s, const std::vector<int64_t>& label) {
  std::vector<double> all;
  for (int64_t q = 0; q < s.Q; ++q) {
    std::vector<double> row = numbers(s.k, uint32_t(label[size_t(q)]) + 1);
    std::sort(row.begin(), row.end(), std::greater<>());
    all.insert(all.end(), row.begin(), row.end());
  }
  return all;
}

Row domain_row(const std::string& name, const Size& s, double eps_before, const DomainFrequency& o) {
  const std::vector<int64_t> label = indices(s.Q, 3, s.classes);
  return Row(cat("domain_frequency ", name, ", ", s.Q, " of ", s.classes, ", k ", s.k))
      .covers(&K::domain_frequency)
      .wide({"dfi", "ic", "eps", "score"})
      .state("dfi", numbers(s.classes, 5))
      .state("ic", numbers(s.classes, 6))
      .state("eps", {eps_before})
      .index_input("index", places(s, label))
      .constant("score", scores(s, label))
      .index_input("label", label)
      .forward([=](const auto& k, const auto& v) {
        k.domain_frequency(v["dfi"], v["ic"], v["eps"], v.index("index"), v["score"], v.index("label"), o,
                           s.Q, s.k);
      })
      .tolerance(1e-6, "double throughout, rounded once to float");
}

}  // namespace

std::vector<Row> domain_rows() {
  std::vector<Row> rows;
  // No row, one neighbour, fewer and more places than lanes, more rows than warps of a block.
  for (const Size& s : {Size{0, 3, 2}, {1, 2, 2}, {7, 9, 4}, {37, 40, 33}, {150, 60, 20}, {33, 200, 101}}) {
    rows.push_back(domain_row("literal", s, 0.5, {.scale = 10, .eps = 5.5}));
    rows.push_back(domain_row("first mean", s, 0, {.scale = 64}));
    rows.push_back(domain_row("moving mean", s, 7, {.scale = 30, .step = 5, .warmup = 5}));
    rows.push_back(domain_row("warm-up", s, 0, {.scale = 30, .step = 4, .warmup = 5}));
    rows.push_back(domain_row("bounds", s, 7, {.scale = 1, .least_compactness = 2, .least = 1, .most = 2}));
  }
  return rows;
}

}  // namespace fr::audit
