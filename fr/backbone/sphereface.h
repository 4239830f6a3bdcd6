// The SphereFace networks with 4, 10, 20, 36 and 64 convolutions.   Liu et al. 2017, "SphereFace", Table 2
// Four stages. Each opens with a 3x3 stride-2 convolution + PReLU and continues with residual units
//   out = in + PReLU(conv3x3(PReLU(conv3x3(in))))              nothing after the sum, no batch normalisation
// FC1 turns the flattened last map into the embedding, with bias and without activation. The class scores
// (FC2) belong to the loss: fr/loss/class_head.h. Initial values and multipliers are those of the authors'
// Caffe model.
//
// The ablation of their Table 6 (configs/table6) leaves out step by step what softmax networks had before. Our reading:
//   last ReLU   of the embedding, y = max(0, FC1(x)). Appendix A calls it "connected to the bottom of FC1", but with it the
//               learned features are not negative, and Figure 8 shows them in the first quadrant: it stands after FC1. It is
//               a plain ReLU: with the PReLU of the other layers the features could be negative.
//   biases      of the class scores FC2, [loss] bias: footnote 3 says that biases are those of "the fully connected layer in
//               the softmax loss", and Appendix C shows them. The authors' models have biases in FC1 and in the convolutions
//               with stride 2 even with A-Softmax. `bias = false` is the other reading: no bias in the network.
//   weights     of FC2, normalised by the loss: modified_softmax.
#pragma once
#include "fr/backbone/backbone.h"

namespace fr {

struct SphereFaceOptions {
  int depth = 20;                    // 4, 10, 20, 36 or 64
  int64_t embedding = 512;           // D
  int64_t height = 112, width = 96;  // input (N, height, width, 3)
  double dropout = 0;                // before FC1; not in the paper
  uint64_t seed = 1;                 // of the initial weights
  bool last_relu = false;            // after FC1
  bool bias = true;                  // of the convolutions with stride 2 and of FC1
};

// depth = 4 + 2 sum(units): it counts the convolutions.
std::span<const StageUnits> sphereface_tables();

// Throws std::invalid_argument for a depth that is not in the table, or sizes that are not positive.
class SphereFace : public Backbone {
 public:
  using Options = SphereFaceOptions;
  explicit SphereFace(const SphereFaceOptions& options);
  std::vector<LayerDescription> describe() const override;
  const SphereFaceOptions& options() const { return options_; }

 private:
  SphereFaceOptions options_;
};

// The network layer by layer, from the same table, without building it.
std::vector<LayerDescription> describe(const SphereFaceOptions& options);

}  // namespace fr
