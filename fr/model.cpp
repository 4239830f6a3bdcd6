#include "fr/model.h"

#include "fr/pfe/likelihood.h"

namespace fr {
namespace {

constexpr double kLeastSquare = 1e-24;  // of an embedding that has a direction

}  // namespace

FaceModel::FaceModel(std::unique_ptr<Backbone> network, const SupervisionOptions& loss,
                     const TrainingClasses& classes, uint64_t seed)
    : network_(adopt_child("network", std::move(network))),
      supervision_(make_supervision(
          loss, classes, network_.embedding(), seed,
          [&](std::string name, std::unique_ptr<LossTerm> term) -> LossTerm& {
            return adopt_child(std::move(name), std::move(term));
          },
          network_.residual_balancing())),
      classes_(classes.count) {
  for (const Supervision::Term& t : terms())
    for (const std::string& figure : t.term->figure_names()) figure_names_.push_back(t.name + "." + figure);
}

FaceModel::FaceModel(std::unique_ptr<Backbone> network)
    : network_(adopt_child("network", std::move(network))), classes_(0) {}

void FaceModel::ahead(int64_t step) {
  for (const Supervision::Term& t : terms()) t.term->ahead(step);
}

FaceModel::FaceModel(std::unique_ptr<Backbone> network, UncertaintyOptions options,
                     const TrainingClasses& classes)
    : network_(adopt_child("network", std::move(network))), classes_(classes.count) {
  options.inputs = elements(network_.last_map()), options.D = network_.embedding();
  uncertainty_ = &add_child<Uncertainty>("uncertainty", options);
  figure_names_ = {"uncertainty.variance"};
}

Backbone::MapAndEmbedding FaceModel::map_and_embedding(const Var& x) {
  FR_CHECK(uncertainty_, "model: its embeddings are points, it has no uncertainty module");
  const auto [map, embedding] = network_.forward_with_map(cast(x, maps_));
  return {cast(map, wide(maps_)), cast(embedding, wide(maps_))};
}

// log(|e|^2 sigma^2) beside e. What has no length has variances beside it that are nearly none.
Var FaceModel::distributions(const Var& x) {
  const auto [map, embedding] = map_and_embedding(x);
  const Var log_variance = uncertainty_->forward(map);
  const Var squares = reduce(unary(embedding, Unary::square), Reduce::sum, 1);
  const Var scale = unary(affine(squares, 1, kLeastSquare), Unary::log);
  return concat_columns(embedding, add(log_variance, reshape(scale, {x.dim(0), 1})));
}

// Also sets the figure, the mean variance of the batch.
Var FaceModel::likelihood(const Var& x, const Tensor& labels) {
  network_.train(false);
  Var map, mean;
  {
    const NoGrad frozen;
    const auto found = map_and_embedding(x);
    map = found.map, mean = l2_normalize(found.embedding);
  }
  const Var log_variance = uncertainty_->forward(map);
  figures_ = {fr::mean(unary(Var(log_variance.value()), Unary::exp)).value()};
  return likelihood_loss(mean, log_variance, labels);
}

Var FaceModel::loss(const Var& x, const Tensor& labels, const StepAt& at) {
  if (uncertainty_) return likelihood(x, labels);
  FR_CHECK(!terms().empty(), "model: this one was made to embed with, it has no loss");
  const Var embedding = forward(x);
  term_losses_.clear(), figures_.clear();
  for (const Supervision::Term& t : terms()) t.term->before(labels, at);
  Var total;
  for (const Supervision::Term& t : terms()) {
    const Var loss = t.term->loss(embedding, labels, at);
    term_losses_.push_back(loss.value());
    const Var weighted = t.weight == 1 ? loss : affine(loss, t.weight, 0);
    total = total ? add(total, weighted) : weighted;
    for (const Tensor& figure : t.term->figures()) figures_.push_back(figure);
  }
  return total;
}

void FaceModel::forget() {
  term_losses_.clear(), figures_.clear();
  for (const Supervision::Term& t : terms()) t.term->forget();
}

FaceModel& FaceModel::place(Device device, DType maps) {
  Module::place(device, maps);
  maps_ = maps;
  if (head()) head()->set_products(maps);
  return *this;
}

}  // namespace fr
