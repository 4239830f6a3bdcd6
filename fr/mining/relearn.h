// The classifier is learned anew on top of a trained network: all people, of many pictures or one, get a row of class weights that
// starts at their mean embedding. Smirnov et al. 2017, "Doppelganger mining", Section 4.2.8.
#pragma once
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "fr/checkpoint.h"
#include "fr/loss/class_head.h"
#include "fr/protocol/embedding_view.h"

namespace fr {

struct RelearnOptions {
  int64_t steps = 500;
  int64_t batch = 81;                // different people, a picture of each; all people where there are fewer
  double lr = 1e-3, last_lr = 1e-4;  // a cosine from the first to the last
  double scale = 16;                 // alpha of L2-Softmax at the start
  double momentum = 0.9;             // Nesterov's
  double weight_decay = 5e-4;        // of the class weights
  uint64_t seed = 1;
  Device device = Device::cpu;  // where it is trained
};

struct Relearned {
  std::unique_ptr<ClassHead> head;  // L2-Softmax over the people, in the end on the CPU
  std::vector<double> loss;         // of each step
};

// embeddings (N,D) of the people's pictures, labels (N) 0 .. people - 1, every one there. The embeddings are computed once: the
// network stays as it is. Class weights start at prototypes_of(), biases at 0.
// Throws std::invalid_argument for labels or options out of range, Error{diverged} for a loss that is not finite.
Relearned relearn(const EmbeddingView& embeddings, std::span<const int64_t> labels,
                  const RelearnOptions& options, const std::function<void(int64_t step)>& progress = {});

// The network of `trained` with that head, as one model: its class scores are those of `people` (their names, by label), and its
// configuration says so. The mirror image joins the embedding by `flip`, which keeps its size.
struct RelearnedModel {
  std::unique_ptr<FaceModel> model;
  CheckpointInfo info;
};
RelearnedModel with_head(LoadedModel& trained, ClassHead& head, std::vector<std::string> people,
                         FlipMode flip, const RelearnOptions& options);

}  // namespace fr
