// All scores of two sets of embeddings, or of one with itself, without keeping them: blocks of a matrix product go by, once
// for counts and once more for exact order statistics. Memory is bounded, whatever the number of pairs.
#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "fr/calibration/calibrator.h"
#include "fr/protocol/bootstrap.h"
#include "fr/protocol/metrics.h"

namespace fr {

// a x b: every (i,j); without b: the pairs i < j of a. A pair is genuine iff its people are equal and not negative: a negative
// person (a distractor) makes impostor pairs only. people_* (N) each.
struct ScorePairs {
  const Calibrator* calibrator = nullptr;
  const CalibratedRows* a = nullptr;
  std::span<const int64_t> people_a;
  const CalibratedRows* b = nullptr;
  std::span<const int64_t> people_b;
};

// scores[(r - i) * stride + (c - j)] is the score of row r of a and row c of b, for i <= r < i + n, j <= c < j + m; on the
// diagonal blocks of one set with itself only c > r counts.
struct ScoreBlock {
  int64_t i, n, j, m, stride;
  const float* scores;
};
// Every block once. Blocks of one thread come in order; `use` is called from several threads at once, with the number of
// its thread (0 .. threads() - 1) as the second argument.
void for_each_block(const ScorePairs& pairs, const std::function<void(const ScoreBlock&, int)>& use);

// The k-th largest impostor score for each k >= 1 of `ranks`, exactly. Throws std::invalid_argument for a rank beyond the
// number of impostor pairs.
std::vector<float> largest_impostors(const ScorePairs& pairs, std::span<const int64_t> ranks);

struct ScoredPair {
  int64_t a = 0, b = 0;
  double score = 0;
};

struct StreamOptions {
  std::vector<double> far = {1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6};
  BootstrapOptions bootstrap;  // over the people; a distractor is a person of its own
  int64_t hardest = 12;
  // Of each kind so many pairs are kept for intervals and pictures of the distribution: the highest impostors, and a sample
  // of the others. Counts and thresholds do not depend on it. 12 bytes each.
  int64_t kept = int64_t{1} << 21;
};

struct StreamResult {
  int64_t genuine = 0, impostor = 0;
  std::vector<OperatingPoint> points;   // as tar_at_far(): exact
  std::vector<Interval> tar_intervals;  // of each
  double auc = 0, auc_error = 0;        // within auc_error of the exact value
  Interval auc_interval;
  std::vector<RocPoint> roc;            // exact points, at most some thousands, dense at small FAR
  std::vector<double> genuine_scores;   // at most 200,000 of them, evenly spread over the sorted ones
  std::vector<double> impostor_scores;  // a sample for histograms, as many
  std::vector<ScoredPair> hardest_genuine, hardest_impostor;
};
// Throws Error{data} when there is no genuine or no impostor pair, or a score is not finite.
StreamResult stream_metrics(const ScorePairs& pairs, const StreamOptions& options);

}  // namespace fr
