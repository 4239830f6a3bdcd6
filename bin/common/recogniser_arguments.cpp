#include "bin/common/recogniser_arguments.h"

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
  line.numbers("--far", far, "the rate of the card's row: FAR, or FPIR of an identification; 0.001", 1, 1,
               0.0, 1.0);
  line.numbers("--threshold", threshold, "decides instead of a card: the same person at this score or more",
               1, 1, -1e9, 1e9);
  line.choice("--calibration", calibration.type, kCalibrationWords, "of scores, as on the card");
  line.text("--calibration-file", calibration.file, "what bin/calibrate, bin/anchors or bin/ssr wrote");
  line.number<int64_t>("--calibration-top", calibration.top,
                       "only the so many most similar of the cohort or the anchors; 0: as the file says", 0);
  line.number("--calibration-tau", calibration.tau, "ida_r, pfe_ida: tau; -1: as the file says",
              CalibrationOptions::kAsTheFile, 1e6);
}

std::unique_ptr<Calibrator> DecisionArguments::make_calibrator_of(const Recogniser& recogniser) const {
  const Metadata& identity = recogniser.identity();
  CalibrationOptions of_model = calibration;
  of_model.weights = identity.at("weights");
  of_model.flip = identity.at("input.flip"), of_model.patch = identity.at("input.patch");
  of_model.variances = variances_of(recogniser.model());
  return make_calibrator(of_model);
}

std::optional<Decision> DecisionArguments::make(const Calibrator& calibrator,
                                                const Recogniser& recogniser) const {
  if (!card.empty() && !threshold.empty())
    throw Error(ErrorKind::usage, "--card and --threshold: expected one of them");
  if (card.empty() && !far.empty())
    throw Error(ErrorKind::usage, "--far: there is no --card to look it up on");
  const Metadata& identity = recogniser.identity();
  if (!card.empty())
    return decision_from_card(card,
                              {calibrator.name(), calibrator.score(), identity.at("weights"),
                               identity.at("input.flip"), identity.at("input.patch")},
                              far.empty() ? 1e-3 : far.front());
  if (!threshold.empty()) return Decision{threshold.front()};
  return std::nullopt;
}

}  // namespace fr
