// What the folds of one or several verifications say, and what one threshold for all says of each group. Internal to
// fr/protocol/fold_verification.cpp.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "fr/protocol/pair_figures.h"
#include "fr/protocol/verification_set.h"

namespace fr {

// A verification within a set: all of it, or a group with folds of its own.
struct VerifiedPart {
  std::string name;           // "" when it is the whole set
  std::vector<size_t> place;  // of its pairs in the set
  std::vector<VerificationPair> pairs;
  VerificationResult result;
};

// Accuracy: the mean over the folds, of several parts the mean over the parts; then each part's own, the spread, the
// threshold. Intervals keep the thresholds as they were chosen: they tell what other people would have done to the tested
// pairs, not to the choice.
void add_fold_figures(ProtocolResult& result, const std::vector<VerifiedPart>& parts,
                      const PairIdentities& identities, const ProtocolOptions& options);

// "all" and each of the set's groups, at the threshold that decides most pairs of all groups rightly (ThresholdMode::exact);
// result.threshold becomes that one.
void add_group_rows(ProtocolResult& result, const VerificationSet& set, const PairScores& pairs,
                    const BootstrapOptions& options);

}  // namespace fr
