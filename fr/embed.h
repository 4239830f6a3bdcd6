// Pictures to embeddings.
#pragma once
#include <functional>
#include <vector>

#include "data/patch.h"
#include "fr/protocol/verification.h"
#include "nn/module.h"

namespace fr {

enum class EmbeddingKind {
  points,         // rows (N,D)
  distributions,  // rows (N,2D) of fr/pfe/distribution.h: of a FaceModel with an uncertainty module
};

struct EmbedOptions {
  int64_t height = 112, width = 96;  // the network's input
  FlipMode flip = FlipMode::concatenate;
  int64_t batch = 64;
  Patch patch = Patch::full;
  EmbeddingKind kind = EmbeddingKind::points;
};

struct Embeddings {
  std::vector<float> values;  // (N,D) row-major; D doubles when mirror images are concatenated
  int64_t N = 0, D = 0;
  EmbeddingView view() const { return {values, N, D}; }
};

// Embeds pictures 0..n-1 in inference mode, the centre of each as the network expects it. `done`, if given,
// is called with the number of pictures finished. Leaves the network in the mode it was in. Throws Error{usage} for distributions
// of a network that has none.
Embeddings embed(Module& network, int64_t n, const std::function<Image(int64_t)>& picture,
                 const EmbedOptions& options, const std::function<void(int64_t)>& done = {});

}  // namespace fr
