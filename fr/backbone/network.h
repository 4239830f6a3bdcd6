// The choice among the backbones, as a configuration makes it.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "fr/backbone/backbone.h"

namespace fr {

enum class Architecture { sphereface, iresnet, doppelganger };

struct NetworkOptions {
  Architecture architecture = Architecture::sphereface;
  int depth = 20;                    // one of depths_of(architecture)
  int64_t embedding = 512;           // D
  int64_t height = 112, width = 96;  // input (N, height, width, 3)
  double dropout = 0;                // before the layer that makes the embedding
  uint64_t seed = 1;                 // of the initial weights
  int64_t narrow = 1;                // doppelganger: channels are divided by it
};

const char* name_of(Architecture architecture);  // "SphereFace"
std::vector<int> depths_of(Architecture architecture);

// Throws std::invalid_argument for a depth that the architecture does not have, or sizes that are not positive.
std::unique_ptr<Backbone> make_backbone(const NetworkOptions& options);

// The network layer by layer, without building it.
std::vector<LayerDescription> describe(const NetworkOptions& options);

}  // namespace fr
