// Confidence intervals by the bootstrap over identities: people are drawn with replacement, and a pair counts as often as its
// people were drawn: w_a for a genuine pair of person a, w_a w_b for an impostor pair of a and b. So pairs that share a person
// rise and fall together, which a bootstrap over pairs would miss.
#pragma once
#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <vector>

namespace fr {

struct Interval {
  double low = std::numeric_limits<double>::quiet_NaN(), high = std::numeric_limits<double>::quiet_NaN();
  bool known() const { return low <= high; }
};

struct BootstrapOptions {
  int64_t replicates = 1000;  // 0: no intervals
  double confidence = 0.95;
  uint64_t seed = 1;
};

// How often each of `people` identities is drawn in a replicate: (people), sum = people. A function of (seed, replicate).
std::vector<int32_t> drawn_identities(int64_t people, int64_t replicate, uint64_t seed);

// Percentile interval of the replicates' values; values that are not finite are left out. Unknown with fewer than 20 of them.
Interval percentile_interval(std::vector<double> values, double confidence);

// A list of pairs and whose they are. Identities are 0..people-1; a pair is genuine iff same[i] != 0.
struct PairIdentities {
  std::vector<int64_t> a, b;  // of each pair
  int64_t people = 0;
};
// For each replicate calls statistics(weights of the pairs) -> values, and gives one interval for each value. Replicates
// run on all threads: `statistics` must be safe to call at once from several. The result depends on the seed alone.
std::vector<Interval> bootstrap_pairs(
    const PairIdentities& identities, std::span<const uint8_t> same, const BootstrapOptions& options,
    const std::function<std::vector<double>(std::span<const float> weights)>& statistics);

}  // namespace fr
