#include "fr/protocol/coverage.h"

#include <algorithm>
#include <limits>

#include "base/error.h"

namespace fr {

Coverage::Coverage(std::span<const ProbeResult> probes) {
  if (probes.empty()) throw Error(ErrorKind::data, "coverage: no probes");
  for (size_t i = 0; i < probes.size(); ++i)
    answers_.push_back({double(probes[i].best), probes[i].rank == 1, i});
  std::stable_sort(answers_.begin(), answers_.end(),
                   [](const Answer& a, const Answer& b) { return a.score > b.score; });
}

CoveragePoint Coverage::at_precision(double precision, std::span<const float> weights) const {
  FR_CHECK(precision >= 0 && precision <= 1, "coverage: a precision lies in [0, 1], got ", precision);
  FR_CHECK(weights.empty() || weights.size() == answers_.size(), "coverage: ", weights.size(),
           " weights for ", answers_.size(), " probes");
  CoveragePoint point{precision, 0, std::numeric_limits<double>::quiet_NaN(),
                      std::numeric_limits<double>::infinity()};
  double answered = 0, right = 0, best = 0;
  for (size_t i = 0; i < answers_.size(); ++i) {
    const double w = weights.empty() ? 1 : double(weights[answers_[i].place]);
    answered += w;
    if (answers_[i].right) right += w;
    const bool tie = i + 1 < answers_.size() && answers_[i + 1].score == answers_[i].score;
    if (!tie && answered > best && right / answered >= precision)
      best = answered, point.realised_precision = right / answered, point.threshold = answers_[i].score;
  }
  point.coverage = best / answered;  // 0 / 0: NaN
  return point;
}

std::vector<std::pair<double, double>> Coverage::curve(size_t most) const {
  std::vector<std::pair<double, double>> points;
  const double n = double(answers_.size());
  double right = 0, last = 0;
  for (size_t i = 0; i < answers_.size(); ++i) {
    right += answers_[i].right;
    const bool ends = i + 1 == answers_.size(), tie = !ends && answers_[i + 1].score == answers_[i].score;
    const double coverage = double(i + 1) / n;
    if (tie || (!ends && answers_.size() > most && coverage < last + 1 / double(most))) continue;
    points.emplace_back(coverage, right / double(i + 1)), last = coverage;
  }
  return points;
}

}  // namespace fr
