// The bootstrap over identities (bootstrap.h) for more pairs than can be walked a thousand times. The highest impostor pairs
// are all there, so that small FARs are weighed exactly; below them each pair of a sample stands for as many as the sample
// leaves out. Where the sample decides, an interval also holds the sample's own error: about sqrt(f n) pairs of f n, for n
// pairs in the sample.
#pragma once
#include <span>
#include <vector>

#include "fr/protocol/bootstrap.h"
#include "fr/protocol/pair_index.h"
#include "fr/protocol/pair_sample.h"

namespace fr {

// Each from the highest score to the lowest.
struct BootstrapLists {
  std::span<const RankedPair> genuine;  // all, or a sample
  std::span<const RankedPair> tail;     // every impostor pair down to some score
  std::span<const RankedPair>
      sample;  // of impostor pairs with any score; those with the tail's scores are passed over
};

struct StreamIntervals {
  std::vector<Interval> tar;  // for each FAR
  Interval auc;
};
// Without replicates all intervals are unknown.
StreamIntervals bootstrap_stream(const PairIndex& index, const BootstrapLists& lists,
                                 std::span<const double> far, const BootstrapOptions& options);

}  // namespace fr
