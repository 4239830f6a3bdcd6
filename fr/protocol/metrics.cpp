#include "fr/protocol/metrics.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"

namespace fr {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// All pairs with the same score, and how many pairs score at least that much.
struct Step {
  double score;
  int64_t genuine, impostor;                      // with this score
  int64_t genuine_above = 0, impostor_above = 0;  // with this score or a higher one
};

// The whole curve in descending order of the score: every metric below is a walk over it.
struct Steps {
  std::vector<Step> steps;
  int64_t genuine = 0, impostor = 0;
  int64_t pairs() const { return genuine + impostor; }
};

Steps sort_scores(ScoreView v) {
  FR_CHECK(v.scores.size() == v.same.size(), "metrics: ", v.scores.size(), " scores but ", v.same.size(),
           " labels");
  std::vector<std::pair<double, bool>> order(v.scores.size());
  for (size_t i = 0; i < order.size(); ++i) {
    if (!std::isfinite(v.scores[i]))
      throw Error(ErrorKind::data, cat("metrics: the score of pair ", i, " is ", v.scores[i]));
    order[i] = {v.scores[i], v.same[i] != 0};
  }
  std::sort(order.begin(), order.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  Steps all;
  for (const auto& pair : order) {
    if (all.steps.empty() || all.steps.back().score != pair.first) all.steps.push_back({pair.first, 0, 0});
    Step& step = all.steps.back();
    ++(pair.second ? step.genuine : step.impostor);
    ++(pair.second ? all.genuine : all.impostor);
    step.genuine_above = all.genuine, step.impostor_above = all.impostor;
  }
  return all;
}

void need_both_kinds(const Steps& all, const char* metric) {
  if (all.genuine == 0)
    throw Error(ErrorKind::data, cat(metric, ": no genuine pair among ", all.pairs(), " pairs"));
  if (all.impostor == 0)
    throw Error(ErrorKind::data, cat(metric, ": no impostor pair among ", all.pairs(), " pairs"));
}

OperatingPoint operating_point(const Steps& all, double far) {
  FR_CHECK(far >= 0 && far <= 1, "TAR@FAR: a false accept rate lies in [0, 1], got ", far);
  OperatingPoint point;
  point.far = far, point.threshold = kInfinity;
  point.too_few_impostors = far * double(all.impostor) < 1;
  const auto allowed = static_cast<int64_t>(std::floor(far * double(all.impostor) + 1e-9));
  for (const Step& step : all.steps) {
    if (step.impostor_above > allowed) break;
    point.threshold = step.score;
    point.tar = double(step.genuine_above) / double(all.genuine);
    point.realised_far = double(step.impostor_above) / double(all.impostor);
  }
  return point;
}

// Candidate thresholds: below every score, each midpoint of neighbouring distinct scores, above every score.
// The outer two have no gap of their own and lose a tie to any midpoint.
double exact_threshold(const Steps& all) {
  const auto& s = all.steps;
  double best = s.front().score + 1, best_gap = 0;  // above: every pair rejected
  int64_t best_right = all.impostor;
  for (size_t i = 0; i < s.size(); ++i) {  // descending thresholds, so >= ends at the smallest
    const int64_t right = s[i].genuine_above + all.impostor - s[i].impostor_above;
    const bool last = i + 1 == s.size();
    const double gap = last ? 0 : s[i].score - s[i + 1].score;
    if (right < best_right || (right == best_right && gap < best_gap)) continue;
    const double middle = last ? s[i].score - 1 : s[i + 1].score + gap / 2;
    best = last || middle > s[i + 1].score ? middle : s[i].score;  // neighbours without a number between them
    best_right = right, best_gap = gap;
  }
  return best;
}

double squared_distance(double cosine) { return 2 - 2 * cosine; }

// Distances grow as scores fall, so one walk along the steps serves the ascending grid.
double insightface_threshold(const Steps& all) {
  double best = 0;
  int64_t best_right = -1;
  size_t accepted = 0;
  for (int i = 0; i < 400; ++i) {
    const double threshold = i * 0.01;
    while (accepted < all.steps.size() && squared_distance(all.steps[accepted].score) < threshold) ++accepted;
    int64_t right = all.impostor;
    if (accepted > 0) right += all.steps[accepted - 1].genuine_above - all.steps[accepted - 1].impostor_above;
    if (right > best_right) best = threshold, best_right = right;
  }
  return best;
}

double sphereface_threshold(const Steps& all) {
  double sum = 0;
  int64_t count = 0, best_right = -1;
  size_t above = 0;  // steps with a score strictly above the threshold
  for (int n = 10000; n >= -10000; --n) {
    const double threshold = n / 10000.0;
    while (above < all.steps.size() && all.steps[above].score > threshold) ++above;
    const size_t not_below = above + (above < all.steps.size() && all.steps[above].score == threshold);
    const int64_t accepted = above ? all.steps[above - 1].genuine_above : 0;
    const int64_t right = accepted + all.impostor - (not_below ? all.steps[not_below - 1].impostor_above : 0);
    if (right > best_right) best_right = right, sum = 0, count = 0;
    if (right == best_right) sum += threshold, ++count;
  }
  return sum / double(count);
}

// The running mean stays exactly at a single best score, however often it occurs.
double pfe_threshold(const Steps& all) {
  double mean = 0;
  int64_t count = 0, best_right = -1;
  for (const Step& s : all.steps) {
    if (s.genuine == 0) continue;
    const int64_t right = s.genuine_above + all.impostor - s.impostor_above;
    if (right < best_right) continue;
    if (right > best_right) best_right = right, mean = s.score, count = 0;
    count += s.genuine;
    mean += (s.score - mean) * double(s.genuine) / double(count);
  }
  if (count == 0) throw Error(ErrorKind::data, "threshold: no genuine pair, whose scores are the candidates");
  return mean;
}

}  // namespace

double auc(ScoreView v) {
  const Steps all = sort_scores(v);
  need_both_kinds(all, "AUC");
  double wins = 0;
  for (const Step& s : all.steps)
    wins += double(s.impostor) * (double(s.genuine_above - s.genuine) + 0.5 * double(s.genuine));
  return wins / (double(all.genuine) * double(all.impostor));
}

std::vector<RocPoint> roc(ScoreView v) {
  const Steps all = sort_scores(v);
  need_both_kinds(all, "ROC");
  std::vector<RocPoint> points = {{0, 0, kInfinity}};
  for (const Step& s : all.steps)
    points.push_back({double(s.impostor_above) / double(all.impostor),
                      double(s.genuine_above) / double(all.genuine), s.score});
  return points;
}

// far - frr grows from -1 to 1 along the curve; the root lies on the segment where it changes sign.
double eer(ScoreView v) {
  const std::vector<RocPoint> curve = roc(v);
  for (size_t i = 1; i < curve.size(); ++i) {
    const RocPoint &a = curve[i - 1], &b = curve[i];
    const double before = a.far - (1 - a.tar), after = b.far - (1 - b.tar);
    if (after < 0) continue;
    return a.far + (b.far - a.far) * before / (before - after);
  }
  return 1;  // not reached: the last point has far = tar = 1
}

OperatingPoint tar_at_far(ScoreView v, double far) {
  return tar_at_far(v, std::span<const double>(&far, 1)).front();
}

std::vector<OperatingPoint> tar_at_far(ScoreView v, std::span<const double> far) {
  const Steps all = sort_scores(v);
  need_both_kinds(all, "TAR@FAR");
  std::vector<OperatingPoint> points;
  for (double f : far) points.push_back(operating_point(all, f));
  return points;
}

double best_threshold(ScoreView v, ThresholdMode mode) {
  const Steps all = sort_scores(v);
  if (all.steps.empty()) throw Error(ErrorKind::data, "threshold: no pairs to choose it from");
  switch (mode) {
    case ThresholdMode::insightface:
      return insightface_threshold(all);
    case ThresholdMode::sphereface:
      return sphereface_threshold(all);
    case ThresholdMode::pfe:
      return pfe_threshold(all);
    case ThresholdMode::exact:
      break;
  }
  return exact_threshold(all);
}

bool decided_rightly(double score, bool same, double threshold, ThresholdMode mode) {
  switch (mode) {
    case ThresholdMode::insightface:
      return (squared_distance(score) < threshold) == same;
    case ThresholdMode::sphereface:
      return same ? score > threshold : score < threshold;
    case ThresholdMode::exact:
    case ThresholdMode::pfe:
      break;
  }
  return (score >= threshold) == same;
}

double accuracy_at(ScoreView v, double threshold, ThresholdMode mode) {
  FR_CHECK(v.scores.size() == v.same.size(), "accuracy: ", v.scores.size(), " scores but ", v.same.size(),
           " labels");
  if (v.scores.empty()) throw Error(ErrorKind::data, "accuracy: no pairs");
  int64_t right = 0;
  for (size_t i = 0; i < v.scores.size(); ++i)
    right += decided_rightly(v.scores[i], v.same[i] != 0, threshold, mode);
  return double(right) / double(v.scores.size());
}

std::vector<int> distinct_folds(std::span<const int> fold) {
  std::vector<int> folds(fold.begin(), fold.end());
  std::sort(folds.begin(), folds.end());
  folds.erase(std::unique(folds.begin(), folds.end()), folds.end());
  return folds;
}

FoldAccuracy evaluate_fold(ScoreView v, std::span<const int> fold, int test_fold, ThresholdMode mode) {
  FR_CHECK(v.scores.size() == fold.size(), "k-fold accuracy: ", v.scores.size(), " scores but ", fold.size(),
           " folds");
  std::vector<double> scores[2];  // [0] training, [1] test
  std::vector<uint8_t> same[2];
  for (size_t i = 0; i < fold.size(); ++i) {
    const bool test = fold[i] == test_fold;
    scores[test].push_back(v.scores[i]), same[test].push_back(v.same[i]);
  }
  if (scores[0].empty())
    throw Error(ErrorKind::data,
                cat("k-fold accuracy: all pairs are in fold ", test_fold,
                    ", none remains to choose the threshold on; give the pairs at least two folds"));
  FoldAccuracy result;
  result.fold = test_fold, result.pairs = int64_t(scores[1].size());
  result.threshold = best_threshold({scores[0], same[0]}, mode);
  result.accuracy = accuracy_at({scores[1], same[1]}, result.threshold, mode);
  return result;
}

KFoldAccuracy summarise(std::vector<FoldAccuracy> folds) {
  KFoldAccuracy all;
  all.folds = std::move(folds);
  const double n = double(all.folds.size());
  FR_CHECK(n >= 2, "k-fold accuracy: needs at least two folds, got ", n);
  double squares = 0;
  for (const FoldAccuracy& f : all.folds) all.mean += f.accuracy / n;
  for (const FoldAccuracy& f : all.folds) squares += (f.accuracy - all.mean) * (f.accuracy - all.mean);
  all.std = std::sqrt(squares / n);
  all.standard_error = std::sqrt(squares / (n - 1) / n);
  return all;
}

KFoldAccuracy kfold_accuracy(ScoreView v, std::span<const int> fold, ThresholdMode mode) {
  need_both_kinds(sort_scores(v), "k-fold accuracy");
  std::vector<FoldAccuracy> results;
  for (int f : distinct_folds(fold)) results.push_back(evaluate_fold(v, fold, f, mode));
  return summarise(std::move(results));
}

}  // namespace fr
