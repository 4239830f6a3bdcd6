// What a list of scored pairs says, whatever protocol it comes from: AUC, EER and TAR at the asked FARs with
// their intervals, a threshold card, curves, histograms, and warnings where the data resolve too little.
#pragma once
#include <string>

#include "fr/protocol/protocol.h"
#include "fr/protocol/sorted_pairs.h"

namespace fr {

// Appends figures "auc", "eer" and "tar_at_far_1e-4" for each of options.far, counts of pairs and identities,
// curves roc and det (exact points, at most some thousands) and warnings; sets the card and the scores for
// histograms. The pairs may be many (IJB-C: 15.7 million): then there are fewer replicates than asked for, and a
// note says how many. Throws std::invalid_argument for sizes, identities and rates out of range, Error{data} when
// there is no genuine or no impostor pair, or a score is not finite.
void add_pair_figures(ProtocolResult& result, const PairScores& pairs, const ProtocolOptions& options);

// How many replicates of those asked for can be afforded: as many as keep the walks along all pairs within some ten
// seconds, but 100 of them in any case.
int64_t affordable_replicates(int64_t asked, int64_t pairs, int64_t people);

// A rate as keys have it, "1e-4", and as a reader wants it, "0.01 %".
std::string rate_key(double rate);
std::string rate_words(double rate);

}  // namespace fr
