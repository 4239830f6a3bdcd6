#include "fr/backbone/sphereface.h"

namespace fr {
namespace {

constexpr const char* kName = "SphereFace";
constexpr StageUnits kTables[] = {
    {4, {0, 0, 0, 0}}, {10, {0, 1, 2, 0}}, {20, {1, 2, 4, 1}}, {36, {2, 4, 8, 2}}, {64, {3, 8, 16, 3}},
};

Bias bias_of(const SphereFaceOptions& o) { return o.bias ? Bias::with : Bias::without; }

// The convolution that halves the map: xavier, its bias learns twice as fast and does not decay, as in
// Caffe's model.
Conv2dSpec stage_conv(const SphereFaceOptions& o, int64_t C, int64_t K) {
  Conv2dSpec conv = Conv2dSpec::square(C, K, 3, 2, 1);
  conv.init = Init::caffe_xavier();
  conv.bias = bias_of(o), conv.bias_lr_multiplier = 2, conv.bias_decay_multiplier = 0;
  return conv;
}

Conv2dSpec unit_conv(int64_t C) {
  Conv2dSpec conv = Conv2dSpec::square(C, C, 3, 1, 1);
  conv.init = Init::normal(0.01);
  return conv;
}

LinearSpec fc1(const SphereFaceOptions& o) {
  return {elements(last_map(o.height, o.width)), o.embedding, bias_of(o), Init::caffe_xavier(), 2, 0};
}

// out = x + PReLU(conv3x3(PReLU(conv3x3(x))))                    (N,H,W,C) -> (N,H,W,C)
class ResidualUnit : public Module {
 public:
  explicit ResidualUnit(int64_t C) {
    branch_.push_back(&add_child<Conv2d>("conv1", unit_conv(C)));
    branch_.push_back(&add_child<PReLU>("prelu1", C));
    branch_.push_back(&add_child<Conv2d>("conv2", unit_conv(C)));
    branch_.push_back(&add_child<PReLU>("prelu2", C));
  }
  Var forward(const Var& x) override { return chain(branch_, x, x); }

 private:
  std::vector<Module*> branch_;
};

void describe_unit(Describer& d, const std::string& name, int64_t C) {
  d.branch();
  for (const char* i : {"1", "2"}) d.conv(name + ".conv" + i, unit_conv(C)), d.prelu(name + ".prelu" + i);
  d.add(name);
}

}  // namespace

std::span<const StageUnits> sphereface_tables() { return kTables; }

SphereFace::SphereFace(const SphereFaceOptions& options)
    : Backbone(kName, options.embedding, options.height, options.width), options_(options) {
  const StageUnits& table = checked_units(kName, kTables, options);
  int64_t C = 3;
  for (size_t s = 0; s < table.units.size(); ++s) {
    const int64_t K = kStageChannels[s];
    Sequential& stage = append<Sequential>(stage_name(s));
    stage.add<Conv2d>("conv", stage_conv(options, C, K));
    stage.add<PReLU>("prelu", K);
    for (int u = 0; u < table.units[s]; ++u) stage.add<ResidualUnit>(unit_name(u), K);
    C = K;
  }
  append<Flatten>("flatten");
  if (options.dropout > 0) append<Dropout>("dropout", options.dropout, 0);
  append<Linear>("fc", fc1(options));
  if (options.last_relu) append<ReLU>("relu");
  initialise(options.seed);
}

std::vector<LayerDescription> SphereFace::describe() const { return fr::describe(options_); }

std::vector<LayerDescription> describe(const SphereFaceOptions& options) {
  const StageUnits& table = checked_units(kName, kTables, options);
  Describer d(options.height, options.width);
  int64_t C = 3;
  for (size_t s = 0; s < table.units.size(); ++s) {
    const int64_t K = kStageChannels[s];
    d.conv(stage_name(s) + ".conv", stage_conv(options, C, K));
    d.prelu(stage_name(s) + ".prelu");
    for (int u = 0; u < table.units[s]; ++u) describe_unit(d, stage_name(s) + "." + unit_name(u), K);
    C = K;
  }
  d.dropout("dropout", options.dropout);
  d.linear("fc", fc1(options));
  if (options.last_relu) d.relu("relu");
  return d.layers;
}

}  // namespace fr
