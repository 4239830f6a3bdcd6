#include "fr/backbone/sphereface.h"

#include <algorithm>

#include "nn/layers.h"

namespace fr {
namespace {

constexpr SphereFaceTable kTables[] = {
    {4, {0, 0, 0, 0}}, {10, {0, 1, 2, 0}}, {20, {1, 2, 4, 1}}, {36, {2, 4, 8, 2}}, {64, {3, 8, 16, 3}},
};

const SphereFaceTable& table_of(const SphereFaceOptions& o) {
  FR_CHECK(o.embedding > 0 && o.height > 0 && o.width > 0,
           "SphereFace: expected positive sizes, got embedding ", o.embedding, ", input ", o.height, " x ",
           o.width);
  FR_CHECK(o.dropout >= 0 && o.dropout < 1, "SphereFace: expected 0 <= dropout < 1, got ", o.dropout);
  for (const SphereFaceTable& t : kTables)
    if (t.depth == o.depth) return t;
  throw std::invalid_argument(cat("SphereFace: expected depth 4, 10, 20, 36 or 64, got ", o.depth));
}

int64_t halved(int64_t size) { return (size + 1) / 2; }  // 3x3, stride 2, pad 1

// out = x + PReLU(conv3x3(PReLU(conv3x3(x))))                    (N,H,W,C) -> (N,H,W,C)
class ResidualUnit : public Module {
 public:
  explicit ResidualUnit(int64_t C) {
    Conv2dSpec conv = Conv2dSpec::square(C, C, 3, 1, 1);
    conv.init = Init::normal(0.01);
    branch_.push_back(&add_child<Conv2d>("conv1", conv));
    branch_.push_back(&add_child<PReLU>("prelu1", C));
    branch_.push_back(&add_child<Conv2d>("conv2", conv));
    branch_.push_back(&add_child<PReLU>("prelu2", C));
  }
  Var forward(const Var& x) override {
    Var y = x;
    for (Module* layer : branch_) y = layer->forward(y);
    return add(x, y);
  }

 private:
  std::vector<Module*> branch_;
};

// The convolution that halves the map: xavier, its bias learns twice as fast and does not decay, as in
// Caffe's model.
Conv2dSpec stage_conv(int64_t C, int64_t K) {
  Conv2dSpec conv = Conv2dSpec::square(C, K, 3, 2, 1);
  conv.init = Init::caffe_xavier();
  conv.bias = Bias::with, conv.bias_lr_multiplier = 2, conv.bias_decay_multiplier = 0;
  return conv;
}

// Collects the description; H, W, C are those of the current map.
struct Describer {
  std::vector<LayerDescription> layers;
  int64_t H, W, C = 3;

  void conv(const std::string& name, int64_t K, int64_t stride, int64_t bias) {
    if (stride == 2) H = halved(H), W = halved(W);
    const int64_t weights = 9 * C * K;
    layers.push_back(
        {name, stride == 2 ? "conv 3x3 /2" : "conv 3x3", {H, W, K}, weights + bias, weights * H * W});
    C = K;
  }
  void prelu(const std::string& name) { layers.push_back({name, "prelu", {H, W, C}, C, 0}); }
  void unit(const std::string& name) {
    for (const char* i : {"1", "2"}) conv(name + ".conv" + i, C, 1, 0), prelu(name + ".prelu" + i);
    layers.push_back({name, "add", {H, W, C}, 0, 0});
  }
  void linear(const std::string& name, int64_t M) {
    const int64_t weights = H * W * C * M;
    layers.push_back({name, "linear", {M}, weights + M, weights});
  }
};

std::string stage_name(size_t s) { return "stage" + std::to_string(s + 1); }
std::string unit_name(int u) { return "unit" + std::to_string(u + 1); }

}  // namespace

std::span<const SphereFaceTable> sphereface_tables() { return kTables; }

SphereFace::SphereFace(const SphereFaceOptions& options) : options_(options) {
  const SphereFaceTable& table = table_of(options);
  int64_t C = 3, H = options.height, W = options.width;
  for (size_t s = 0; s < table.units.size(); ++s) {
    const int64_t K = kSphereFaceChannels[s];
    Sequential& stage = add_child<Sequential>(stage_name(s));
    stage.add<Conv2d>("conv", stage_conv(C, K));
    stage.add<PReLU>("prelu", K);
    for (int u = 0; u < table.units[s]; ++u) stage.add<ResidualUnit>(unit_name(u), K);
    layers_.push_back(&stage);
    C = K, H = halved(H), W = halved(W);
  }
  layers_.push_back(&add_child<Flatten>("flatten"));
  if (options.dropout > 0) layers_.push_back(&add_child<Dropout>("dropout", options.dropout, 0));
  layers_.push_back(&add_child<Linear>(
      "fc", LinearSpec{H * W * C, options.embedding, Bias::with, Init::caffe_xavier(), 2, 0}));
  initialise(options.seed);
}

Var SphereFace::forward(const Var& x) {
  const Shape expected = {x ? x.dim(0) : 0, options_.height, options_.width, 3};
  FR_CHECK(x && x.shape() == expected, "SphereFace: expected (N,", options_.height, ",", options_.width,
           ",3), got ", x ? to_string(x.shape()) : "nothing");
  Var y = x;
  for (Module* layer : layers_) y = layer->forward(y);
  return y;
}

std::vector<LayerDescription> describe(const SphereFaceOptions& options) {
  const SphereFaceTable& table = table_of(options);
  Describer d{{}, options.height, options.width};
  for (size_t s = 0; s < table.units.size(); ++s) {
    d.conv(stage_name(s) + ".conv", kSphereFaceChannels[s], 2, kSphereFaceChannels[s]);
    d.prelu(stage_name(s) + ".prelu");
    for (int u = 0; u < table.units[s]; ++u) d.unit(stage_name(s) + "." + unit_name(u));
  }
  if (options.dropout > 0) d.layers.push_back({"dropout", "dropout", {d.H, d.W, d.C}, 0, 0});
  d.linear("fc", options.embedding);
  return d.layers;
}

}  // namespace fr
