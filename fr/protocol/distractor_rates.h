// Rank-1 and TAR of a distractor test by how often each person is drawn: figures and their replicates. And its ROC.
#pragma once
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "fr/protocol/distractors.h"

namespace fr {

struct DistractorTest {
  std::vector<GenuineTrial> trials;
  DistractorResult found;
};

class DistractorRates {
 public:
  // people: of each probe, from 0. The test, the people and the FARs must outlive it.
  DistractorRates(const DistractorTest& test, std::span<const int64_t> people, std::span<const double> far);
  int64_t people() const { return static_cast<int64_t>(probes_.size()); }

  // Share of the trials that are right, for each size. weights (people), whole numbers.
  std::vector<double> rank_1(std::span<const float> weights) const;
  // TAR for each FAR, its threshold chosen anew; NaN where the tail does not reach so far.
  std::vector<double> tar(std::span<const float> weights) const;

 private:
  const DistractorTest& test_;
  std::span<const int64_t> people_;
  std::span<const double> far_;
  std::vector<size_t> order_;                       // of far_, ascending
  std::vector<int64_t> probes_, trials_;            // of each person
  std::vector<std::vector<int64_t>> right_;         // of each size and person
  std::vector<std::pair<float, int64_t>> genuine_;  // score and person, descending
};

// (FAR, TAR) as far as the tail tells it, thinned evenly in the logarithm of FAR to about `most` points.
std::vector<std::pair<double, double>> roc_of(const DistractorTest& test, int64_t most = 2000);

}  // namespace fr
