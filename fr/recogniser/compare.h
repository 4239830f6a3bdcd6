// Are two pictures of the same person? The faces, their score, and the decision.
#pragma once
#include <optional>

#include "fr/calibration/calibrator.h"
#include "fr/recogniser/decision.h"
#include "fr/recogniser/recogniser.h"
#include "fr/report/pair_page.h"

namespace fr {

struct Comparison {
  FoundFace a, b;
  double score = 0;
};

// Throws Error{data}, Error{io} for a picture that cannot be read or has no face.
Comparison compare(const Recogniser& recogniser, const Calibrator& calibrator, const fs::path& a,
                   const fs::path& b);

// For stdout: score, threshold, decision. For a browser: with the aligned pair, and where the faces were.
std::string to_text(const Comparison& comparison, const Calibrator& calibrator,
                    const std::optional<Decision>& decision);
std::string to_html(const Comparison& comparison, const Calibrator& calibrator,
                    const std::optional<Decision>& decision, const fs::path& a, const fs::path& b,
                    const Recogniser& recogniser);

}  // namespace fr
