// Checkpoints: everything a run needs to go on as if it had never stopped (docs/formats.md).
#pragma once
#include <memory>
#include <string>

#include "base/file.h"
#include "fr/config.h"
#include "fr/model.h"
#include "fr/pfe/distribution.h"
#include "fr/preprocessing.h"
#include "nn/optimizer.h"
#include "nn/state.h"

namespace fr {

struct CheckpointInfo {
  int64_t step = 0;              // training steps done
  int64_t epoch = 0, batch = 0;  // the next batch of the loader
  int64_t classes = 0;           // 0: a network to embed with, without a loss
  uint64_t data = 0;             // fingerprint of the training list
  std::string config;            // the keys that decide the result, as INI text
  std::string frozen =
      {};  // weights_fingerprint() of a network on which only an uncertainty module is trained; else ""
  Preprocessing input =
      {};  // of the pictures; written with the size of the network, read by load_model() alone
  std::vector<std::string> people =
      {};  // the names of the classes, where they are known: fr/mining/relearn.h
};

// Atomic; float32, whatever the device and the precision. `mining`: fr/mining/doppelgangers.h, empty without. Throws Error{io}.
void save_checkpoint(const fs::path& path, FaceModel& model, const Optimizer& optimizer,
                     const CheckpointInfo& info, const NamedTensors& mining = {});

// The same without an optimiser: to embed with, not to train on.
void save_model(const fs::path& path, FaceModel& model, const CheckpointInfo& info);

// Throws Error{data} for a damaged file, Error{state} for one that does not fit the model.
CheckpointInfo load_checkpoint(const fs::path& path, FaceModel& model, const Optimizer* optimizer);

// Loads the newest checkpoint of a run folder that can be read; a damaged one is passed over with a warning.
// Throws Error{state} listing the keys that differ when it belongs to another configuration, data set or
// class count.
// mining, if asked for, receives what save_checkpoint() was given.
CheckpointInfo resume_newest(const fs::path& run_folder, FaceModel& model, const Optimizer& optimizer,
                             const CheckpointInfo& expected, NamedTensors* mining = nullptr);

// The model of a checkpoint file with its preprocessing, or of the newest checkpoint of a run folder, ready to embed.
struct LoadedModel {
  fs::path path;
  CheckpointInfo info;
  Config config;
  std::unique_ptr<FaceModel> model;
};
VarianceOrigin variances_of(const LoadedModel& model);  // of its uncertainty module, if it has one
LoadedModel load_model(const fs::path& checkpoint_or_run_folder, const Placement& placement = {});

}  // namespace fr
