#include "fr/calibration/calibrator.h"

#include "base/error.h"
#include "fr/calibration/cohort_file.h"
#include "fr/calibration/cohort_norm.h"
#include "fr/calibration/pfe.h"

namespace fr {

std::string calibration_word(CalibrationType type) {
  for (const auto& [word, meaning] : kCalibrationWords)
    if (meaning == type) return word;
  return {};
}

bool scores_distributions(CalibrationType type) { return type == CalibrationType::pfe; }

namespace {

void check_same(const std::string& file, const char* what, const std::string& found,
                const std::string& wanted) {
  if (!wanted.empty() && found != wanted)
    throw Error(ErrorKind::state, cat(file, ": its embeddings are of other making than those to be scored: ",
                                      what, " ", found, ", not ", wanted));
}

}  // namespace

std::unique_ptr<Calibrator> make_calibrator(const CalibrationOptions& options) {
  if (options.type == CalibrationType::none && !options.file.empty())
    throw Error(ErrorKind::usage, cat(options.file, ": a calibration file, but no type of calibration"));
  if (options.type == CalibrationType::none) return std::make_unique<Cosine>();
  if (options.type == CalibrationType::pfe && !options.file.empty())
    throw Error(
        ErrorKind::usage,
        cat(options.file, ": calibration.type = pfe needs no file: the model's own says how certain it is"));
  if (options.type == CalibrationType::pfe)
    return std::make_unique<MutualLikelihood>(options.fusion, options.module);
  if (options.file.empty())
    throw Error(
        ErrorKind::usage,
        "calibration.file: this type of calibration needs a file; bin/calibrate makes it of a cohort");
  FR_CHECK(options.top >= 0, "calibration: top = ", options.top);
  const Cohort cohort = read_cohort(options.file);
  check_same(options.file, "weights", cohort.weights, options.weights);
  const auto direction = [](const std::string& flip) { return flip == "mean" ? "sum" : flip; };
  check_same(options.file, "flip", direction(cohort.flip), direction(options.flip));
  check_same(options.file, "patch", cohort.patch, options.patch);
  return std::make_unique<CohortNorm>(options.type, cohort.view(),
                                      options.top > 0 ? options.top : cohort.top);
}

}  // namespace fr
