// MobileFaceNet: a face network for small machines.              Chen et al. 2018, "MobileFaceNets", Table 1
// A stem conv3x3 stride 2 - depthwise 3x3, then three stages of linear bottlenecks
//   out = [in +] BN(conv1x1(act(depthwise3x3(act(conv1x1(in))))))        act(x) = PReLU(BN(x)), nothing after the sum
// The first unit of a stage halves the map in its depthwise convolution and has no sum. At the end act(conv1x1) to 512
// channels, a depthwise convolution as large as the map in the place of a mean, and BN-FC-BN (fr/backbone/embedding_head.h).
//   From insightface's model, where the paper leaves it open: FC has a bias, and the last gamma stays 1. Convolutions begin
// as He et al. 2015, Eq. 10; a BN follows each.
#pragma once
#include "fr/backbone/backbone.h"

namespace fr {

struct MobileFaceNetOptions {
  int depth = 50;                     // the paper's network
  int64_t embedding = 128;            // D
  int64_t height = 112, width = 112;  // input (N, height, width, 3)
  double dropout = 0;                 // before FC; not in the paper
  uint64_t seed = 1;                  // of the initial weights
};

// depth = 5 + 3 sum(units): it counts the convolutions, depthwise ones too, and FC. The stem halves the map first, and its
// stage has no units.
std::span<const StageUnits> mobilefacenet_tables();

// Trains on batches of two or more: the last BN sees one row a picture.
// Throws std::invalid_argument for a depth that is not in the table, or sizes that are not positive.
class MobileFaceNet : public Backbone {
 public:
  using Options = MobileFaceNetOptions;
  explicit MobileFaceNet(const MobileFaceNetOptions& options);
  std::vector<LayerDescription> describe() const override;
  const MobileFaceNetOptions& options() const { return options_; }

 private:
  MobileFaceNetOptions options_;
};

// The network layer by layer, from the same table, without building it.
std::vector<LayerDescription> describe(const MobileFaceNetOptions& options);

}  // namespace fr
