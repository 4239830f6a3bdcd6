// Probes among distractors: what MegaFace challenge 1 (Kemelmacher-Shlizerman et al. 2016) asks of scores. A genuine trial is
// an ordered pair of photos of one person: photo i joins the distractors in the gallery, photo j searches.
//   right iff s(i,j) >= max_d s(d,j)   (ties favour the mate)
// for the first n distractors of a list, for several n in one pass.
#pragma once
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "fr/calibration/calibrator.h"
#include "fr/protocol/metrics.h"

namespace fr {

struct GenuineTrial {
  float score;
  int32_t gallery, probe;  // i, j
};
// Every ordered pair i != j of rows of one person, person by person. people (N): whole numbers from 0.
// Throws Error{data} for more than 10^8 of them or a score that is not finite.
std::vector<GenuineTrial> genuine_trials(const Calibrator& calibrator, const CalibratedRows& rows,
                                         std::span<const int64_t> people);

struct DistractorOptions {
  std::vector<int64_t> sizes;  // n, ascending: a distractor counts from its place on
  std::vector<double> far;
  int64_t tail = 1 << 20;    // of the highest impostor scores so many are kept, with their pairs
  int64_t sample = 200'000;  // impostor scores for histograms, about
};

struct ImpostorScore {
  float score;
  int32_t distractor, probe;
};
struct DistractorResult {
  int64_t impostors = 0;
  std::vector<std::vector<float>> best;  // of each size and probe; -infinity: no distractor is left
  std::vector<OperatingPoint> points;    // of each far, as tar_at_far(): exact
  std::vector<ImpostorScore> tail;       // descending; ties by probe, then distractor
  // Every impostor score above this is in the tail.
  float tail_floor = -std::numeric_limits<float>::infinity();
  std::vector<double> sample;
};
// All probes x distractors, by blocks: as often as largest_impostors() needs, and once more. Beside the sets it holds
// sizes x probes floats a thread, the tail and the sample. places (distractors): ascending.
// Throws std::invalid_argument for sizes, Error{data} when there is no trial or a score is not finite.
DistractorResult test_distractors(const Calibrator& calibrator, const CalibratedRows& probes,
                                  const CalibratedRows& distractors, std::span<const int64_t> places,
                                  std::span<const GenuineTrial> trials, const DistractorOptions& options);

}  // namespace fr
