#include "fr/protocol/score_passes.h"

#include <cmath>
#include <mutex>

#include "base/error.h"
#include "base/parallel.h"

namespace fr {
namespace {

void sort_descending(std::vector<RankedPair>& pairs) {
  std::sort(pairs.begin(), pairs.end(),
            [](const RankedPair& x, const RankedPair& y) { return x.key != y.key ? x.key > y.key : x < y; });
}

void append(std::vector<RankedPair>& to, const std::vector<RankedPair>& from) {
  to.insert(to.end(), from.begin(), from.end());
}

void add(std::vector<int64_t>& to, const std::vector<int64_t>& from) {
  for (size_t i = 0; i < to.size(); ++i) to[i] += from[i];
}

RankedPair ranked(float score, int64_t r, int64_t c) { return {key_of(score), int32_t(r), int32_t(c)}; }

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
    if (mine.counts.empty()) mine.counts.resize(size_t(kBins));
    for (int64_t r = block.i; r < block.i + block.n; ++r)
      index_.visit(
          block, r, [&](int64_t begin, int64_t end) { count(mine, block, r, begin, end); },
          [&](int64_t c) { mine.genuine.push_back(ranked(score_at(block, r, c), r, c)); });
    share(mine.genuine);
  }

  FirstPass result() {
    for (const Local& local : locals_) {
      if (!local.counts.empty()) add(result_.counts.impostor, local.counts);
      append(result_.impostor, local.impostor);
    }
    parallel_for(2, [&](int64_t i) { sort_descending(i ? result_.impostor : result_.genuine); });
    result_.hardest_genuine = hardest_.sorted();
    result_.all_genuine = genuine_sample_.whole(), result_.all_impostor = impostor_sample_.whole();
    return std::move(result_);
  }

 private:
  struct Local {
    std::vector<int64_t> counts;
    std::vector<RankedPair> genuine, impostor;
  };
  void count(Local& mine, const ScoreBlock& block, int64_t r, int64_t begin, int64_t end) const {
    const float* score = &block.scores[(r - block.i) * block.stride + (begin - block.j)];
    int64_t* counts = mine.counts.data();
    for (int64_t c = 0; c < end - begin; ++c) ++counts[bin_of(key_of(score[c]))];
    impostor_sample_.columns(r, begin, end,
                             [&](int64_t c) { mine.impostor.push_back(ranked(score[c - begin], r, c)); });
  }
  void share(std::vector<RankedPair>& genuine) {
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
        locals_(size_t(threads()), Local{{}, {}, {}, LowestPairs(kept.hardest)}) {}

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
      if (!local.genuine.empty()) add(keys_.genuine, local.genuine), add(keys_.impostor, local.impostor);
      append(tail, local.tail);
      locals_[0].hardest.merge(&local == &locals_[0] ? LowestPairs(0) : local.hardest);
    }
    sort_descending(tail);
    std::vector<RankedPair> hardest = locals_[0].hardest.sorted();
    for (RankedPair& pair : hardest) pair.key = ~pair.key;
    return {std::move(keys_), std::move(tail), std::move(hardest)};
  }

 private:
  struct Local {
    std::vector<int64_t> genuine, impostor;
    std::vector<RankedPair> tail;
    LowestPairs hardest;  // with inverted keys
  };
  static int64_t lowest_hardest(const BinCounts& counts, int64_t hardest) {
    return hardest > 0 ? counts.bin_of_impostor(hardest) << kFineBits : kBins << kFineBits;
  }
  void refine(Local& mine, const ScoreBlock& block, int64_t r, int64_t begin, int64_t end) const {
    const float* score = &block.scores[(r - block.i) * block.stride + (begin - block.j)];
    for (int64_t c = begin; c < end; ++c) {
      const uint32_t key = key_of(score[c - begin]);
      if (keys_.counts(key)) ++mine.impostor[keys_.place(key)];
      if (int64_t{key} < low_) continue;
      const RankedPair pair{key, int32_t(r), int32_t(c)};
      if (int64_t{key} >= tail_) mine.tail.push_back(pair);
      mine.hardest.offer({~key, pair.a, pair.b});
    }
  }

  const PairIndex& index_;
  KeyCounts keys_;
  const int64_t tail_, low_;  // keys
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
