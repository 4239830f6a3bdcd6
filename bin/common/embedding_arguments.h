// What programs share that embed pictures for calibration: which model, how and where.
#pragma once
#include <optional>

#include "bin/common/command_line.h"
#include "fr/checkpoint.h"
#include "fr/embed.h"

namespace fr {

struct EmbeddingArguments {
  std::string model;
  std::optional<FlipMode> flip;
  int64_t batch = EmbedOptions().batch;
  DeviceChoice device = DeviceChoice::automatic;
  DType precision = DType::float32;
  int threads = 0;

  void declare_model(CommandLine& line);        // model
  void declare_computation(CommandLine& line);  // --batch, --device, --precision, --threads
  void declare_flip(CommandLine& line);         // --flip
  LoadedModel load() const;                     // sets the number of threads, too
  FlipMode flip_of(const LoadedModel& loaded) const { return flip.value_or(loaded.info.input.flip); }
};

}  // namespace fr
