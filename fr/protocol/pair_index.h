// Who is whom in a set of pairs: identities without gaps, and where the other pictures of a person are. Numbers of pairs
// follow from the people alone, before any score is computed.
#pragma once
#include <algorithm>
#include <span>
#include <vector>

#include "fr/protocol/score_stream.h"

namespace fr {

class PairIndex {
 public:
  // Throws std::invalid_argument for a missing calibrator or set, or sizes that do not fit.
  explicit PairIndex(const ScorePairs& pairs);

  int64_t identities() const { return identities_; }  // every distractor is one
  int64_t genuine() const { return genuine_; }
  int64_t impostor() const { return impostor_; }
  bool one_set() const { return one_set_; }
  int32_t identity_a(int64_t row) const { return a_[size_t(row)]; }  // 0 .. identities() - 1
  int32_t identity_b(int64_t row) const { return one_set_ ? identity_a(row) : b_[size_t(row)]; }
  std::span<const int32_t> rows_a() const { return a_; }  // the identity of each row
  std::span<const int32_t> rows_b() const { return one_set_ ? a_ : b_; }

  // f(begin, end) for each run of impostor pairs of row r in a block, g(c) for each genuine pair, by ascending column.
  template <class F, class G>
  void visit(const ScoreBlock& block, int64_t r, const F& impostors, const G& genuine) const {
    int64_t c = one_set_ ? std::max(block.j, r + 1) : block.j;
    const int64_t end = block.j + block.m;
    const auto own = columns(identity_a(r));
    for (auto it = std::lower_bound(own.begin(), own.end(), c); it != own.end() && *it < end; ++it) {
      if (*it > c) impostors(c, int64_t{*it});
      genuine(int64_t{*it});
      c = *it + 1;
    }
    if (c < end) impostors(c, end);
  }

 private:
  std::span<const int32_t> columns(int32_t identity) const {
    const auto first = size_t(first_[size_t(identity)]), last = size_t(first_[size_t(identity) + 1]);
    return std::span(columns_).subspan(first, last - first);
  }
  bool one_set_;
  int64_t identities_ = 0, genuine_ = 0, impostor_ = 0;
  std::vector<int32_t> a_, b_;
  std::vector<int32_t> first_, columns_;  // the columns of identity p are [first_p, first_p+1), ascending
};

// The score of row r and column c, both counted in their sets.
inline float score_at(const ScoreBlock& block, int64_t r, int64_t c) {
  return block.scores[(r - block.i) * block.stride + (c - block.j)];
}

}  // namespace fr
