// How a list of pairs gets its scores: higher means more similar.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "fr/calibration/calibrator.h"
#include "fr/protocol/embedding_view.h"

namespace fr {

struct VerificationPair {
  int64_t a = 0, b = 0;  // rows of the embeddings
  bool same = false;
  int fold = 0;
};

// The scores of all pairs, in their order. Given a fold, the mean over both sides of the pairs of all other folds is
// subtracted from every embedding first: a picture counts as often as it is used (SphereFace's LFW script).
using PairScorer = std::function<std::vector<double>(std::optional<int> test_fold)>;

// The mean over the models of the cosines, in double, each model with its own centre. A row shorter than 1e-12 has cosine 0
// with everything. The scorers refer to their arguments, which must outlive them. They throw Error{data} naming the pair
// for an embedding that is not finite.
PairScorer cosine_scorer(const std::vector<EmbeddingView>& models,
                         const std::vector<VerificationPair>& pairs);
// calibrator.score() of the two rows. It has no centre: std::invalid_argument when given a fold.
PairScorer calibrated_scorer(const CalibratedRows& rows, const Calibrator& calibrator,
                             const std::vector<VerificationPair>& pairs);

// Mean over both sides of all pairs outside the fold -> (D).
std::vector<double> training_mean(const EmbeddingView& embeddings, const std::vector<VerificationPair>& pairs,
                                  int test_fold);

}  // namespace fr
