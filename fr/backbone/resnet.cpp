#include "fr/backbone/resnet.h"

#include <cmath>

#include "fr/backbone/embedding_head.h"

namespace fr {
namespace {

constexpr const char* kName = "ResNet";
constexpr StageUnits kTables[] = {{18, {2, 2, 2, 2}}, {50, {3, 4, 6, 3}}};
constexpr Pool2dOptions kStemPool = {3, 3, 2, 2, 1, 1};

// No bias: a BN follows, here or in the next unit.
Conv2dSpec conv(int64_t C, int64_t K, int64_t size, int64_t stride) {
  return Conv2dSpec::square(C, K, size, stride, size / 2);  // Init::msra()
}

// C channels in, K out, the sides of the map divided by `stride`.
struct Unit {
  ResNetForm form;
  bool bottleneck;
  int64_t C, K, stride;
  bool projects() const { return C != K || stride > 1; }
};

// The convolutions of a unit's branch, one after the other.
std::vector<Conv2dSpec> branch_of(const Unit& u) {
  if (!u.bottleneck) return {conv(u.C, u.K, 3, u.stride), conv(u.K, u.K, 3, 1)};
  const int64_t narrow = u.K / 4, early = u.form == ResNetForm::literal ? u.stride : 1;
  return {conv(u.C, narrow, 1, early), conv(narrow, narrow, 3, u.stride / early), conv(narrow, u.K, 1, 1)};
}
Conv2dSpec shortcut_of(const Unit& u) { return conv(u.C, u.K, 1, u.stride); }

// f(stage, unit, Unit) for every unit in order; returns the channels of the last map.
template <class F>
int64_t for_each_unit(const ResNetOptions& o, const F& f) {
  const StageUnits& table = checked_units(kName, kTables, o);
  const bool bottleneck = o.depth >= 50;
  int64_t C = kStageChannels[0];
  for (size_t s = 0; s < table.units.size(); ++s)
    for (int u = 0; u < table.units[s]; ++u) {
      const int64_t K = kStageChannels[s] * (bottleneck ? 4 : 1);
      const bool halves = u == 0 && (s > 0 || o.form == ResNetForm::preactivation);
      f(s, u, Unit{o.form, bottleneck, C, K, halves ? 2 : 1});
      C = K;
    }
  return C;
}

std::string numbered(const char* layer, size_t i) { return layer + std::to_string(i + 1); }

// (N,H,W,C) -> (N,H/stride,W/stride,K)
class PreActivationUnit : public Module {
 public:
  explicit PreActivationUnit(const Unit& u) {
    const std::vector<Conv2dSpec> convolutions = branch_of(u);
    for (size_t i = 0; i < convolutions.size(); ++i) {
      std::vector<Module*>& before = i == 0 ? activation_ : branch_;
      before.push_back(&add_child<BatchNorm>(numbered("bn", i), convolutions[i].C));
      before.push_back(&add_child<ReLU>(numbered("relu", i)));
      branch_.push_back(&add_child<Conv2d>(numbered("conv", i), convolutions[i]));
    }
    if (u.projects()) shortcut_ = &add_child<Conv2d>("shortcut", shortcut_of(u));
  }
  Var forward(const Var& x) override {
    const Var active = chain(activation_, x);
    return chain(branch_, active, shortcut_ ? shortcut_->forward(active) : x);
  }

 private:
  std::vector<Module*> activation_, branch_;
  Conv2d* shortcut_ = nullptr;  // none: the identity
};

// (N,H,W,C) -> (N,H/stride,W/stride,K)
class LiteralUnit : public Module {
 public:
  explicit LiteralUnit(const Unit& u) {
    const std::vector<Conv2dSpec> convolutions = branch_of(u);
    for (size_t i = 0; i < convolutions.size(); ++i) {
      if (i > 0) branch_.push_back(&add_child<ReLU>(numbered("relu", i - 1)));
      branch_.push_back(&add_child<Conv2d>(numbered("conv", i), convolutions[i]));
      branch_.push_back(&add_child<BatchNorm>(numbered("bn", i), convolutions[i].K));
    }
    if (!u.projects()) return;
    shortcut_ = &add_child<Sequential>("shortcut");
    shortcut_->add<Conv2d>("conv", shortcut_of(u));
    shortcut_->add<BatchNorm>("bn", u.K);
  }
  Var forward(const Var& x) override {
    return relu_.forward(chain(branch_, x, shortcut_ ? shortcut_->forward(x) : x));
  }

