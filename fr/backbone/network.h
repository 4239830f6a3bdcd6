// The choice among the backbones, as a configuration makes it. One line of the table in network.cpp is a backbone.
#pragma once
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "fr/backbone/backbone.h"

namespace fr {

enum class Architecture { sphereface, iresnet, resnet, resnet_literal, doppelganger, mobilefacenet };

struct NetworkOptions {
  Architecture architecture = Architecture::sphereface;
  int depth = 20;                    // one of depths_of(architecture)
  int64_t embedding = 512;           // D
  int64_t height = 112, width = 96;  // input (N, height, width, 3)
  double dropout = 0;                // before the layer that makes the embedding
  uint64_t seed = 1;                 // of the initial weights
  // Behind the last layer, in training and after it: fr/balancing/residual_balancing.h.
  ResidualBalancingForm residual_balancing = ResidualBalancingForm::none;
  // Of single architectures; the others refuse every other value.
  bool last_relu = false;  // sphereface: a ReLU on the embedding
  bool bias = true;        // sphereface: in the convolutions with stride 2 and in FC1
  int64_t narrow = 1;      // doppelganger: channels are divided by it
};

const char* name_of(Architecture architecture);    // "SphereFace"
const char* source_of(Architecture architecture);  // where it is from, in a few words
std::vector<int> depths_of(Architecture architecture);
std::vector<std::pair<std::string, Architecture>> architecture_words();  // in a configuration, in order

// Options that the architecture does not have: throws std::invalid_argument naming the key and the architecture.
void check(const NetworkOptions& options);

// Throws std::invalid_argument for a depth that the architecture does not have, sizes that are not positive, or as check().
std::unique_ptr<Backbone> make_backbone(const NetworkOptions& options);

// The network layer by layer, without building it. Throws as make_backbone().
std::vector<LayerDescription> describe(const NetworkOptions& options);

// Whether a step needs two pictures: a BN of the embedding sees one row a picture.
bool normalises_embeddings(const NetworkOptions& options);

}  // namespace fr
