// What bin/evaluate is told: a protocol, where its files lie, how pictures become embeddings and embeddings scores. And the
// table of all protocols.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "data/pairs.h"
#include "fr/calibration/calibrator.h"
#include "fr/ensemble.h"
#include "fr/protocol/blufr.h"
#include "fr/protocol/coverage.h"
#include "fr/protocol/identification.h"
#include "fr/protocol/ijb.h"
#include "fr/protocol/protocol.h"
#include "fr/protocol/video.h"
#include "fr/schema.h"

namespace fr {

// Where gallery and probes come from: two lists, or neither and the folder `root`.
struct GallerySource {
  std::string gallery, probes;  // lists, as they stand or below root
  Enrolled enrolled = Enrolled::any;
  FolderSplit split;
};

enum class OneShotScores {
  embeddings,  // with the people of the gallery
  classes,     // of the models' own classifiers: bin/relearn
};

struct EvaluationConfig {
  std::string protocol = "pairs";  // a word of protocol_table()
  std::string root, list;          // folder of the pictures; the protocol's list
  Missing missing = Missing::error;

  std::optional<FlipMode> flip;             // none: as the model files say, see flip_of()
  int64_t batch = 64;                       // pictures a forward pass
  std::string patch;                        // patches_of()
  Average average = Average::none;          // of several models
  Pooling pooling = Pooling::mean_feature;  // of a video's frames

  BlufrOptions blufr;
  GallerySource searched;  // of identification
  IdentificationOptions identification;
  GallerySource one_shot;  // of coverage
  CoverageOptions coverage;
  OneShotScores one_shot_scores = OneShotScores::embeddings;
  std::string novel;  // list of names

  ProtocolOptions options;
  CalibrationOptions calibration;

  struct Ijb {  // fr/protocol/ijb.h
    std::string name = "IJB-C", members, landmarks, pairs, gallery_1, gallery_2, probes;
    IjbCrops crops = IjbCrops::loose;
    FeatureNorm norm = FeatureNorm::keep;
    DetectorScores detector = DetectorScores::multiply;
  } ijb;
  struct Megaface {  // fr/protocol/megaface.h
    std::string probes, distractors, distractor_root, probe_noise, distractor_noise, features;
    int64_t largest = 1'000'000;
  } megaface;
};

// The schema over the fields of `config`, which must outlive it. Keys of a protocol of its own have a section of its name.
Schema describe(EvaluationConfig& config);
// coverage.scores = classes: who the probes are by the classifiers of the models, of several by the mean of their probabilities.
// Throws Error{usage} for another protocol, a calibration, or a model without such a classifier; what one_shot_coverage() throws.
ProtocolResult evaluate_classes(const EvaluationConfig& config, const std::vector<LoadedModel>& models,
                                const std::vector<EnsembleMember>& members, Progress* progress = nullptr);

std::string evaluation_document(const Schema& schema);  // docs/evaluation.md

// One row a protocol. A new one needs its row here and, for files of its own, fields of EvaluationConfig with their keys.
struct ProtocolRow {
  std::string word;   // protocol = word
  std::string files;  // what `root`, `list` and keys of its own name
  std::unique_ptr<Protocol> (*make)(const EvaluationConfig& config);
  std::vector<std::string> unused = {};  // keys that it does not use and refuses
};
const std::vector<ProtocolRow>& protocol_table();

// Throws Error{usage} for a key that the protocol needs and does not have, or does not use; Error{data} and Error{io} for its
// files.
std::unique_ptr<Protocol> make_protocol(const EvaluationConfig& config);

// The flip of the configuration, or else the one that all model files name. Throws Error{usage} when they disagree.
FlipMode flip_of(const EvaluationConfig& config, const std::vector<LoadedModel>& models);

// Embeds the pictures by all models and evaluates. With a calibration there are two results: without it, and with it.
// Without config.flip mirror images are concatenated. Throws what embed() and Protocol::evaluate() throw.
std::vector<ProtocolResult> evaluate(const Protocol& protocol, const std::vector<EnsembleMember>& members,
                                     const EvaluationConfig& config, Progress* progress = nullptr);

}  // namespace fr
