// What is trained: a network that embeds and a head that scores classes. Parameters are "network.*" and
// "head.*".
#pragma once
#include "fr/backbone/network.h"
#include "fr/loss/class_head.h"

namespace fr {

class FaceModel : public Module {
 public:
  FaceModel(const NetworkOptions& network, const LossOptions& loss, int64_t classes)
      : FaceModel(make_backbone(network), loss, classes, network.seed) {}
  FaceModel(std::unique_ptr<Backbone> network, const LossOptions& loss, int64_t classes, uint64_t seed)
      : network_(adopt_child("network", std::move(network))),
        head_(add_child<ClassHead>("head", loss, classes, network_.embedding(), seed)) {}

  // (N,H,W,3) -> (N,D) float; in between, maps are of the type that place() was given.
  Var forward(const Var& x) override { return cast(network_.forward(cast(x, maps_)), wide(maps_)); }
  Var loss(const Var& x, const Tensor& labels, const StepAt& at) {
    return head_.loss(forward(x), labels, at);
  }
  // Module::place(), and the head's products too.
  FaceModel& place(Device device, DType maps) {
    Module::place(device, maps);
    maps_ = maps;
    head_.set_products(maps);
    return *this;
  }
  DType maps() const { return maps_; }
  Backbone& network() { return network_; }
  const Backbone& network() const { return network_; }
  ClassHead& head() { return head_; }

 private:
  Backbone& network_;
  ClassHead& head_;
  DType maps_ = DType::float32;
};

}  // namespace fr