 private:
  std::vector<Module*> branch_;
  Sequential* shortcut_ = nullptr;  // none: the identity
  ReLU& relu_ = add_child<ReLU>("relu");
};

void describe_preactivation(Describer& d, const std::string& name, const Unit& u) {
  const std::vector<Conv2dSpec> convolutions = branch_of(u);
  Shape active;
  for (size_t i = 0; i < convolutions.size(); ++i) {
    d.batch_norm(name + "." + numbered("bn", i));
    d.relu(name + "." + numbered("relu", i));
    if (i == 0) active = d.output;
    d.conv(name + "." + numbered("conv", i), convolutions[i]);
  }
  if (u.projects()) d.output = active, d.conv(name + ".shortcut", shortcut_of(u));
  d.add(name);
}

void describe_literal(Describer& d, const std::string& name, const Unit& u) {
  const std::vector<Conv2dSpec> convolutions = branch_of(u);
  const Shape input = d.output;
  for (size_t i = 0; i < convolutions.size(); ++i) {
    if (i > 0) d.relu(name + "." + numbered("relu", i - 1));
    d.conv(name + "." + numbered("conv", i), convolutions[i]);
    d.batch_norm(name + "." + numbered("bn", i));
  }
  if (u.projects()) {
    d.output = input;
    d.conv(name + ".shortcut.conv", shortcut_of(u));
    d.batch_norm(name + ".shortcut.bn");
  }
  d.add(name);
  d.relu(name + ".relu");
}

bool is_literal(const ResNetOptions& o) { return o.form == ResNetForm::literal; }

Conv2dSpec stem_of(const ResNetOptions& o) {
  return is_literal(o) ? conv(3, kStageChannels[0], 7, 2) : conv(3, kStageChannels[0], 3, 1);
}

// After the mean of each channel.
LinearSpec literal_fc(const ResNetOptions& o, int64_t C) {
  return {C, o.embedding, Bias::with, Init::uniform(1 / std::sqrt(double(C)))};
}

}  // namespace

std::span<const StageUnits> resnet_tables() { return kTables; }

ResNet::ResNet(const ResNetOptions& options)
    : Backbone(kName, options.embedding, options.height, options.width), options_(options) {
  Sequential* part = &append<Sequential>("stem");
  part->add<Conv2d>("conv", stem_of(options));
  if (is_literal(options)) {
    part->add<BatchNorm>("bn", kStageChannels[0]);
    part->add<ReLU>("relu");
    part->add<MaxPool2d>("pool", kStemPool);
  }
  const int64_t C = for_each_unit(options, [&](size_t s, int u, const Unit& unit) {
    if (u == 0) part = &append<Sequential>(stage_name(s));
    if (is_literal(options))
      part->add<LiteralUnit>(unit_name(u), unit);
    else
      part->add<PreActivationUnit>(unit_name(u), unit);
  });
  part = &append<Sequential>("output");
  if (is_literal(options)) {
    part->add<GlobalAveragePool>("mean");
    if (options.dropout > 0) part->add<Dropout>("dropout", options.dropout, 0);
    part->add<Linear>("fc", literal_fc(options, C));
  } else {
    EmbeddingHead{last_map(options.height, options.width, C), options.embedding, options.dropout}.append_to(
        *part);
  }
  initialise(options.seed);
}

std::vector<LayerDescription> ResNet::describe() const { return fr::describe(options_); }

std::vector<LayerDescription> describe(const ResNetOptions& options) {
  Describer d(options.height, options.width);
  d.conv("stem.conv", stem_of(options));
  if (is_literal(options)) d.batch_norm("stem.bn"), d.relu("stem.relu"), d.max_pool("stem.pool", kStemPool);
  const int64_t C = for_each_unit(options, [&](size_t s, int u, const Unit& unit) {
    const std::string name = stage_name(s) + "." + unit_name(u);
    is_literal(options) ? describe_literal(d, name, unit) : describe_preactivation(d, name, unit);
  });
  if (is_literal(options)) {
    d.global_average("output.mean");
    d.dropout("output.dropout", options.dropout);
    d.linear("output.fc", literal_fc(options, C));
  } else {
    EmbeddingHead{d.output, options.embedding, options.dropout}.describe(d);
  }
  return d.layers;
}

}  // namespace fr
