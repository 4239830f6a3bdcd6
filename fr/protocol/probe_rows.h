// Small things that protocols of galleries and probes share: parts of a set of rows, people as the bootstrap draws them, mean
// and spread over trials.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "fr/calibration/calibrator.h"
#include "fr/protocol/bootstrap.h"
#include "fr/protocol/protocol.h"

namespace fr {

// side_by_side() of models that embedded N pictures each. Throws std::invalid_argument "what: expected N embeddings, ...".
std::vector<float> rows_of_models(const ModelEmbeddings& models, int64_t N, const std::string& what);

// Rows (and their contexts) at `places`, in that order.
CalibratedRows rows_at(const CalibratedRows& rows, std::span<const int64_t> places);

// Each probe as a "pair" of its person with itself, so that it counts as often as the person is drawn. People numbered without
// gaps in ascending order of their numbers.
PairIdentities drawn_with_their_people(std::span<const int64_t> people);

struct Spread {
  double mean = 0, std = 0;  // sample standard deviation (N - 1); NaN for one value
};
Spread spread(std::span<const double> values);

}  // namespace fr
