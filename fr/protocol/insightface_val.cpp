#include "fr/protocol/insightface_val.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/error.h"

namespace fr {
namespace {

constexpr int kGrid = 4000;
constexpr double kStep = 0.001;

// Squared distances of the pairs of one kind, ascending, in the test fold or outside it.
std::vector<double> distances(ScoreView v, std::span<const int> fold, int test_fold, bool same, bool test) {
  std::vector<double> out;
  for (size_t i = 0; i < fold.size(); ++i)
    if ((v.same[i] != 0) == same && (fold[i] == test_fold) == test) out.push_back(2 - 2 * v.scores[i]);
  if (out.empty())
    throw Error(ErrorKind::data, cat("VAL@FAR: no ", same ? "genuine" : "impostor", " pair ",
                                     test ? "in" : "outside", " fold ", test_fold));
  std::sort(out.begin(), out.end());
  return out;
}

double share_below(const std::vector<double>& ascending, double threshold) {
  const auto below = std::lower_bound(ascending.begin(), ascending.end(), threshold) - ascending.begin();
  return double(below) / double(ascending.size());
}

}  // namespace

double interpolate_ascending(std::span<const double> x, std::span<const double> y, double wanted) {
  FR_CHECK(x.size() == y.size() && !y.empty(), "interpolation: ", x.size(), " abscissas, ", y.size(),
           " values");
  if (y.back() < wanted) return 0;
  const auto above = size_t(std::upper_bound(y.begin(), y.end(), wanted) - y.begin());
  if (above == 0) return x[0];
  if (above == y.size()) return x[above - 1];
  const size_t at = above - 1;
  return x[at] + (x[above] - x[at]) * (wanted - y[at]) / (y[above] - y[at]);
}

InterpolatedVal insightface_val(ScoreView v, std::span<const int> fold, double far) {
  FR_CHECK(v.scores.size() == fold.size() && v.same.size() == fold.size(), "VAL@FAR: ", v.scores.size(),
           " scores, ", v.same.size(), " labels, ", fold.size(), " folds");
  std::vector<double> grid(kGrid), far_of(kGrid), val;
  for (int i = 0; i < kGrid; ++i) grid[size_t(i)] = i * kStep;
  InterpolatedVal result;
  const std::vector<int> folds = distinct_folds(fold);
  for (const int f : folds) {
    const auto train = distances(v, fold, f, false, false);
    for (size_t i = 0; i < grid.size(); ++i) far_of[i] = share_below(train, grid[i]);
    const double threshold = interpolate_ascending(grid, far_of, far);
    val.push_back(share_below(distances(v, fold, f, true, true), threshold));
    result.far += share_below(distances(v, fold, f, false, true), threshold) / double(folds.size());
  }
  for (const double x : val) result.val += x / double(val.size());
  for (const double x : val) result.val_std += (x - result.val) * (x - result.val) / double(val.size());
  result.val_std = std::sqrt(result.val_std);
  return result;
}

}  // namespace fr
