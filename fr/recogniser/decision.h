// The threshold of a decision, from the card that bin/evaluate writes (result.json): the score above which a stranger passes with
// the rate asked for.
#pragma once
#include <limits>
#include <string>

#include "base/file.h"
#include "fr/protocol/protocol.h"

namespace fr {

struct Decision {
  double threshold = 0;                                    // the same person when score >= threshold
  double rate = std::numeric_limits<double>::quiet_NaN();  // unknown when the threshold was given as a number
  bool searched = false;  // the rate is one of searches in a gallery (FPIR), not of single comparisons (FAR)
  std::string source = {};   // "LFW, 3,000 impostor pairs"; empty: a number was given
  std::string warning = {};  // what makes it doubtful; empty: nothing
};

// What the scores to be decided are; a card holds for its own only.
struct ScoreMaking {
  std::string calibration, score;  // Calibrator::name(), score(): type, cohort and top
  std::string weights, flip, patch;
};

// Of the first protocol in the file whose scores were made likewise. Throws Error{io}; Error{data} when there is no such card;
// Error{state} when it is of other weights, flip or patch, or does not say; Error{usage} naming the rates that the card has, or
// when it has no threshold there.
Decision decision_from_card(const fs::path& result_json, const ScoreMaking& scores, double rate);

// "same person", "different people"
const char* verdict(const Decision& decision, double score);
// "the same person at 0.4312 or more: FAR 0.001 (LFW, 3,000 impostor pairs)"
std::string to_text(const Decision& decision);

}  // namespace fr
