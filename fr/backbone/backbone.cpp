#include "fr/backbone/backbone.h"

#include <algorithm>

namespace fr {
namespace {

bool ends_maps(const Module* layer) {
  return dynamic_cast<const Flatten*>(layer) || dynamic_cast<const GlobalAveragePool*>(layer);
}

}  // namespace

void Backbone::check_input(const Var& x) const {
  const Shape expected = {x ? x.dim(0) : 0, height_, width_, 3};
  FR_CHECK(x && x.shape() == expected, name_, ": expected (N,", height_, ",", width_, ",3), got ",
           x ? to_string(x.shape()) : "nothing");
}

Var Backbone::balanced(const Var& embedding) {
  return balancing_ ? balancing_->forward(embedding) : embedding;
}

Var Backbone::forward(const Var& x) {
  check_input(x);
  return balanced(chain(layers_, x));
}

void Backbone::add_residual_balancing(ResidualBalancingForm form, uint64_t seed) {
  balancing_ = &add_child<ResidualBalancing>("balancing", form, embedding_);
  balancing_->initialise(seed);
}

// Cut where maps end, in a Sequential too. No pass of chain() reaches across, so the two parts do what the whole does.
Backbone::MapAndEmbedding Backbone::forward_with_map(const Var& x) {
  check_input(x);
  std::vector<Module*> before, after;
  for (Module* layer : layers_) {
    const auto* block = dynamic_cast<const Sequential*>(layer);
    const bool cut = block && std::any_of(block->steps().begin(), block->steps().end(), ends_maps);
    for (Module* step : cut ? block->steps() : std::vector<Module*>{layer})
      (after.empty() && !ends_maps(step) ? before : after).push_back(step);
  }
  FR_CHECK(!after.empty(), name_, ": has no last map: no layer flattens or averages one");
  const Var map = chain(before, x);
  return {map, balanced(chain(after, map))};
}

// In the table the embedding's layer is the first linear one; flattening has no line, averaging and dropout have.
Shape Backbone::last_map() const {
  const std::vector<LayerDescription> lines = describe();
  auto line = std::find_if(lines.begin(), lines.end(), [](const auto& l) { return l.kind == "linear"; });
  const bool linear = line != lines.end();
  while (linear && line != lines.begin() && (--line)->output.size() != 3) {
  }
  FR_CHECK(linear && line->output.size() == 3, name_, ": has no last map: no layer flattens or averages one");
  return line->output;
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
