// The weights of identities in several replicates of the bootstrap at once: kLanes of them lie side by side.
#pragma once
#include <array>
#include <vector>

#include "fr/protocol/bootstrap.h"

namespace fr {

constexpr int kLanes = 8;

struct LaneWeights {
  std::vector<std::array<float, kLanes>>
      rows;  // (identities + 1): a last row of ones, for pairs of one person
};

// Up to so many identities are drawn with replacement, by drawn_identities(). Of more, each is drawn by itself, Poisson(1)
// times (Chamandy et al. 2012, "Estimating uncertainty for massive data streams"): the number of draws then varies by its root,
// which ratios of weights hardly notice, and a million identities cost milliseconds.
constexpr int64_t kMostDrawn = 1 << 16;

// Replicates first .. first + kLanes - 1; what those from options.replicates on weigh is nobody's concern.
LaneWeights lane_weights(int64_t identities, int64_t first, const BootstrapOptions& options);

}  // namespace fr
