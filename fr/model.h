// What is trained: a network that embeds and a head that scores classes. Parameters are "network.*" and
// "head.*".
#pragma once
#include "fr/backbone/sphereface.h"
#include "fr/loss/class_head.h"

namespace fr {

class FaceModel : public Module {
 public:
  FaceModel(const SphereFaceOptions& network, const LossOptions& loss, int64_t classes)
      : network_(add_child<SphereFace>("network", network)),
        head_(add_child<ClassHead>("head", loss, classes, network.embedding, network.seed)) {}

  Var forward(const Var& x) override { return network_.forward(x); }  // (N,H,W,3) -> (N,D)
  Var loss(const Var& x, const Tensor& labels, int64_t step) { return head_.loss(forward(x), labels, step); }
  SphereFace& network() { return network_; }
  const SphereFace& network() const { return network_; }
  ClassHead& head() { return head_; }

 private:
  SphereFace& network_;
  ClassHead& head_;
};

}  // namespace fr
