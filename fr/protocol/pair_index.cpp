#include "fr/protocol/pair_index.h"

#include <limits>

#include "base/error.h"

namespace fr {
namespace {

void check(const char* set, const CalibratedRows& rows, std::span<const int64_t> people) {
  FR_CHECK(int64_t(people.size()) == rows.N, "scores: set ", set, " has ", rows.N, " rows but ",
           people.size(), " people");
  FR_CHECK(rows.N < std::numeric_limits<int32_t>::max(), "scores: set ", set, " has ", rows.N,
           " rows, at most 2^31 - 2 can be numbered");
}

// The identity of each row. `known` are the people of both sets, ascending; distractors follow, numbered from `next` on.
std::vector<int32_t> number(std::span<const int64_t> people, const std::vector<int64_t>& known,
                            int64_t& next) {
  std::vector<int32_t> identity(people.size());
  for (size_t i = 0; i < people.size(); ++i)
    identity[i] = int32_t(
        people[i] < 0 ? next++ : std::lower_bound(known.begin(), known.end(), people[i]) - known.begin());
  return identity;
}

std::vector<int64_t> distinct_people(const ScorePairs& pairs) {
  std::vector<int64_t> known;
  for (std::span<const int64_t> people : {pairs.people_a, pairs.people_b})
    std::copy_if(people.begin(), people.end(), std::back_inserter(known), [](int64_t p) { return p >= 0; });
  std::sort(known.begin(), known.end());
  known.erase(std::unique(known.begin(), known.end()), known.end());
  return known;
}

}  // namespace

PairIndex::PairIndex(const ScorePairs& pairs) : one_set_(pairs.b == nullptr) {
  FR_CHECK(pairs.calibrator && pairs.a, "scores: need a calibrator and a set of embeddings");
  check("a", *pairs.a, pairs.people_a);
  if (!one_set_) check("b", *pairs.b, pairs.people_b);
  FR_CHECK(!one_set_ || pairs.people_b.empty(), "scores: ", pairs.people_b.size(),
           " people of b, but no set b");
  const std::vector<int64_t> known = distinct_people(pairs);
  identities_ = int64_t(known.size());
  a_ = number(pairs.people_a, known, identities_), b_ = number(pairs.people_b, known, identities_);
  FR_CHECK(identities_ < std::numeric_limits<int32_t>::max(), "scores: ", identities_,
           " identities, at most 2^31 - 2 can be numbered");

  first_.assign(size_t(identities_) + 1, 0);
  for (int32_t p : rows_b()) ++first_[size_t(p) + 1];
  for (int64_t p = 0; p < identities_; ++p) first_[size_t(p) + 1] += first_[size_t(p)];
  columns_.resize(rows_b().size());
  std::vector<int32_t> next(first_.begin(), first_.end() - 1);
  for (size_t c = 0; c < columns_.size(); ++c) columns_[size_t(next[size_t(rows_b()[c])]++)] = int32_t(c);

  const int64_t A = int64_t(a_.size()), B = int64_t(columns_.size());
  for (int32_t p : a_)
    genuine_ += int64_t(columns(p).size());  // one set: each pair twice, and a row with itself
  if (one_set_) genuine_ = (genuine_ - A) / 2;
  impostor_ = (one_set_ ? A * (A - 1) / 2 : A * B) - genuine_;
}

}  // namespace fr
