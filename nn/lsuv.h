// Layer-sequential unit variance, as far as it sets ARFA's k. Mishkin and Matas 2016, "All you need is a good init", Alg. 1
// F is linear in k, so k = 1 / std(F with k = 1) gives the layer's output variance 1 at once, without the paper's
// iterations. The standard deviation is over the whole output of a batch, about its mean; layers are set in the order of
// the forward pass, so that each one measures what the layers before it put out with their new k. Weights are not scaled.
#pragma once
#include <cstdint>

#include "nn/module.h"

namespace fr {

// One forward pass of the batch through the module, on its device and in its mode, without a graph. Returns how many layers
// were set. Reads numbers back: not for a step that is recorded. Throws std::invalid_argument when a layer's output has no
// variance, or none that is finite.
int64_t initialise_from_data(Module& module, const Var& batch);

// For layers: the pass that is under way on this thread, or null.
class LsuvPass {
 public:
  LsuvPass();
  ~LsuvPass();
  LsuvPass(const LsuvPass&) = delete;
  LsuvPass& operator=(const LsuvPass&) = delete;
  static LsuvPass* current();

  void set(const Tensor& k, const Tensor& y);  // k (1) from the output y with k = 1
  int64_t layers() const { return layers_; }

 private:
  LsuvPass* before_;
  int64_t layers_ = 0;
};

}  // namespace fr
