#include "fr/backbone/iresnet.h"

#include "fr/backbone/embedding_head.h"

namespace fr {
namespace {

constexpr const char* kName = "IResNet";
constexpr StageUnits kTables[] = {
    {18, {2, 2, 2, 2}}, {34, {3, 4, 6, 3}}, {50, {3, 4, 14, 3}}, {100, {3, 13, 30, 3}}};

// No bias: a BN follows.
Conv2dSpec conv(int64_t C, int64_t K, int64_t size, int64_t stride) {
  Conv2dSpec spec = Conv2dSpec::square(C, K, size, stride, size / 2);
  spec.init = Init::normal(0.1);
  return spec;
}

// out = shortcut(x) + BN(conv3x3(PReLU(BN(conv3x3(BN(x))))))     (N,H,W,C) -> (N,H/stride,W/stride,K)
class ImprovedUnit : public Module {
 public:
  ImprovedUnit(int64_t C, int64_t K, int64_t stride) {
    branch_.push_back(&add_child<BatchNorm>("bn1", C));
    branch_.push_back(&add_child<Conv2d>("conv1", conv(C, K, 3, 1)));
    branch_.push_back(&add_child<BatchNorm>("bn2", K));
    branch_.push_back(&add_child<PReLU>("prelu", K));
    branch_.push_back(&add_child<Conv2d>("conv2", conv(K, K, 3, stride)));
    branch_.push_back(&add_child<BatchNorm>("bn3", K));
    if (stride == 1) return;
    shortcut_ = &add_child<Sequential>("shortcut");
    shortcut_->add<Conv2d>("conv", conv(C, K, 1, stride));
    shortcut_->add<BatchNorm>("bn", K);
  }
  Var forward(const Var& x) override { return chain(branch_, x, shortcut_ ? shortcut_->forward(x) : x); }

 private:
  std::vector<Module*> branch_;
  Sequential* shortcut_ = nullptr;  // none: the identity
};

void describe_unit(Describer& d, const std::string& name, int64_t C, int64_t K, int64_t stride) {
  d.branch();
  d.batch_norm(name + ".bn1");
  d.conv(name + ".conv1", conv(C, K, 3, 1));
  d.batch_norm(name + ".bn2");
  d.prelu(name + ".prelu");
  d.conv(name + ".conv2", conv(K, K, 3, stride));
  d.batch_norm(name + ".bn3");
  if (stride > 1) {
    d.second_branch();
    d.conv(name + ".shortcut.conv", conv(C, K, 1, stride));
    d.batch_norm(name + ".shortcut.bn");
  }
  d.add(name);
}

EmbeddingHead head_of(const IResNetOptions& o) {
  return {last_map(o.height, o.width), o.embedding, o.dropout};
}

int64_t stride_of(int unit) { return unit == 0 ? 2 : 1; }

}  // namespace

std::span<const StageUnits> iresnet_tables() { return kTables; }

IResNet::IResNet(const IResNetOptions& options)
    : Backbone(kName, options.embedding, options.height, options.width), options_(options) {
  const StageUnits& table = checked_units(kName, kTables, options);
  int64_t C = kStageChannels[0];
  Sequential& stem = append<Sequential>("stem");
  stem.add<Conv2d>("conv", conv(3, C, 3, 1));
  stem.add<BatchNorm>("bn", C);
  stem.add<PReLU>("prelu", C);
  for (size_t s = 0; s < table.units.size(); ++s) {
    Sequential& stage = append<Sequential>(stage_name(s));
    for (int u = 0; u < table.units[s]; ++u, C = kStageChannels[s])
      stage.add<ImprovedUnit>(unit_name(u), C, kStageChannels[s], stride_of(u));
  }
  head_of(options).append_to(append<Sequential>("output"));
  initialise(options.seed);
}

std::vector<LayerDescription> IResNet::describe() const { return fr::describe(options_); }

std::vector<LayerDescription> describe(const IResNetOptions& options) {
  const StageUnits& table = checked_units(kName, kTables, options);
  Describer d(options.height, options.width);
  int64_t C = kStageChannels[0];
  d.conv("stem.conv", conv(3, C, 3, 1)), d.batch_norm("stem.bn"), d.prelu("stem.prelu");
  for (size_t s = 0; s < table.units.size(); ++s)
    for (int u = 0; u < table.units[s]; ++u, C = kStageChannels[s])
      describe_unit(d, stage_name(s) + "." + unit_name(u), C, kStageChannels[s], stride_of(u));
  head_of(options).describe(d);
  return d.layers;
}

}  // namespace fr
