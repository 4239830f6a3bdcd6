#include "fr/calibration/calibrator.h"

#include "base/error.h"
#include "fr/calibration/cohort_file.h"
#include "fr/calibration/cohort_norm.h"

namespace fr {

std::string calibration_word(CalibrationType type) {
  for (const auto& [word, meaning] : kCalibrationWords)
    if (meaning == type) return word;
  return {};
}

std::unique_ptr<Calibrator> make_calibrator(const CalibrationOptions& options) {
  if (options.type == CalibrationType::none) return std::make_unique<Cosine>();
  if (options.file.empty())
    throw Error(
        ErrorKind::usage,
        "calibration.file: this type of calibration needs a file; bin/calibrate makes it of a cohort");
  FR_CHECK(options.top >= 0, "calibration: top = ", options.top);
  const Cohort cohort = read_cohort(options.file);
  return std::make_unique<CohortNorm>(options.type, cohort.view(),
                                      options.top > 0 ? options.top : cohort.top);
}

}  // namespace fr
