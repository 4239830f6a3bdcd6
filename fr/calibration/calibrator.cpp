#include "fr/calibration/calibrator.h"

#include "base/error.h"
#include "fr/calibration/anchors.h"
#include "fr/calibration/cohort_file.h"
#include "fr/calibration/cohort_norm.h"
#include "fr/calibration/pfe.h"
#include "fr/calibration/ssr.h"

namespace fr {

std::string calibration_word(CalibrationType type) {
  for (const auto& [word, meaning] : kCalibrationWords)
    if (meaning == type) return word;
  return {};
}

bool scores_distributions(CalibrationType type) {
  return type == CalibrationType::pfe || type == CalibrationType::pfe_ida;
}

namespace {

void check_same(const std::string& file, const char* what, const std::string& found,
                const std::string& wanted) {
  if (!wanted.empty() && found != wanted)
    throw Error(ErrorKind::state, cat(file, ": its embeddings are of other making than those to be scored: ",
                                      what, " ", found, ", not ", wanted));
}

void check_origin(const CalibrationOptions& options, const EmbeddingOrigin& origin) {
  check_same(options.file, "weights", origin.weights, options.weights);
  const auto direction = [](const std::string& flip) { return flip == "mean" ? "sum" : flip; };
  check_same(options.file, "flip", direction(origin.flip), direction(options.flip));
  check_same(options.file, "patch", origin.patch, options.patch);
}

bool names_tau(const CalibrationOptions& o) { return o.tau != CalibrationOptions::kAsTheFile; }

bool of_anchors(CalibrationType type) {
  return type == CalibrationType::ida_r || type == CalibrationType::pfe_ida;
}

// Of a picture's row of unit length. Its mirror image has about the same embedding and variances, and whatever way the two are
// joined the variances of the unit row are then half of theirs.
double usual_variance(const CalibrationOptions& o) {
  return o.variances.typical_variance / (o.flip.empty() || o.flip == "none" ? 1 : 2);
}

const char* maker(CalibrationType type) {
  return of_anchors(type)                 ? "bin/anchors makes it of pictures"
         : type == CalibrationType::ida_l ? "bin/ssr makes it of anchors"
                                          : "bin/calibrate makes it of a cohort";
}

std::unique_ptr<Calibrator> learned(const CalibrationOptions& o, const CalibrationFile& file) {
  const SsrModel model = read_ssr(file);
  check_origin(o, model.origin);
  if ((o.top > 0 && o.top != model.k) || (names_tau(o) && o.tau != model.tau))
    throw Error(ErrorKind::usage,
                cat(o.file, ": was trained for k = ", model.k, " and tau = ", model.tau,
                    ", which cannot be chosen anew; leave calibration.top and calibration.tau out"));
  return std::make_unique<LearnedDiscrepancy>(model);
}

}  // namespace

std::unique_ptr<Calibrator> make_calibrator(const CalibrationOptions& options) {
  if (options.type == CalibrationType::none && !options.file.empty())
    throw Error(ErrorKind::usage, cat(options.file, ": a calibration file, but no type of calibration"));
  const bool none = options.type == CalibrationType::none;
  if ((none || options.type == CalibrationType::pfe) && (options.top > 0 || names_tau(options)))
    throw Error(ErrorKind::usage, cat("calibration.", options.top > 0 ? "top" : "tau",
                                      ": calibration.type = ", calibration_word(options.type), " has none"));
  if (none) return std::make_unique<Cosine>();
  if (options.type == CalibrationType::pfe && !options.file.empty())
    throw Error(
        ErrorKind::usage,
        cat(options.file, ": calibration.type = pfe needs no file: the model's own says how certain it is"));
  if (options.type == CalibrationType::pfe)
    return std::make_unique<MutualLikelihood>(options.fusion, options.variances.module);
  if (options.type == CalibrationType::pfe_ida && options.variances.typical_variance == 0)
    throw Error(ErrorKind::usage,
                "calibration.type = pfe_ida: the model gives points, not distributions: its file has no "
                "uncertainty module. bin/train with pfe.model trains one");
  if (options.file.empty())
    throw Error(ErrorKind::usage,
                cat("calibration.file: this type of calibration needs a file; ", maker(options.type)));
  FR_CHECK(options.top >= 0, "calibration: top = ", options.top);
  const CalibrationFile file(options.file);
  if (options.type == CalibrationType::ida_l) return learned(options, file);
  const Cohort cohort = read_cohort(file);
  check_origin(options, cohort.origin);
  const bool ida = of_anchors(options.type);
  if (!ida && names_tau(options))
    throw Error(ErrorKind::usage, cat("calibration.tau: ", calibration_word(options.type), " has none"));
  const bool made_for_it = ida == (cohort.type == CalibrationType::ida_r);  // its numbers mean the same
  const int64_t top = options.top > 0 ? options.top : made_for_it ? cohort.top : ida ? kUsualNeighbours : 0;
  if (!ida) return std::make_unique<CohortNorm>(options.type, cohort.view(), top);
  const double tau = names_tau(options) ? options.tau : made_for_it ? cohort.tau : kUsualTau;
  auto discrepancy = std::make_unique<AnchorDiscrepancy>(cohort.view(), top, tau);
  if (options.type == CalibrationType::ida_r) return discrepancy;
  return std::make_unique<PfeDiscrepancy>(options.fusion, usual_variance(options), std::move(discrepancy));
}

}  // namespace fr
