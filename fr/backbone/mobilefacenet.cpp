#include "fr/backbone/mobilefacenet.h"

#include "fr/backbone/embedding_head.h"

namespace fr {
namespace {

constexpr const char* kName = "MobileFaceNet";
constexpr StageUnits kTables[] = {{50, {0, 5, 7, 3}}};

// Table 1: a unit widens what it is given t-fold in between. What the paper writes as two lines of a stage is one here.
struct Stage {
  int64_t first_t, t, C;  // of the unit that halves the map, of the others; channels put out
};
constexpr int64_t kStemC = 64, kLastC = 512;
constexpr std::array<Stage, 4> kStages = {{{0, 0, kStemC}, {2, 2, 64}, {4, 2, 128}, {4, 2, 128}}};

Conv2dSpec pointwise(int64_t C, int64_t K) { return Conv2dSpec::square(C, K, 1); }
Conv2dSpec depthwise(int64_t C, int64_t stride) {
  Conv2dSpec spec = Conv2dSpec::square(C, C, 3, stride, 1);
  spec.window.groups = C;
  return spec;
}
// (H,W,C) -> (1,1,C)
Conv2dSpec global_depthwise(const Shape& map) {
  Conv2dSpec spec{map[2], map[2], map[0], map[1]};
  spec.window.groups = map[2];
  return spec;
}

// Convolutions, each with its BN, and a PReLU after each but the last of a linear block.
struct BlockSpec {
  enum class End { prelu, linear } end = End::prelu;
  enum class Sum { none, input } sum = Sum::none;  // what the block's output is added to
  std::string name;
  std::vector<Conv2dSpec> convolutions;

  bool active(size_t i) const { return end == End::prelu || i + 1 < convolutions.size(); }
};

BlockSpec bottleneck(std::string name, int64_t C, int64_t t, int64_t K, int64_t stride) {
  return {BlockSpec::End::linear,
          stride == 1 ? BlockSpec::Sum::input : BlockSpec::Sum::none,
          std::move(name),
          {pointwise(C, t * C), depthwise(t * C, stride), pointwise(t * C, K)}};
}

std::vector<BlockSpec> blocks_of(const StageUnits& table) {
  std::vector<BlockSpec> blocks = {
      {.name = "stem", .convolutions = {Conv2dSpec::square(3, kStemC, 3, 2, 1), depthwise(kStemC, 1)}}};
  int64_t C = kStemC;
  for (size_t s = 0; s < table.units.size(); ++s)
    for (int u = 0; u < table.units[s]; ++u, C = kStages[s].C)
      blocks.push_back(bottleneck(stage_name(s) + "." + unit_name(u), C,
                                  u == 0 ? kStages[s].first_t : kStages[s].t, kStages[s].C, u == 0 ? 2 : 1));
  blocks.push_back({.name = "last", .convolutions = {pointwise(C, kLastC)}});
  return blocks;
}

std::string numbered(const char* layer, size_t i) { return cat(layer, i + 1); }

class Block : public Module {
 public:
  explicit Block(const BlockSpec& spec) : sum_(spec.sum) {
    for (size_t i = 0; i < spec.convolutions.size(); ++i) {
      const Conv2dSpec& conv = spec.convolutions[i];
      branch_.push_back(&add_child<Conv2d>(numbered("conv", i), conv));
      branch_.push_back(&add_child<BatchNorm>(numbered("bn", i), conv.K));
      if (spec.active(i)) branch_.push_back(&add_child<PReLU>(numbered("prelu", i), conv.K));
    }
  }
  Var forward(const Var& x) override { return chain(branch_, x, sum_ == BlockSpec::Sum::input ? x : Var()); }

 private:
  BlockSpec::Sum sum_;
  std::vector<Module*> branch_;
};

void describe_block(Describer& d, const BlockSpec& block) {
  const std::string name = block.name + ".";
  if (block.sum == BlockSpec::Sum::input) d.branch();
  for (size_t i = 0; i < block.convolutions.size(); ++i) {
    d.conv(name + numbered("conv", i), block.convolutions[i]);
    d.batch_norm(name + numbered("bn", i));
    if (block.active(i)) d.prelu(name + numbered("prelu", i));
  }
  if (block.sum == BlockSpec::Sum::input) d.add(block.name);
}

Shape map_of(const MobileFaceNetOptions& o) { return last_map(o.height, o.width, kLastC); }
EmbeddingHead head_of(const MobileFaceNetOptions& o) { return {{1, 1, kLastC}, o.embedding, o.dropout}; }

}  // namespace

std::span<const StageUnits> mobilefacenet_tables() { return kTables; }

MobileFaceNet::MobileFaceNet(const MobileFaceNetOptions& options)
    : Backbone(kName, options.embedding, options.height, options.width), options_(options) {
  for (const BlockSpec& block : blocks_of(checked_units(kName, kTables, options)))
    append<Block>(block.name, block);
  Sequential& output = append<Sequential>("output");
  output.add<Conv2d>("conv", global_depthwise(map_of(options)));
  head_of(options).append_to(output);
  initialise(options.seed);
}

std::vector<LayerDescription> MobileFaceNet::describe() const { return fr::describe(options_); }

std::vector<LayerDescription> describe(const MobileFaceNetOptions& options) {
  const std::vector<BlockSpec> blocks = blocks_of(checked_units(kName, kTables, options));
  Describer d(options.height, options.width);
  for (const BlockSpec& block : blocks) describe_block(d, block);
  d.conv("output.conv", global_depthwise(map_of(options)));
  head_of(options).describe(d);
  return d.layers;
}

}  // namespace fr
