// What every backbone is: layers one after the other, from a picture to its embedding. And what the residual
// networks share: four stages of units, each of which halves the map.
#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "fr/backbone/describe.h"
#include "fr/balancing/residual_balancing.h"
#include "nn/module.h"

namespace fr {

class Backbone : public Module {
 public:
  Var forward(const Var& x) override;  // (N,height,width,3), pixels (p - 127.5) / 128 -> (N,embedding)
  // The same pass, the same bits, with the last map beside the embedding: what is flattened, or averaged, for the embedding's
  // FC. Throws std::invalid_argument when no layer does that.
  struct MapAndEmbedding {
    Var map, embedding;  // (N,h,w,C), (N,embedding)
  };
  MapAndEmbedding forward_with_map(const Var& x);
  Shape last_map() const;  // its (h,w,C); throws alike
  // Layer by layer, without a residual balancing module behind them; with it: describe(NetworkOptions).
  virtual std::vector<LayerDescription> describe() const = 0;
  // What a network takes from a first batch of pictures (N,height,width,3), of the type of its maps and on its device: once,
  // before training at step 0. Most take nothing.
  virtual bool wants_calibration() const { return false; }
  virtual void calibrate(const Var&) {}
  // Puts the module behind the last layer, as the child "balancing", at its first weights of this seed; once.
  void add_residual_balancing(ResidualBalancingForm form, uint64_t seed);
  ResidualBalancing* residual_balancing() { return balancing_; }  // null: there is none
  int64_t embedding() const { return embedding_; }
  int64_t height() const { return height_; }
  int64_t width() const { return width_; }

 protected:
  // `name` is for messages.
  Backbone(const char* name, int64_t embedding, int64_t height, int64_t width)
      : name_(name), embedding_(embedding), height_(height), width_(width) {}
  // The next layer of the chain.
  template <class M, class... A>
  M& append(std::string name, A&&... arguments) {
    M& layer = add_child<M>(std::move(name), std::forward<A>(arguments)...);
    layers_.push_back(&layer);
    return layer;
  }

 private:
  void check_input(const Var& x) const;
  Var balanced(const Var& embedding);
  const char* name_;
  int64_t embedding_, height_, width_;
  std::vector<Module*> layers_;
  ResidualBalancing* balancing_ = nullptr;
};

// One line of a network's table: the residual units of each stage.
struct StageUnits {
  int depth;
  std::array<int, 4> units;
};
inline constexpr std::array<int64_t, 4> kStageChannels = {64, 128, 256, 512};

inline std::string stage_name(size_t s) { return "stage" + std::to_string(s + 1); }
inline std::string unit_name(int u) { return "unit" + std::to_string(u + 1); }

// (H,W,C) of the last map: 3x3 windows with stride 2 and padding 1 have halved each side, rounded up, four times.
Shape last_map(int64_t height, int64_t width, int64_t C = kStageChannels.back());

// The line of `table` with this depth; throws std::invalid_argument when there is none.
const StageUnits& units_of(const char* network, std::span<const StageUnits> table, int depth);

// The same, after a look at what no network can have. Options: depth, embedding, height, width, dropout.
template <class Options>
const StageUnits& checked_units(const char* network, std::span<const StageUnits> table, const Options& o) {
  FR_CHECK(o.embedding > 0 && o.height > 0 && o.width > 0, network,
           ": expected positive sizes, got embedding ", o.embedding, ", input ", o.height, " x ", o.width);
  FR_CHECK(o.dropout >= 0 && o.dropout < 1, network, ": expected 0 <= dropout < 1, got ", o.dropout);
  return units_of(network, table, o.depth);
}

}  // namespace fr
