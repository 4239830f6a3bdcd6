// Verification of pairs: embeddings and a list of pairs in, everything a report needs out.
// Embeddings are host floats, one row a picture; scores are cosines accumulated in double.
#pragma once
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "fr/protocol/embedding_view.h"
#include "fr/protocol/metrics.h"
#include "fr/protocol/pair_scorer.h"

namespace fr {

// The embedding of a picture from those of the picture and of its mirror image.
enum class FlipMode {
  none,  // the picture's own
  sum,   // the sum (insightface)
  mean,  // half of that (the mirror trick of Smirnov et al. 2017): the same direction, so the same scores
  concatenate,  // both, side by side: 2 D (SphereFace)
};
// (N,D) and (N,D) -> (N,D) or (N,2D). `flipped` may be empty for FlipMode::none.
std::vector<float> combine_flip(FlipMode mode, std::span<const float> embedding,
                                std::span<const float> flipped, int64_t D);

enum class Centring {
  none,
  training_folds,  // for each fold, subtract the mean over both sides of the pairs of all other folds
                   // (SphereFace)
};

struct VerificationOptions {
  ThresholdMode threshold = ThresholdMode::exact;
  Centring centring = Centring::none;
  std::vector<double> far = {1e-1, 1e-2, 1e-3, 1e-4};
};

struct VerificationResult {
  std::vector<VerificationPair> pairs;
  std::vector<double> scores;  // of each pair; centred: as scored when its own fold is tested
  std::vector<uint8_t> same;
  int64_t genuine = 0, impostor = 0;
  KFoldAccuracy accuracy;
  double threshold = 0;  // mean over the folds, in the unit of the threshold mode
  double auc = 0, eer = 0;
  std::vector<OperatingPoint> operating_points;
  std::vector<RocPoint> roc;
};

// A row shorter than 1e-12 has cosine 0 with everything. Throws std::invalid_argument for sizes and rows out
// of range, Error{data} for no genuine or impostor pair, fewer than two folds, or an embedding that is not
// finite.
VerificationResult verify(const EmbeddingView& embeddings, const std::vector<VerificationPair>& pairs,
                          const VerificationOptions& options = {});

// The same for several models that embedded the same pictures: the score of a pair is the mean of the models' cosines, each
// with its own centre.
VerificationResult verify_mean_scores(const std::vector<EmbeddingView>& models,
                                      const std::vector<VerificationPair>& pairs,
                                      const VerificationOptions& options = {});

// The same for scores of any kind. Throws what the scorer throws and Error{data} as above.
VerificationResult verify_scores(const PairScorer& scorer, const std::vector<VerificationPair>& pairs,
                                 const VerificationOptions& options = {});

// Columns fold,a,b,same,score; a and b are the given names, or the row numbers when `names` is empty.
void write_scores_csv(const std::filesystem::path& path, const VerificationResult& result,
                      const std::vector<std::string>& names = {});

}  // namespace fr
