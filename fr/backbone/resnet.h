// The residual networks of He et al. with 18 and 50 layers.
//
// preactivation          He et al. 2016, "Identity Mappings in Deep Residual Networks" (v2), fitted to pictures of faces
//   out = shortcut(in) + conv(ReLU(BN(.. conv(ReLU(BN(in))))))                                  nothing after the sum
//   A stem conv3x3 at the input's size, no pooling, four stages whose first unit halves the map, then BN - flatten - dropout -
//   FC - BN (fr/backbone/embedding_head.h). shortcut is the identity, or where the shape changes conv1x1(ReLU(BN(in))).
// literal                He et al. 2016, "Deep Residual Learning for Image Recognition" (v1), Table 1
//   out = ReLU(shortcut(in) + BN(conv(.. ReLU(BN(conv(in))))))
//   A stem conv7x7 stride 2 - BN - ReLU - max pool 3x3 stride 2, stages of which all but the first halve the map, then the mean
//   of each channel and FC. shortcut is the identity, or where the shape changes BN(conv1x1(in)). 112x112 ends as a 4x4 map.
//
// The units: two conv3x3, the first of which halves the map; with 50 layers conv1x1 to a quarter of the channels, conv3x3,
// conv1x1 back. There the first conv1x1 halves the map in v1, as in the authors' models, and the conv3x3 in v2, which sees every
// pixel: our choice, the authors' code for v2 (1001 layers) keeps the conv1x1. Parameters are the same either way.
// Cao et al. 2020, "Domain Balancing", name "Identity Mappings" as their network and say no more than "four residual blocks" and
// 512 numbers; stem, strides and output of preactivation are our reading, taken from Deng et al. 2019, "ArcFace", Section 3.2.2.
#pragma once
#include "fr/backbone/backbone.h"
#include "fr/backbone/resnet_unit.h"

namespace fr {

struct ResNetOptions {
  int depth = 18;                     // 18 or 50
  int64_t embedding = 512;            // D
  int64_t height = 112, width = 112;  // input (N, height, width, 3)
  double dropout = 0;                 // before FC; not in the papers
  uint64_t seed = 1;                  // of the initial weights: N(0, 2 / fan_in), He et al. 2015
  ResNetForm form = ResNetForm::preactivation;
};

// depth = 2 + 2 sum(units) for 18 layers, 2 + 3 sum(units) for 50: it counts the stem, the branches' convolutions and FC.
std::span<const StageUnits> resnet_tables();

// preactivation trains on batches of two or more: the last BN sees one row a picture.
// Throws std::invalid_argument for a depth that is not in the table, or sizes that are not positive.
class ResNet : public Backbone {
 public:
  using Options = ResNetOptions;
  explicit ResNet(const ResNetOptions& options);
  std::vector<LayerDescription> describe() const override;
  const ResNetOptions& options() const { return options_; }

 private:
  ResNetOptions options_;
};

// The network layer by layer, from the same table, without building it.
std::vector<LayerDescription> describe(const ResNetOptions& options);

}  // namespace fr
