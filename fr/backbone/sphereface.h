// The SphereFace networks with 4, 10, 20, 36 and 64 convolutions.   Liu et al. 2017, "SphereFace", Table 2
// Four stages. Each opens with a 3x3 stride-2 convolution + PReLU and continues with residual units
//   out = in + PReLU(conv3x3(PReLU(conv3x3(in))))              nothing after the sum, no batch normalisation
// FC1 turns the flattened last map into the embedding, with bias and without activation. The class scores
// (FC2) belong to the loss: fr/loss/class_head.h. Initial values and multipliers are those of the authors'
// Caffe model.
#pragma once
#include "fr/backbone/backbone.h"

namespace fr {

struct SphereFaceOptions {
  int depth = 20;                    // 4, 10, 20, 36 or 64
  int64_t embedding = 512;           // D
  int64_t height = 112, width = 96;  // input (N, height, width, 3)
  double dropout = 0;                // before FC1; not in the paper
  uint64_t seed = 1;                 // of the initial weights
};

// depth = 4 + 2 sum(units): it counts the convolutions.
std::span<const StageUnits> sphereface_tables();

// Throws std::invalid_argument for a depth that is not in the table, or sizes that are not positive.
class SphereFace : public Backbone {
 public:
  explicit SphereFace(const SphereFaceOptions& options);
  std::vector<LayerDescription> describe() const override;
  const SphereFaceOptions& options() const { return options_; }

 private:
  SphereFaceOptions options_;
};

// The network layer by layer, from the same table, without building it.
std::vector<LayerDescription> describe(const SphereFaceOptions& options);

}  // namespace fr
