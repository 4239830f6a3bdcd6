// Identification: what probes find in a gallery. Closed set: the rank of the mate (CMC). Open set: how many probes are
// identified at a rate of false alarms by probes who are not in the gallery (DIR, TPIR at FPIR).
#pragma once
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "fr/protocol/score_stream.h"

namespace fr {

// Of one probe. A mate is a row of the gallery with the probe's own person. Of a person with several rows the best one counts.
// Ties favour the mate: its rank is 1 + the people of the gallery who score strictly higher than the best mate; rows of
// negative persons are people of their own.
struct ProbeResult {
  float best = -std::numeric_limits<float>::infinity();  // over the whole gallery
  float mate = -std::numeric_limits<float>::infinity();  // over the mates
  int64_t rank = 0;                                      // of the best mate; 0: the probe has none
  bool mated() const { return rank > 0; }
};

// `sets`: a is the gallery, b the probes; a negative person is nobody's mate. Every score is looked at once, none is kept.
// Throws std::invalid_argument for sizes or no gallery, Error{data} for a score that is not finite.
std::vector<ProbeResult> search_probes(const ScorePairs& sets);

// Whether there can be an open set at all: throws Error{data} "WHAT: ..." when there is no probe with or none without a mate.
// People of the gallery and of the probes; a negative one is nobody's mate.
void check_open_set(std::span<const int64_t> gallery, std::span<const int64_t> probes,
                    const std::string& what);

// How the threshold follows from the best scores of the N probes without a mate, at a false positive identification rate f.
enum class FpirRule {
  nist,   // n = floor(f N): the n-th largest; 0: just above the largest
  blufr,  // n = round(f N): the n-th largest; 0: midway from the largest to the next higher mate score, or sqrt(eps) above it
  // when there is none; N: sqrt(eps) below all scores. Liao et al. 2014, "A benchmark study of large-scale
  // unconstrained face recognition", OpenSetROC
};

// What Liao's toolkit goes beyond the outermost score: sqrt(eps) of a double.
constexpr double kRootEps = 1.4901161193847656e-08;

struct IdentificationPoint {
  double fpir = 0;  // asked for
  double realised_fpir =
      0;  // share of the probes without a mate whose best score >= threshold; ties may lift it above fpir
  double rate = 0;  // share of the probes with a mate whose mate has at most the rank and scores >= threshold
  double threshold = 0;
  bool too_few = false;  // fpir N < 1: no false alarm is allowed, and the point is barely measured
};

// The rates of one gallery and its probes. Every function takes how often each probe counts (whole numbers, as drawn in a
// bootstrap over people): (P), or none for once each. Where the weights leave no probe to divide by, a rate is NaN.
class Identification {
 public:
  explicit Identification(std::span<const ProbeResult> probes);
  int64_t mated() const { return static_cast<int64_t>(mated_.size()); }
  int64_t non_mated() const { return static_cast<int64_t>(non_mated_.size()); }

  // Share of the probes with a mate whose mate has at most this rank: closed-set identification.
  double rank_rate(int64_t rank, std::span<const float> weights = {}) const;
  std::vector<double> cmc(int64_t ranks) const;  // rank_rate(1) .. rank_rate(ranks)

  // Throws Error{data} when there is no probe with or none without a mate, std::invalid_argument for an fpir outside [0, 1].
  IdentificationPoint at_fpir(double fpir, int64_t rank, FpirRule rule,
                              std::span<const float> weights = {}) const;
  IdentificationPoint at_threshold(double threshold, int64_t rank, std::span<const float> weights = {}) const;

  // (FPIR, rate) without a false alarm, then at every distinct best score of probes without a mate, from the strictest; more
  // than `most` probes are thinned evenly in the logarithm of FPIR.
  std::vector<std::pair<double, double>> dir_curve(int64_t rank, int64_t most = 2000) const;

 private:
  struct Probe {
    double score;  // of the mate, or the best
    int64_t rank, index;
  };
  double threshold(double fpir, FpirRule rule, std::span<const float> weights) const;
  std::vector<Probe> mated_, non_mated_;  // descending scores
};

}  // namespace fr
