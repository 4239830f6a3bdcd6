// Coverage at precision, the measure of one-shot recognition: every probe is given the most similar person, and only those whose
// score reaches a threshold are answered. Guo and Zhang 2017, "One-shot face recognition by promoting underrepresented
// classes"; Smirnov et al. 2017, "Doppelganger mining", Section 4.
//   coverage(t) = M / N,  precision(t) = C / M,  M = #{score >= t},  C = those of M named rightly
//   C@P = max over the distinct scores t of coverage(t) with precision(t) >= P; 0 when there is none
// Precision does not fall steadily, so every t is looked at, not the first that fails.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "fr/protocol/gallery_search.h"

namespace fr {

struct CoveragePoint {
  double precision = 0;                                        // asked for
  double coverage = 0, realised_precision = 0, threshold = 0;  // threshold +inf: no threshold is so precise
};

class Coverage {
 public:
  // Of a probe; `right` when its own person has the highest score, ties included. Throws Error{data} for no probe.
  explicit Coverage(std::span<const ProbeResult> probes);
  // weights (N): how often each probe counts, whole numbers; none: once each. NaN where all weights are 0.
  CoveragePoint at_precision(double precision, std::span<const float> weights = {}) const;
  // (coverage, precision) at every distinct score, from the strictest; of more than `most` an even part, the last included.
  std::vector<std::pair<double, double>> curve(size_t most = 2000) const;

 private:
  struct Answer {
    double score;
    bool right;
    size_t place;
  };
  std::vector<Answer> answers_;  // descending scores
};

struct CoverageOptions {
  Template of_person = Template::mean;
  std::vector<double> precision = {0.95, 0.99, 0.999};
  // (people) whose probes are measured, the novel set; all others, the base set, are only told beside it. Empty: everybody.
  std::vector<uint8_t> novel;
};
// Intervals draw the people of the measured probes. Throws Error{data} when no probe is measured or none of those
// has a mate.
std::unique_ptr<Protocol> one_shot_coverage(GalleryProbes set, CoverageOptions options = {});

// The same of probes that were not searched for in the gallery, but named by a classifier of its people: found, of each probe.
// `score` says what their scores are. No hardest pairs.
ProtocolResult classifier_coverage(GalleryProbes set, CoverageOptions options,
                                   std::span<const ProbeResult> found, const std::string& score,
                                   const ProtocolOptions& protocol);

}  // namespace fr
