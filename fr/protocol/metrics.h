// Metrics of verification from scores: higher means more similar, a pair is accepted iff score >= threshold
// (where a published script differs, it says so). Every function throws Error{data} naming the reason when
// there is no genuine pair, no impostor pair, or a score is not finite.
#pragma once
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace fr {

// scores[i] of pair i, same[i] != 0 for a genuine pair.
struct ScoreView {
  std::span<const double> scores;
  std::span<const uint8_t> same;
};

// Probability that a genuine score exceeds an impostor score, ties counting half (Mann-Whitney), by
// mid-ranks.
double auc(ScoreView v);

// The error rate where false accepts and false rejects are equally frequent, linear between the points of the
// curve.
double eer(ScoreView v);

// One point per distinct score, from the strictest threshold; the first point accepts nothing (threshold
// +inf).
struct RocPoint {
  static constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  double far = kNone, tar = kNone, threshold = kNone;
};
std::vector<RocPoint> roc(ScoreView v);

// Largest TAR over the distinct scores t with FAR(t) = #{impostor >= t} / N <= far. Never interpolated.
struct OperatingPoint {
  double far = 0;           // asked for
  double realised_far = 0;  // at the threshold
  double tar = 0;
  double threshold = 0;            // +inf when the highest score of all is an impostor's and none may pass
  bool too_few_impostors = false;  // far N < 1: the point demands zero false accepts and is barely measured
};
OperatingPoint tar_at_far(ScoreView v, double far);
std::vector<OperatingPoint> tar_at_far(ScoreView v, std::span<const double> far);

// How the k-fold protocol chooses its threshold on the training folds.
enum class ThresholdMode {
  exact,  // the best midpoint between distinct scores; ties: the widest gap, then the smallest threshold
  insightface,  // squared distance 2 - 2 score on the grid 0, 0.01 .. 3.99, accepted iff strictly below; the
                // first best
  sphereface,   // -1, -0.9999 .. 1; the mean of all best; a score equal to the threshold is wrong on either
                // side
  pfe,          // the genuine scores, each as often as it occurs; the mean of all best (PFE's script)
};
// Throws Error{data} for no pairs, and with pfe for no genuine pair.
double best_threshold(ScoreView v, ThresholdMode mode);
// Share of pairs decided rightly. The threshold is in the mode's own unit (insightface: squared distance).
double accuracy_at(ScoreView v, double threshold, ThresholdMode mode);
bool decided_rightly(double score, bool same, double threshold, ThresholdMode mode);

struct FoldAccuracy {
  int fold = 0;
  double accuracy = 0, threshold = 0;
  int64_t pairs = 0;
};
struct KFoldAccuracy {
  std::vector<FoldAccuracy> folds;  // ascending fold number
  double mean = 0;
  double std = 0;             // over the folds, population
  double standard_error = 0;  // sample standard deviation / sqrt(number of folds), as LFW reports it
};
KFoldAccuracy summarise(std::vector<FoldAccuracy> folds);

// Threshold on all other folds, accuracy on `test_fold`. Throws Error{data} when nothing remains to train on.
FoldAccuracy evaluate_fold(ScoreView v, std::span<const int> fold, int test_fold, ThresholdMode mode);
// evaluate_fold for every fold number that occurs; at least two.
KFoldAccuracy kfold_accuracy(ScoreView v, std::span<const int> fold, ThresholdMode mode);
std::vector<int> distinct_folds(std::span<const int> fold);  // ascending

}  // namespace fr
