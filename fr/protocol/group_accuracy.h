// Verification accuracy group by group: which domains a network serves worse.         Cao et al. 2020, "Domain Balancing", Figure 7
#pragma once
#include <string>
#include <vector>

#include "fr/protocol/verification.h"

namespace fr {

struct GroupAccuracy {
  std::string group;
  int64_t genuine = 0, impostor = 0;
  double common = 0;  // share of its pairs that the folds' thresholds, chosen on all pairs, decide rightly
  // As a verification of its own, with folds and thresholds of its own pairs (as RFW); not a number where it lacks a kind of pair
  // or a second fold.
  double own = 0, own_standard_error = 0, auc = 0;
};

// group: of each pair a place in `groups`, -1 in none. Groups without pairs are left out. Throws std::invalid_argument for other
// sizes or places.
std::vector<GroupAccuracy> accuracy_of_groups(const VerificationResult& result,
                                              const std::vector<std::string>& groups,
                                              const std::vector<int>& group, ThresholdMode mode);

}  // namespace fr
