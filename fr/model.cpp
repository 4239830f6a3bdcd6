#include "fr/model.h"

namespace fr {

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

Var FaceModel::loss(const Var& x, const Tensor& labels, const StepAt& at) {
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
