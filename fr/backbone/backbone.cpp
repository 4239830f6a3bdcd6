#include "fr/backbone/backbone.h"

namespace fr {

Var Backbone::forward(const Var& x) {
  const Shape expected = {x ? x.dim(0) : 0, height_, width_, 3};
  FR_CHECK(x && x.shape() == expected, name_, ": expected (N,", height_, ",", width_, ",3), got ",
           x ? to_string(x.shape()) : "nothing");
  const Var embedding = chain(layers_, x);
  return balancing_ ? balancing_->forward(embedding) : embedding;
}

void Backbone::add_residual_balancing(ResidualBalancingForm form, uint64_t seed) {
  balancing_ = &add_child<ResidualBalancing>("balancing", form, embedding_);
  balancing_->initialise(seed);
}

Shape last_map(int64_t height, int64_t width, int64_t C) {
  for (size_t s = 0; s < kStageChannels.size(); ++s) height = (height + 1) / 2, width = (width + 1) / 2;
  return {height, width, C};
}

const StageUnits& units_of(const char* network, std::span<const StageUnits> table, int depth) {
  std::string known;
  for (const StageUnits& line : table) {
    if (line.depth == depth) return line;
    known += (known.empty() ? "" : ", ") + std::to_string(line.depth);
  }
  throw std::invalid_argument(cat(network, ": expected a depth of ", known, ", got ", depth));
}

}  // namespace fr
