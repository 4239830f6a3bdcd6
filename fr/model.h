// What is trained: a network that embeds and a head that scores classes. Parameters are "network.*" and
// "head.*".
#pragma once
#include "fr/backbone/network.h"
#include "fr/loss/class_head.h"

namespace fr {

class FaceModel : public Module {
 public:
  FaceModel(const NetworkOptions& network, const LossOptions& loss, int64_t classes)
      : network_(adopt_child("network", make_backbone(network))),
        head_(add_child<ClassHead>("head", loss, classes, network.embedding, network.seed)) {}

  Var forward(const Var& x) override { return network_.forward(x); }  // (N,H,W,3) -> (N,D)
  Var loss(const Var& x, const Tensor& labels, int64_t step) { return head_.loss(forward(x), labels, step); }
  Backbone& network() { return network_; }
  const Backbone& network() const { return network_; }
  ClassHead& head() { return head_; }

 private:
  Backbone& network_;
  ClassHead& head_;
};

}  // namespace fr
