#include "bin/common/recogniser_arguments.h"

#include <cmath>

#include "base/parallel.h"

namespace fr {

void RecogniserArguments::declare(CommandLine& line) {
  line.text("model", options.model, "checkpoint file or run folder", CommandLine::Need::required);
  line.text(
      "--detector", options.detector,
      "MTCNN's weights (safetensors): faces are found and aligned; without it pictures are aligned already");
  line.number<int64_t>("--batch", options.batch, "faces a forward pass", 1, 65536);
  line.choice("--device", device, kDeviceWords,
              "where the network is computed; auto: on the card if there is one");
  line.choice("--precision", precision, kPrecisionWords, "of the maps; bf16: faster, on a card only");
  line.number("--threads", threads, "0: all cores", 0, 1024);
}

Recogniser RecogniserArguments::make() {
  if (threads > 0) set_threads(threads);
  options.placement = placement_of(device, precision);
  return Recogniser(options);
}

void DecisionArguments::declare(CommandLine& line) {
  line.text("--card", card, "result.json of bin/evaluate --out for this model: its threshold card decides");
  line.number("--far", far, "the false accept rate of the card's row", 0.0, 1.0);
  line.number("--threshold", threshold, "decides instead of a card: the same person at this score or more");
  line.choice("--calibration", calibration.type, kCalibrationWords, "of scores, as on the card");
  line.text("--calibration-file", calibration.file, "what bin/calibrate wrote");
}

std::unique_ptr<Calibrator> DecisionArguments::make_calibrator_of(const Recogniser& recogniser) const {
  CalibrationOptions of_model = calibration;
  of_model.weights = recogniser.identity().at("weights"),
  of_model.flip = recogniser.identity().at("input.flip");
  return make_calibrator(of_model);
}

std::optional<Decision> DecisionArguments::make(const Calibrator& calibrator,
                                                const Recogniser& recogniser) const {
  if (!card.empty() && !std::isnan(threshold))
    throw Error(ErrorKind::usage, "--card and --threshold: expected one of them");
  if (!card.empty())
    return decision_from_card(card, calibrator.name(), far, recogniser.identity().at("weights"));
  if (!std::isnan(threshold)) return Decision{threshold, std::numeric_limits<double>::quiet_NaN(), "", ""};
  return std::nullopt;
}

}  // namespace fr
