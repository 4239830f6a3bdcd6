// The trials of BLUFR, each tested by itself, and what they show together. Internal to fr/protocol/blufr.cpp.
#pragma once
#include <span>
#include <vector>

#include "data/blufr.h"
#include "fr/protocol/blufr_rates.h"
#include "fr/protocol/open_set.h"
#include "fr/protocol/protocol.h"

namespace fr {

// people[place] of each place.
std::vector<int64_t> people_at(std::span<const int64_t> people, const std::vector<int64_t>& places);

struct BlufrTested {
  BlufrRates rates;
  Identification open;
  std::vector<int64_t> probe_people;
  StreamResult
      stream;  // points at the FARs of the rates, then those of the card; hardest pairs as places in the list
};

struct BlufrRows {
  const Calibrator& calibrator;
  const CalibratedRows& rows;       // of all pictures
  std::span<const int64_t> people;  // of each: 0 .. count - 1
  int64_t count;
};
// Throws what BlufrRates, search_probes() and stream_metrics() throw, with "trial T: " before an Error.
std::vector<BlufrTested> test_trials(const std::vector<BlufrTrial>& trials, const BlufrRows& all,
                                     std::span<const double> far, std::span<const double> card);

// Means over the trials: ROC, DET, DIR at rank 1 and, for each FPIR, DIR at ranks 1 .. 100.
void add_curves(ProtocolResult& result, const std::vector<BlufrTested>& tested, std::span<const double> fpir);
// Histograms of the first trial; the hardest pairs of all of them, each once.
void add_scores(ProtocolResult& result, const std::vector<BlufrTested>& tested);

}  // namespace fr
