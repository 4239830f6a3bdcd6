// The two passes over all scores, and what each keeps.
#pragma once
#include "fr/protocol/pair_index.h"
#include "fr/protocol/pair_sample.h"
#include "fr/protocol/score_counts.h"

namespace fr {

struct Kept {
  int64_t pairs = 0;    // of each kind, about
  int64_t hardest = 0;  // genuine and impostor pairs
  uint64_t seed = 0;
};

// Pairs are sorted from the highest score to the lowest, then by rows.
struct FirstPass {
  BinCounts counts;
  std::vector<RankedPair> genuine, impostor;  // all, or a sample
  bool all_genuine = false, all_impostor = false;
  std::vector<RankedPair> hardest_genuine;  // from the lowest score on
};
// Throws Error{data} naming the first pair whose score is not finite.
FirstPass first_pass(const ScorePairs& pairs, const PairIndex& index, const Kept& kept);

struct SecondPass {
  KeyCounts keys;
  std::vector<RankedPair> tail;              // every impostor pair from BinCounts::tail_bin on
  std::vector<RankedPair> hardest_impostor;  // from the highest score on
};
SecondPass second_pass(const ScorePairs& pairs, const PairIndex& index, const BinCounts& counts,
                       std::vector<int64_t> bins, const Kept& kept);

}  // namespace fr
