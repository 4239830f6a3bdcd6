// Sorted pairs whose weights change with every replicate of a bootstrap: sums of weights up to a place, and the place at
// which a sum is passed. kLanes replicates share a walk over the pairs, which is what their memory costs.
#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace fr {

constexpr int kLanes = 8;
using Lanes = std::array<double, kLanes>;

// How often each identity was drawn in each replicate of a group; one more row of ones, for pairs of one person.
struct LaneWeights {
  std::vector<std::array<float, kLanes>> rows;  // (identities + 1)
};

class WeightedList {
 public:
  // Pairs of identities a and b; pair i weighs mass_i w_a w_b, with mass_i = 1 before `exact`, `mass` from there on.
  void add(int32_t a, int32_t b) { pairs_.push_back({a, b}); }
  void set_mass(int64_t exact, double mass) { exact_ = exact, mass_ = mass; }
  void finish();
  int64_t size() const { return int64_t(pairs_.size()); }
  int32_t first(int64_t i) const { return pairs_[size_t(i)].a; }

  // Sums of weights before each chunk and before the end.
  std::vector<Lanes> sums(const LaneWeights& w) const;
  // Of the pairs before place `end`.
  double before(const std::vector<Lanes>& sums, const LaneWeights& w, int64_t end, int lane) const;
  // The first pair with which the sum exceeds `limit`; size(): none.
  int64_t exceeding(const std::vector<Lanes>& sums, const LaneWeights& w, double limit, int lane) const;
  // before() for all lanes, linear within a chunk: exact in lists short enough to have chunks of one pair.
  Lanes near(const std::vector<Lanes>& sums, int64_t place) const;

 private:
  struct Pair {
    int32_t a, b;
  };
  double weight(const LaneWeights& w, int64_t i, int lane) const {
    const Pair p = pairs_[size_t(i)];
    return (i < exact_ ? 1 : mass_) *
           double(w.rows[size_t(p.a)][size_t(lane)] * w.rows[size_t(p.b)][size_t(lane)]);
  }
  void accumulate(Lanes& sum, const LaneWeights& w, int64_t begin, int64_t end) const;
  std::vector<Pair> pairs_;
  int64_t exact_ = 0, chunk_ = 1;
  double mass_ = 1;
};

}  // namespace fr
