// The network of "Doppelganger Mining".                                            Smirnov et al. 2017, Table 1
// Convolutions 5x5 at the start, then residual units
//   out = shortcut(in) + ARFA(conv3x3(ARFA(conv3x3(in))))            nothing after the sum, no batch normalisation
// with 2x2 maxima between the stages; where the channels grow, 3x3 convolutions without padding, two of them parallel ones of
// dilation 1, 2, 3 whose maps are joined. ARFA follows every convolution: one layer of it, with one k, follows the joined
// map. FC and a maxout of pairs put out the embedding. The unit length of the table's last line is made by the losses, which
// all start with it; describe() shows it as a line without cost.
//   The table leaves open, and we read: the padding that gives its shapes (dilation - 1 in the parallel ones, 0 elsewhere,
// 1 in the units); a 1x1 convolution as the shortcut of the one unit that changes the number of channels; biases everywhere.
//   calibrate() sets every ARFA's k (nn/lsuv.h): once, before training, on a first batch.
#pragma once
#include "fr/backbone/backbone.h"

namespace fr {

struct DoppelgangerOptions {
  // 28: the paper's network, sides of 32 m + 3 from 99 on, 259 in the paper. 27 leaves out the first layer, a convolution
  // 5x5 with stride 2, for sides of 16 m from 48 on, such as 112: a deviation from the paper.
  int depth = 28;
  int64_t embedding = 512;            // D
  int64_t height = 259, width = 259;  // input (N, height, width, 3)
  double dropout = 0;                 // before FC; not in the paper
  uint64_t seed = 1;                  // of the initial weights
  int64_t narrow = 1;  // every number of channels is divided by it; above 1 a deviation from the paper
  Init filters = Init::orthogonal();  // of the convolutions, as LSUV asks for
};

// depth counts the layers with filters, parallel ones as one and shortcuts not at all, and FC.
std::span<const StageUnits> doppelganger_tables();

// Throws std::invalid_argument for a depth that is not in the table, sizes that are not positive, channels that `narrow`
// does not divide, and an input that leaves over a row or a column somewhere.
class DoppelgangerNet : public Backbone {
 public:
  using Options = DoppelgangerOptions;
  explicit DoppelgangerNet(const DoppelgangerOptions& options);
  std::vector<LayerDescription> describe() const override;
  bool wants_calibration() const override { return true; }
  void calibrate(const Var& batch) override;  // LSUV
  const DoppelgangerOptions& options() const { return options_; }

 private:
  DoppelgangerOptions options_;
};

// The network layer by layer, from the same table, without building it.
std::vector<LayerDescription> describe(const DoppelgangerOptions& options);

}  // namespace fr
