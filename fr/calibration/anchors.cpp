#include "fr/calibration/anchors.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/parallel.h"

namespace fr {
namespace {

constexpr int64_t kRows = 4096;  // searched at a time
constexpr int64_t kFewestRows =
    5;  // a search for fewer sums its products in another order (tensor/cpu/simd/search.cpp)

double inner_product(const float* a, const float* b, int64_t D) {
  double sum = 0;
  for (int64_t d = 0; d < D; ++d) sum += double(a[d]) * b[d];
  return std::clamp(sum, -1.0, 1.0);
}

}  // namespace

AnchorDiscrepancy::AnchorDiscrepancy(const EmbeddingView& anchors, int64_t k, double tau)
    : Discrepancy(anchors.D, k, tau) {
  FR_CHECK(anchors.people.empty() || int64_t(anchors.people.size()) == anchors.N, "ida: ", anchors.N,
           " anchors of ", anchors.people.size(), " people");
  const CalibratedRows all = unit_rows(anchors);
  for (int64_t i = 0; i < all.N; ++i) {
    const auto row = all.rows.begin() + i * D_;
    if (std::all_of(row, row + D_, [](float x) { return x == 0; })) continue;
    rows_.insert(rows_.end(), row, row + D_);
    person_.push_back(anchors.people.empty() ? "" : anchors.people[size_t(i)]);
    if (!person_.back().empty()) ++of_person_[person_.back()];
  }
  if (k > this->anchors())
    throw Error(ErrorKind::usage, cat("ida: k = ", k, ", but only ", this->anchors(), " of ", anchors.N,
                                      " anchors have a direction"));
  gallery_ = std::make_unique<Gallery>(EmbeddingView{rows_, this->anchors(), D_});
}

int64_t AnchorDiscrepancy::anchors_of(const std::string& person, int64_t row) const {
  const auto at = of_person_.find(person);
  if (at == of_person_.end()) return 0;
  const int64_t others = anchors() - at->second;
  if (others < k_)
    throw Error(ErrorKind::data, cat("ida: embedding ", row, ": k = ", k_, ", but only ", others, " of ",
                                     anchors(), " anchors are of other people than ", person));
  return at->second;
}

// Rows [begin, end): as many neighbours as hold k of other people whoever the row is of.
void AnchorDiscrepancy::search(std::vector<double>& out, const CalibratedRows& r,
                               std::span<const std::string> people, int64_t begin, int64_t end,
                               const Similarity& similarity) const {
  std::vector<int64_t> own(size_t(end - begin), 0);
  for (int64_t i = begin; i < end && !people.empty(); ++i)
    own[size_t(i - begin)] = anchors_of(people[size_t(i)], i);
  const int64_t n = k_ + *std::max_element(own.begin(), own.end());
  const int64_t Q = std::max(end - begin, kFewestRows);
  std::vector<float> queries(r.rows.begin() + begin * r.D, r.rows.begin() + end * r.D);
  queries.resize(size_t(Q * r.D), 0);
  const Hits hits = gallery_->search({queries, Q, r.D}, n);
  parallel_ranges(end - begin, 64, [&](int64_t first, int64_t last) {
    std::vector<double> support;
    for (int64_t i = first; i < last; ++i, support.clear()) {
      for (int64_t h = i * n; int64_t(support.size()) < k_; ++h) {
        const int64_t anchor = hits.indices[size_t(h)];
        if (own[size_t(i)] > 0 && person_[size_t(anchor)] == people[size_t(begin + i)]) continue;
        support.push_back(similarity(begin + i, &rows_[size_t(anchor * r.D)]));
      }
      out[size_t(begin + i)] = log_discrepancy(support, tau_);
    }
  });
}

std::vector<double> AnchorDiscrepancy::log_f(const CalibratedRows& r,
                                             std::span<const std::string> people) const {
  return log_f(r, people, [&](int64_t row, const float* anchor) {
    return inner_product(&r.rows[size_t(row * r.D)], anchor, r.D);
  });
}

std::vector<double> AnchorDiscrepancy::log_f(const CalibratedRows& r, std::span<const std::string> people,
                                             const Similarity& similarity) const {
  std::vector<double> out(size_t(r.N));
  for (int64_t begin = 0; begin < r.N; begin += kRows)
    search(out, r, people, begin, std::min(r.N, begin + kRows), similarity);
  return out;
}

}  // namespace fr
