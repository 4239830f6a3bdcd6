#include "fr/protocol/score_passes.h"

#include <cmath>
#include <limits>
#include <mutex>

#include "base/error.h"
#include "base/parallel.h"

namespace fr {
namespace {

void append(std::vector<RankedPair>& to, const std::vector<RankedPair>& from) {
  to.insert(to.end(), from.begin(), from.end());
}

void add(std::vector<int64_t>& to, const std::vector<int64_t>& from) {
  for (size_t i = 0; i < from.size(); ++i) to[i] += from[i];
}

RankedPair ranked(float score, int64_t r, int64_t c) { return {key_of(score), int32_t(r), int32_t(c)}; }

// f(i, key) for each score. The keys of a piece are computed first, in vectors.
template <class F>
void for_keys(const float* score, int64_t n, const F& f) {
  constexpr int64_t kPiece = 256;
  uint32_t key[kPiece];
  for (int64_t first = 0; first < n; first += kPiece) {
    const int64_t count = std::min(kPiece, n - first);
#pragma omp simd
    for (int64_t i = 0; i < count; ++i) key[i] = key_of(score[first + i]);
    for (int64_t i = 0; i < count; ++i) f(first + i, key[i]);
  }
}

// Pass 1. Impostors are counted by each thread for itself, the far fewer genuine pairs by all together, a block at once.
class Counter {
 public:
  Counter(const PairIndex& index, const Kept& kept)
      : index_(index),
        genuine_sample_(index.genuine(), kept.pairs, kept.seed),
        impostor_sample_(index.impostor(), kept.pairs, kept.seed),
        hardest_(kept.hardest),
        locals_(size_t(threads())) {}

  void use(const ScoreBlock& block, int thread) {
    Local& mine = locals_[size_t(thread)];
    if (mine.recent.empty()) mine.recent.resize(size_t(kBins));
    if ((mine.scores += block.n * block.m) > kMostRecent) mine.settle(), mine.scores = block.n * block.m;
    for (int64_t r = block.i; r < block.i + block.n; ++r)
      index_.visit(
          block, r, [&](int64_t begin, int64_t end) { count(mine, block, r, begin, end); },
          [&](int64_t c) { mine.genuine.push_back(ranked(score_at(block, r, c), r, c)); });
    share(mine.genuine);
  }

  FirstPass result() {
    for (Local& local : locals_) {
      local.settle();
      add(result_.counts.impostor, local.counts);
      append(result_.impostor, local.impostor);
    }
    parallel_for(2, [&](int64_t i) { sort_descending(i ? result_.impostor : result_.genuine); });
    result_.hardest_genuine = hardest_.sorted();
    result_.all_genuine = genuine_sample_.whole();
    return std::move(result_);
  }

 private:
  static constexpr int64_t kMostRecent = std::numeric_limits<uint32_t>::max();
  struct Local {
    std::vector<uint32_t> recent;  // half as wide as counts, so that twice as many stay in the cache
    std::vector<int64_t> counts;
    int64_t scores = 0;  // in `recent`, at most
    std::vector<RankedPair> genuine, impostor;
    void settle() {
      counts.resize(recent.size());
      for (size_t b = 0; b < recent.size(); ++b) counts[b] += recent[b], recent[b] = 0;
    }
  };
  void count(Local& mine, const ScoreBlock& block, int64_t r, int64_t begin, int64_t end) const {
    const float* score = &block.scores[(r - block.i) * block.stride + (begin - block.j)];
    uint32_t* counts = mine.recent.data();
    for_keys(score, end - begin, [&](int64_t, uint32_t key) { ++counts[bin_of(key)]; });
    impostor_sample_.columns(r, begin, end,
                             [&](int64_t c) { mine.impostor.push_back(ranked(score[c - begin], r, c)); });
  }
  void share(std::vector<RankedPair>& genuine) {
    if (genuine.empty()) return;
    const std::lock_guard lock(mutex_);
    for (const RankedPair& pair : genuine) {
      ++result_.counts.genuine[size_t(bin_of(pair.key))];
      hardest_.offer(pair);
      if (genuine_sample_.holds(pair.a, pair.b)) result_.genuine.push_back(pair);
    }
    genuine.clear();
  }

