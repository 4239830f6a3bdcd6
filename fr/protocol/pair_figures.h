// What a list of scored pairs says, whatever protocol it comes from: AUC, EER and TAR at the asked FARs with their intervals,
// a threshold card, curves, histograms, and warnings where the data resolve too little.
#pragma once
#include <cstdint>
#include <vector>

#include "fr/protocol/protocol.h"

namespace fr {

struct PairScores {
  std::vector<double> scores;  // of each pair; higher: more similar
  std::vector<uint8_t> same;   // != 0: genuine
  PairIdentities identities;   // for the intervals
};

// Appends figures "auc", "eer" and "tar_at_far_1e-4" for each of options.far, counts of pairs and people, curves roc and det
// (exact points, at most some thousands) and warnings; sets the card and the histograms' scores. The pairs may be many (IJB-C:
// 15.7 million): then there are fewer replicates than asked for, and a note says how many.
// Throws std::invalid_argument for sizes, Error{data} when there is no genuine or no impostor pair, or a score is not finite.
void add_pair_figures(ProtocolResult& result, const PairScores& pairs, const ProtocolOptions& options);

}  // namespace fr
