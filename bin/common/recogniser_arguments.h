// What bin/compare, bin/enroll and bin/identify share: which model finds and embeds faces, and which threshold decides.
#pragma once
#include <memory>
#include <optional>

#include "bin/common/command_line.h"
#include "fr/calibration/calibrator.h"
#include "fr/recogniser/decision.h"
#include "fr/recogniser/recogniser.h"

namespace fr {

struct RecogniserArguments {
  RecogniserOptions options;
  DeviceChoice device = DeviceChoice::automatic;
  DType precision = DType::float32;
  int threads = 0;

  void declare(CommandLine& line);  // model, --detector, --batch, --device, --precision, --threads
  Recogniser make();                // sets the number of threads, too
};

struct DecisionArguments {
  CalibrationOptions calibration;
  std::string card;
  std::vector<double> far, threshold;  // none or one

  void declare(
      CommandLine& line);  // --card, --far, --threshold, --calibration, --calibration-file, -top, -tau
  // Throws Error{state} when calibration or card belong to another model.
  std::unique_ptr<Calibrator> make_calibrator_of(const Recogniser& recogniser) const;
  // Nothing: neither card nor threshold was given.
  std::optional<Decision> make(const Calibrator& calibrator, const Recogniser& recogniser) const;
};

}  // namespace fr
