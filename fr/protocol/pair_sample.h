// Pairs with their scores, in a total order, and which of very many pairs are kept: those with the lowest keys, or a sample.
// All of it depends on the pairs alone, never on blocks or threads.
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/philox.h"
#include "fr/protocol/score_key.h"

namespace fr {

struct RankedPair {
  uint32_t key;  // of the score (score_key.h)
  int32_t a, b;  // rows
  auto operator<=>(const RankedPair&) const = default;
};

// The first n of all that are offered.
class LowestPairs {
 public:
  explicit LowestPairs(int64_t n) : n_(size_t(n)) {}
  void offer(const RankedPair& pair) {
    if (heap_.size() == n_) {
      if (n_ == 0 || !(pair < heap_.front())) return;
      std::pop_heap(heap_.begin(), heap_.end()), heap_.pop_back();
    }
    heap_.push_back(pair), std::push_heap(heap_.begin(), heap_.end());
  }
  void merge(const LowestPairs& other) {
    for (const RankedPair& pair : other.heap_) offer(pair);
  }
  std::vector<RankedPair> sorted() const {
    std::vector<RankedPair> pairs = heap_;
    std::sort(pairs.begin(), pairs.end());
    return pairs;
  }

 private:
  size_t n_;
  std::vector<RankedPair> heap_;  // the last one at the root
};

// About `most` of `pairs`: all when there are no more, otherwise one of each `stride` neighbouring columns of a row, drawn
// at random. Each pair is as likely as any other.
class PairSample {
 public:
  PairSample(int64_t pairs, int64_t most, uint64_t seed)
      : stride_(most <= 0 ? 0 : std::max<int64_t>(1, (pairs + most - 1) / most)), seed_(seed) {}
  bool whole() const { return stride_ == 1; }
  bool holds(int64_t row, int64_t column) const {
    return stride_ > 0 && drawn(row, column / stride_) == column;
  }
  // f(column) for the columns in [begin, end) that are in the sample.
  template <class F>
  void columns(int64_t row, int64_t begin, int64_t end, const F& f) const {
    if (stride_ == 0) return;
    for (int64_t i = begin / stride_; i * stride_ < end; ++i)
      if (const int64_t c = drawn(row, i); c >= begin && c < end) f(c);
  }

 private:
  static constexpr uint32_t kStream = 2;  // 0 and 1 belong to the losses and the bootstrap
  int64_t drawn(int64_t row, int64_t i) const {
    if (stride_ == 1) return i;
    const PhiloxKey key{seed_, Purpose::pairs, uint64_t(row), kStream};
    return i * stride_ + int64_t(philox4x32(key, uint64_t(i))[0] % uint64_t(stride_));
  }
  int64_t stride_;  // 0: nothing is kept
  uint64_t seed_;
};

}  // namespace fr
