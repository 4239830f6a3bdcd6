// What is trained: a network that embeds, and the terms of its loss. Parameters are "network.*", "head.*" for the class
// scores, and the name of each other term. Or an uncertainty module, "uncertainty.*", on a network that stays as it is.
#pragma once
#include "fr/backbone/network.h"
#include "fr/loss/supervision.h"
#include "fr/pfe/uncertainty.h"

namespace fr {

class FaceModel : public Module {
 public:
  FaceModel(const NetworkOptions& network, const SupervisionOptions& loss, const TrainingClasses& classes)
      : FaceModel(make_backbone(network), loss, classes, network.seed) {}
  FaceModel(std::unique_ptr<Backbone> network, const SupervisionOptions& loss, const TrainingClasses& classes,
            uint64_t seed);

  explicit FaceModel(std::unique_ptr<Backbone> network);  // to embed with: no loss, no classes
  // Probabilistic face embeddings: loss() is the likelihood of the module's variances, and the network is in inference even
  // while that is trained. options: inputs and D are the network's. Throws std::invalid_argument for a network without a last
  // map.
  FaceModel(std::unique_ptr<Backbone> network, UncertaintyOptions options, const TrainingClasses& classes);

  // (N,H,W,3) -> (N,D) float; in between, maps are of the type that place() was given.
  Var forward(const Var& x) override { return cast(network_.forward(cast(x, maps_)), wide(maps_)); }
  void ahead(int64_t step);  // LossTerm::ahead() of every term
  // (N,H,W,3) -> (N,2D): embeddings as forward() has them, and their log variances (fr/pfe/distribution.h). For inference.
  // Throws std::invalid_argument without an uncertainty module.
  Var distributions(const Var& x);
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
  ClassHead* head() { return supervision_.head; }      // null: no term scores classes
  Uncertainty* uncertainty() { return uncertainty_; }  // null: embeddings are points
  int64_t classes() const { return classes_; }         // of the data: labels are below

 private:
  Backbone::MapAndEmbedding map_and_embedding(const Var& x);  // wide
  Var likelihood(const Var& x, const Tensor& labels);
  Backbone& network_;
  Supervision supervision_;
  Uncertainty* uncertainty_ = nullptr;
  int64_t classes_;
  std::vector<std::string> figure_names_;
  std::vector<Tensor> term_losses_, figures_;
  DType maps_ = DType::float32;
};

}  // namespace fr
