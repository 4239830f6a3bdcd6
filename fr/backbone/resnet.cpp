#include "fr/backbone/resnet.h"

#include <cmath>

#include "fr/backbone/embedding_head.h"

namespace fr {
namespace {

constexpr const char* kName = "ResNet";
constexpr StageUnits kTables[] = {{18, {2, 2, 2, 2}}, {50, {3, 4, 6, 3}}};
constexpr Pool2dOptions kStemPool = {3, 3, 2, 2, 1, 1};

bool is_literal(const ResNetOptions& o) { return o.form == ResNetForm::literal; }

// f(stage, number, unit) for every unit in order; returns the channels of the last map.
template <class F>
int64_t for_each_unit(const ResNetOptions& o, const F& f) {
  const StageUnits& table = checked_units(kName, kTables, o);
  ResNetUnit unit{o.form, o.depth < 50 ? ResNetUnit::Branch::basic : ResNetUnit::Branch::bottleneck};
  unit.C = kStageChannels[0];
  for (size_t s = 0; s < table.units.size(); ++s)
    for (int u = 0; u < table.units[s]; ++u) {
      unit.K = kStageChannels[s] * (unit.branch == ResNetUnit::Branch::basic ? 1 : 4);
      unit.stride = u == 0 && (s > 0 || !is_literal(o)) ? 2 : 1;
      f(s, u, unit);
      unit.C = unit.K;
    }
  return unit.C;
}

Conv2dSpec stem_conv(const ResNetOptions& o) {
  return is_literal(o) ? resnet_conv(3, kStageChannels[0], 7, 2) : resnet_conv(3, kStageChannels[0], 3, 1);
}

void append_stem(Sequential& stem, const ResNetOptions& o) {
  stem.add<Conv2d>("conv", stem_conv(o));
  if (!is_literal(o)) return;
  stem.add<BatchNorm>("bn", kStageChannels[0]);
  stem.add<ReLU>("relu");
  stem.add<MaxPool2d>("pool", kStemPool);
}
void describe_stem(Describer& d, const ResNetOptions& o) {
  d.conv("stem.conv", stem_conv(o));
  if (is_literal(o)) d.batch_norm("stem.bn"), d.relu("stem.relu"), d.max_pool("stem.pool", kStemPool);
}

EmbeddingHead head_of(const ResNetOptions& o, int64_t C) {
  return {last_map(o.height, o.width, C), o.embedding, o.dropout};
}
LinearSpec literal_fc(const ResNetOptions& o, int64_t C) {
  return {C, o.embedding, Bias::with, Init::uniform(1 / std::sqrt(double(C)))};
}

void append_output(Sequential& output, const ResNetOptions& o, int64_t C) {
  if (!is_literal(o)) return head_of(o, C).append_to(output);
  output.add<GlobalAveragePool>("mean");
  if (o.dropout > 0) output.add<Dropout>("dropout", o.dropout, 0);
  output.add<Linear>("fc", literal_fc(o, C));
}
void describe_output(Describer& d, const ResNetOptions& o, int64_t C) {
  if (!is_literal(o)) return head_of(o, C).describe(d);
  d.global_average("output.mean");
  d.dropout("output.dropout", o.dropout);
  d.linear("output.fc", literal_fc(o, C));
}

}  // namespace

std::span<const StageUnits> resnet_tables() { return kTables; }

ResNet::ResNet(const ResNetOptions& options)
    : Backbone(kName, options.embedding, options.height, options.width), options_(options) {
  checked_units(kName, kTables, options);
  append_stem(append<Sequential>("stem"), options);
  Sequential* stage = nullptr;
  const int64_t C = for_each_unit(options, [&](size_t s, int u, const ResNetUnit& unit) {
    if (u == 0) stage = &append<Sequential>(stage_name(s));
    if (is_literal(options))
      stage->add<LiteralUnit>(unit_name(u), unit);
    else
      stage->add<PreActivationUnit>(unit_name(u), unit);
  });
  append_output(append<Sequential>("output"), options, C);
  initialise(options.seed);
}

std::vector<LayerDescription> ResNet::describe() const { return fr::describe(options_); }

std::vector<LayerDescription> describe(const ResNetOptions& options) {
  checked_units(kName, kTables, options);
  Describer d(options.height, options.width);
  describe_stem(d, options);
  const int64_t C = for_each_unit(options, [&](size_t s, int u, const ResNetUnit& unit) {
    describe(d, stage_name(s) + "." + unit_name(u), unit);
  });
  describe_output(d, options, C);
  return d.layers;
}

}  // namespace fr
