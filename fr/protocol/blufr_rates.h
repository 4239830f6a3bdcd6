// Verification within one trial of BLUFR: every pair i < j of a test set. The threshold at a false accept rate f is the n-th
// largest of the N impostor scores, n = round(f N), and the verification rate VR the share of genuine pairs at or above it.
//   n = 0: t midway from the largest impostor score to the next higher genuine one; sqrt(eps) above it when there is none
//   n = N: t is sqrt(eps) below all scores
// Liao et al. 2014, "A benchmark study of large-scale unconstrained face recognition", EvalROC.
// Scores are streamed; kept are the genuine ones and so many of the highest impostors that a bootstrap can draw people anew.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "fr/protocol/score_stream.h"

namespace fr {

struct BlufrPoint {
  double far = 0;  // asked for
  double realised_far = 0, rate = 0, threshold = 0;
  bool too_few = false;  // far N < 1
};

enum class FarRule {
  blufr,   // as above
  at_most  // TAR@FAR of metrics.h: no more than floor(far N) impostors, ties never split
};

class BlufrRates {
 public:
  // pairs.b is none; people_a: numbers 0 .. people - 1. kept: no more impostor scores than these. Throws as largest_impostors(),
  // Error{data} when there is no genuine or no impostor pair or a score is not finite.
  BlufrRates(const ScorePairs& pairs, int64_t people, std::span<const double> far,
             int64_t kept = int64_t{1} << 20);
  int64_t genuine() const { return int64_t(genuine_.size()); }
  int64_t impostor() const { return impostor_; }
  int64_t kept() const { return int64_t(genuine_.size() + tail_.size()); }
  const std::vector<BlufrPoint>& points() const { return points_; }  // of each FAR, by the rule of BLUFR

  // The rate at each FAR when person p counts weights[p] times (whole numbers; pairs weigh as in bootstrap.h). NaN where the
  // kept impostor scores do not reach so far, or the weights leave no pair.
  std::vector<double> rates(std::span<const float> weights, FarRule rule) const;

 private:
  struct Pair {
    float score;
    int32_t a, b;  // people
  };
  struct Cut {
    double score;  // NaN: unknown
    bool itself;   // is a score equal to it accepted?
  };
  void collect(const ScorePairs& pairs, double floor);
  BlufrPoint point(double far, int64_t n, double largest, double nth) const;
  Cut cut(double far, FarRule rule, double total, std::span<const float> weights) const;

  std::vector<double> far_;
  std::vector<int64_t> pictures_;     // of each person
  std::vector<Pair> genuine_, tail_;  // descending scores
  int64_t impostor_ = 0;
  std::vector<BlufrPoint> points_;
};

}  // namespace fr
