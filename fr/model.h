// What is trained: a network that embeds, and the terms of its loss. Parameters are "network.*", "head.*" for the class
// scores, and the name of each other term.
#pragma once
#include "fr/backbone/network.h"
#include "fr/loss/supervision.h"

namespace fr {

class FaceModel : public Module {
 public:
  FaceModel(const NetworkOptions& network, const SupervisionOptions& loss, const TrainingClasses& classes)
      : FaceModel(make_backbone(network), loss, classes, network.seed) {}
  FaceModel(std::unique_ptr<Backbone> network, const SupervisionOptions& loss, const TrainingClasses& classes,
            uint64_t seed);

  explicit FaceModel(std::unique_ptr<Backbone> network);  // to embed with: no loss, no classes

  // (N,H,W,3) -> (N,D) float; in between, maps are of the type that place() was given.
  Var forward(const Var& x) override { return cast(network_.forward(cast(x, maps_)), wide(maps_)); }
  void ahead(int64_t step);  // LossTerm::ahead() of every term
  // The weighted sum of the terms, and, of this call, each term before its weight: () tensors in the order of terms().
  Var loss(const Var& x, const Tensor& labels, const StepAt& at);
  const std::vector<Tensor>& term_losses() const { return term_losses_; }
  // Of that call, what the terms show beside their losses: "term.figure", and a () tensor each.
  const std::vector<std::string>& figure_names() const { return figure_names_; }
  const std::vector<Tensor>& figures() const { return figures_; }
  void forget();  // what the last loss() left here

  // Module::place(), and the class head's products too.
  FaceModel& place(Device device, DType maps);
  DType maps() const { return maps_; }
  Backbone& network() { return network_; }
  const Backbone& network() const { return network_; }
  const std::vector<Supervision::Term>& terms() const { return supervision_.terms; }
  ClassHead* head() { return supervision_.head; }  // null: no term scores classes
  int64_t classes() const { return classes_; }     // of the data: labels are below

 private:
  Backbone& network_;
  Supervision supervision_;
  int64_t classes_;
  std::vector<std::string> figure_names_;
  std::vector<Tensor> term_losses_, figures_;
  DType maps_ = DType::float32;
};

}  // namespace fr