  const PairIndex& index_;
  const PairSample genuine_sample_, impostor_sample_;
  std::mutex mutex_;  // guards hardest_ and result_ until all blocks are done
  LowestPairs hardest_;
  FirstPass result_;
  std::vector<Local> locals_;
};

// Pass 2. Few scores lie in a chosen bin or above `low_`; the others cost a look into a table.
class Refiner {
 public:
  Refiner(const PairIndex& index, const BinCounts& counts, std::vector<int64_t> bins, const Kept& kept)
      : index_(index),
        keys_(counts, std::move(bins)),
        tail_(counts.tail_bin(kept.pairs) << kFineBits),
        low_(std::min(tail_, lowest_hardest(counts, std::min(kept.hardest, index.impostor())))),
        wanted_(size_t(kBins)),
        hardest_(kept.hardest),
        locals_(size_t(threads()), Local{{}, {}, {}, hardest_}) {
    for (int64_t b = 0; b < kBins; ++b)
      wanted_[size_t(b)] = keys_.counts(first_key(b)) || b >= low_ >> kFineBits;
  }

  void use(const ScoreBlock& block, int thread) {
    Local& mine = locals_[size_t(thread)];
    if (mine.genuine.empty()) mine.genuine.resize(keys_.places()), mine.impostor.resize(keys_.places());
    for (int64_t r = block.i; r < block.i + block.n; ++r)
      index_.visit(
          block, r, [&](int64_t begin, int64_t end) { refine(mine, block, r, begin, end); },
          [&](int64_t c) {
            const uint32_t key = key_of(score_at(block, r, c));
            if (keys_.counts(key)) ++mine.genuine[keys_.place(key)];
          });
  }

  SecondPass result() {
    std::vector<RankedPair> tail;
    for (const Local& local : locals_) {
      add(keys_.genuine, local.genuine), add(keys_.impostor, local.impostor);
      append(tail, local.tail);
      hardest_.merge(local.hardest);
    }
    sort_descending(tail);
    std::vector<RankedPair> hardest = hardest_.sorted();
    for (RankedPair& pair : hardest) pair.key = ~pair.key;
    return {std::move(keys_), std::move(tail), std::move(hardest)};
  }

 private:
  struct Local {
    std::vector<int64_t> genuine, impostor;
    std::vector<RankedPair> tail;
    LowestPairs hardest;
  };
  static int64_t lowest_hardest(const BinCounts& counts, int64_t hardest) {
    return hardest > 0 ? counts.bin_of_impostor(hardest) << kFineBits : kBins << kFineBits;
  }
  void refine(Local& mine, const ScoreBlock& block, int64_t r, int64_t begin, int64_t end) const {
    const float* score = &block.scores[(r - block.i) * block.stride + (begin - block.j)];
    for_keys(score, end - begin, [&](int64_t i, uint32_t key) {
      if (!wanted_[size_t(bin_of(key))]) return;
      if (keys_.counts(key)) ++mine.impostor[keys_.place(key)];
      if (int64_t{key} < low_) return;
      const RankedPair pair{key, int32_t(r), int32_t(begin + i)};
      if (int64_t{key} >= tail_) mine.tail.push_back(pair);
      mine.hardest.offer({~key, pair.a, pair.b});
    });
  }

  const PairIndex& index_;
  KeyCounts keys_;
  const int64_t tail_, low_;     // keys
  std::vector<uint8_t> wanted_;  // the bins whose scores are looked at
  LowestPairs hardest_;          // with inverted keys
  std::vector<Local> locals_;
};

// Walks the blocks once more: only reached when pass 1 has met such a score.
[[noreturn]] void throw_not_finite(const ScorePairs& pairs, const PairIndex& index) {
  for_each_block(pairs, [&](const ScoreBlock& block, int) {
    const auto check = [&](int64_t r, int64_t c) {
      if (const float s = score_at(block, r, c); !std::isfinite(s))
        throw Error(ErrorKind::data, cat("scores: the score of rows ", r, " and ", c, " is ", s));
    };
    for (int64_t r = block.i; r < block.i + block.n; ++r)
      index.visit(
          block, r,
          [&](int64_t begin, int64_t end) {
            for (int64_t c = begin; c < end; ++c) check(r, c);
          },
          [&](int64_t c) { check(r, c); });
  });
  throw Error(ErrorKind::data, "scores: a score is not finite");
}

}  // namespace

FirstPass first_pass(const ScorePairs& pairs, const PairIndex& index, const Kept& kept) {
  Counter counter(index, kept);
  for_each_block(pairs, [&](const ScoreBlock& block, int thread) { counter.use(block, thread); });
  FirstPass first = counter.result();
  if (!first.counts.finite()) throw_not_finite(pairs, index);
  return first;
}

SecondPass second_pass(const ScorePairs& pairs, const PairIndex& index, const BinCounts& counts,
                       std::vector<int64_t> bins, const Kept& kept) {
  Refiner refiner(index, counts, std::move(bins), kept);
  for_each_block(pairs, [&](const ScoreBlock& block, int thread) { refiner.use(block, thread); });
  return refiner.result();
}

}  // namespace fr
