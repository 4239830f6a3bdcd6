// The threshold of a decision, from the card that bin/evaluate writes (result.json): the score above which a stranger passes with
// the FAR asked for.
#pragma once
#include <string>

#include "base/file.h"
#include "fr/protocol/protocol.h"

namespace fr {

struct Decision {
  double threshold = 0;                                   // the same person when score >= threshold
  double far = std::numeric_limits<double>::quiet_NaN();  // unknown when the threshold was given as a number
  std::string source;   // "LFW: 3,000 impostor pairs"; empty: a number was given
  std::string warning;  // what makes it doubtful; empty: nothing
};

// Of the first protocol in the file whose scores were calibrated likewise (the calibrator's name). Throws Error{io},
// Error{data} when there is none, Error{usage} naming the FARs that the card has, or when it has no threshold there.
// Error{state} when other weights than these scored ("": any).
Decision decision_from_card(const fs::path& result_json, const std::string& calibration, double far,
                            const std::string& weights = "");

// "same person", "different people"
const char* verdict(const Decision& decision, double score);
// "accepted at 0.4312 or more: 1 stranger in 1,000 passes (LFW, 3,000 impostor pairs)"
std::string to_text(const Decision& decision);

}  // namespace fr
