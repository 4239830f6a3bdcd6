// The end of the residual networks: BN - flatten - dropout - FC - BN.   Deng et al. 2019, "ArcFace", Section 3.2.2, option E
// FC begins as PyTorch's linear layer does. Its bias does nothing, since BN takes it away again; it is there because the
// published models have it. The last gamma stays 1, so that all numbers of the embedding weigh alike.
#pragma once
#include "fr/backbone/describe.h"

namespace fr {

struct EmbeddingHead {
  Shape map;       // (H,W,C), what the last stage puts out of one picture
  int64_t D;       // size of the embedding
  double dropout;  // before FC; 0: none

  void append_to(Sequential& output) const;  // layers bn1, flatten, dropout, fc, bn2
  void describe(Describer& d) const;         // the same under "output."
};

}  // namespace fr
