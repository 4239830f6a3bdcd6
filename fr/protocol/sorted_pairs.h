// Scored pairs in descending order, sorted once, so that a bootstrap replicate is one walk along them. With weights, a pair
// counts as often as its weight says; the figures are those of metrics.h for the list with every pair repeated so often.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "fr/protocol/bootstrap.h"
#include "fr/protocol/metrics.h"

namespace fr {

struct PairScores {
  std::vector<double> scores;  // of each pair; higher: more similar
  std::vector<uint8_t> same;   // != 0: genuine
  PairIdentities identities;   // for the intervals
};

struct SortedPairs {
  PairScores pairs;  // scores descending
  int64_t genuine = 0, impostor = 0;
};
// Throws std::invalid_argument for sizes, Error{data} for no genuine or no impostor pair, or a score that is not finite.
SortedPairs sort_pairs(const PairScores& pairs);

struct CurveFigures {
  double auc = 0, eer = 0;
  std::vector<OperatingPoint> points;  // of each FAR
};
// weights (pairs): in the sorted order; empty: each pair once. far: any order, each in [0, 1]. NaN everywhere when no genuine
// or no impostor pair has a weight: a replicate may be so.
CurveFigures curve_figures(const SortedPairs& sorted, std::span<const float> weights,
                           std::span<const double> far);

// Exact points of the ROC: every one of a short list; of a long one so many that FAR and FRR move by at most 2 % (or .002) or
// by a single step between neighbours, some thousands. The first accepts nothing, the last everything.
std::vector<RocPoint> thinned_roc(const SortedPairs& sorted);

enum class PairKind { impostor, genuine };
// At most `most` scores of the pairs of a kind, evenly spread over the sorted ones. Descending.
std::vector<double> spread_scores(const SortedPairs& sorted, PairKind kind, int64_t most);

}  // namespace fr
