// The IResNet networks with 18, 34, 50 and 100 layers.
// Deng et al. 2019, "ArcFace": the improved residual unit and the BN-Dropout-FC-BN output. Table and initial
// values are those of the authors' PyTorch code.
// A stem conv3x3 - BN - PReLU at the input's size, then four stages of units
//   out = shortcut(in) + BN(conv3x3(PReLU(BN(conv3x3(BN(in))))))                     nothing after the sum
// The first unit of a stage halves the map in its second convolution, and its shortcut is conv1x1 stride 2 +
// BN; the others add `in` itself. The output is fr/backbone/embedding_head.h.
#pragma once
#include "fr/backbone/backbone.h"

namespace fr {

struct IResNetOptions {
  int depth = 50;                     // 18, 34, 50 or 100
  int64_t embedding = 512;            // D
  int64_t height = 112, width = 112;  // input (N, height, width, 3)
  double dropout = 0;                 // before FC; 0.4 in the paper's MXNet model, 0 in the PyTorch code
  uint64_t seed = 1;                  // of the initial weights
};

// depth = 2 + 2 sum(units): it counts the 3x3 convolutions and FC.
std::span<const StageUnits> iresnet_tables();

// Trains on batches of two or more: the last BN sees one row a picture.
// Throws std::invalid_argument for a depth that is not in the table, or sizes that are not positive.
class IResNet : public Backbone {
 public:
  using Options = IResNetOptions;
  explicit IResNet(const IResNetOptions& options);
  std::vector<LayerDescription> describe() const override;
  const IResNetOptions& options() const { return options_; }

 private:
  IResNetOptions options_;
};

// The network layer by layer, from the same table, without building it.
std::vector<LayerDescription> describe(const IResNetOptions& options);

}  // namespace fr
