#include "fr/detection/mtcnn_net.h"

#include <algorithm>
#include <vector>

namespace fr {
namespace {

struct Layer {  // a convolution with its PReLU and perhaps a pool
  const char *name, *slope;
  int64_t K, size;
  int64_t pool = 0, pad = 0;  // window (stride 2); pad 1: the pool that rounds up, see the header
};
struct Plan {
  const char* net;
  std::vector<Layer> convolutions;
  Layer dense;  // name null: there is none
  std::vector<std::pair<const char*, int64_t>> heads;
  bool turned = true;
};

const Plan& plan_of(MtcnnStage stage) {
  static const Plan kPlans[] = {
      {"pnet",
       {{"conv1", "PReLU1", 10, 3, 2}, {"conv2", "PReLU2", 16, 3}, {"conv3", "PReLU3", 32, 3}},
       {},
       {{"conv4-1", 2}, {"conv4-2", 4}},
       false},
      {"rnet",
       {{"conv1", "prelu1", 28, 3, 3, 1}, {"conv2", "prelu2", 48, 3, 3}, {"conv3", "prelu3", 64, 2}},
       {"conv4", "prelu4", 128, 3},
       {{"conv5-1", 2}, {"conv5-2", 4}}},
      {"onet",
       {{"conv1", "prelu1", 32, 3, 3, 1},
        {"conv2", "prelu2", 64, 3, 3},
        {"conv3", "prelu3", 64, 3, 2},
        {"conv4", "prelu4", 128, 2}},
       {"conv5", "prelu5", 256, 3},
       {{"conv6-1", 2}, {"conv6-2", 4}, {"conv6-3", 10}}}};
  return kPlans[static_cast<int>(stage)];
}

class WeightFile {
 public:
  WeightFile(const NamedTensors& tensors, const std::string& file, const Plan& plan)
      : tensors_(tensors), file_(file), plan_(plan) {}

  Tensor take(const std::string& layer, const char* part, const Shape& shape) const {
    const std::string name = cat(plan_.net, ".", layer, ".", part);
    const auto found = tensors_.find(name);
    if (found == tensors_.end())
      fail(name, cat("expected ", to_string(shape), ", found no such tensor; is this MTCNN?"));
    const Tensor& tensor = found->second;
    if (tensor.dtype() != DType::float32 || tensor.shape() != shape)
      fail(name, cat("expected ", to_string(shape), " float32, found ", to_string(tensor.shape()), " ",
                     to_string(tensor.dtype())));
    if (!first_nonfinite(NamedTensors{{name, tensor}}).empty()) fail(name, "a value is not finite");
    return tensor;
  }
  // (K,C,S,R) with S along the picture's x, as `shape` says it is stored -> (K,R,S,C)
  Tensor filters(const std::string& layer, const Shape& shape, int64_t C, int64_t size) const {
    const int64_t K = shape[0], cells = size * size;
    const Tensor from = take(layer, "weight", shape), to({K, size, size, C});
    for (int64_t kc = 0; kc < K * C; ++kc)
      for (int64_t cell = 0; cell < cells; ++cell) {
        const int64_t exchanged = cell % size * size + cell / size;
        const int64_t at = plan_.turned ? cells - 1 - exchanged : exchanged;
        to.as<float>()[(kc / C * cells + at) * C + kc % C] = from.as<float>()[kc * cells + cell];
      }
    return to;
  }

 private:
  [[noreturn]] void fail(const std::string& name, const std::string& message) const {
    throw Error(ErrorKind::data, cat(file_, ": ", name, ": ", message));
  }
  const NamedTensors& tensors_;
  const std::string& file_;
  const Plan& plan_;
};

Tensor beside(const std::vector<Tensor>& parts, Shape shape) {  // one after the other along the first axis
  std::vector<float> all;
  for (const Tensor& part : parts) all.insert(all.end(), part.as<float>(), part.as<float>() + part.size());
  return Tensor::from(all, std::move(shape));
}

enum class HeadsOn { maps, rows };  // rows: of a dense layer

// Adds layers and notes what they are to hold.
class Builder {
 public:
  Builder(Sequential& layers, const WeightFile& file) : layers_(layers), file_(file) {}

  void convolution(const Layer& l, int64_t C) {
    const Tensor weight = file_.filters(l.name, {l.K, C, l.size, l.size}, C, l.size);
    add_conv(l.name, C, l.K, l.size);
    activated(l, weight);
    if (l.pool)
      layers_.add<MaxPool2d>(cat(l.name, "-pool"), Pool2dOptions{l.pool, l.pool, 2, 2, l.pad, l.pad});
  }
  // On a map of size x size: its weights are filters that cover it.
  void dense(const Layer& l, int64_t C) {
    const int64_t D = C * l.size * l.size;
    const Tensor weight = file_.filters(l.name, {l.K, D}, C, l.size);
    layers_.add<Flatten>("flatten");
    layers_.add<Linear>(l.name, LinearSpec{D, l.K});
    activated(l, weight.reshape({l.K, D}));
  }
  // All heads side by side are one layer. Returns its columns.
  int64_t heads(const std::vector<std::pair<const char*, int64_t>>& heads, int64_t C, HeadsOn on) {
    const bool on_maps = on == HeadsOn::maps;
    std::vector<Tensor> weights, biases;
    int64_t M = 0;
    for (const auto& [name, columns] : heads) {
      weights.push_back(file_.take(name, "weight", on_maps ? Shape{columns, C, 1, 1} : Shape{columns, C}));
      biases.push_back(file_.take(name, "bias", {columns}));
      M += columns;
    }
    if (on_maps)
      add_conv("heads", C, M, 1);
    else
      layers_.add<Linear>("heads", LinearSpec{C, M});
    set("heads", beside(weights, on_maps ? Shape{M, 1, 1, C} : Shape{M, C}), beside(biases, {M}));
    return M;
  }
  void load() { load_state(state_, layers_); }

 private:
  void add_conv(const std::string& name, int64_t C, int64_t K, int64_t size) {
    Conv2dSpec spec = Conv2dSpec::square(C, K, size);
    spec.bias = Bias::with;
    layers_.add<Conv2d>(name, spec);
  }
  void activated(const Layer& l, const Tensor& weight) {
    set(l.name, weight, file_.take(l.name, "bias", {l.K}));
    layers_.add<PReLU>(l.slope, l.K);
    state_[cat(l.slope, ".weight")] = file_.take(l.slope, "slope", {l.K});
  }
  void set(const std::string& layer, const Tensor& weight, const Tensor& bias) {
    state_[layer + ".weight"] = weight, state_[layer + ".bias"] = bias;
  }
  Sequential& layers_;
  const WeightFile& file_;
  NamedTensors state_;
};

}  // namespace

int MtcnnNet::input_side(MtcnnStage stage) { return kCell << static_cast<int>(stage); }

MtcnnNet::MtcnnNet(MtcnnStage stage, const NamedTensors& weights, const std::string& file) {
  const Plan& plan = plan_of(stage);
  const WeightFile source(weights, file, plan);
  Builder build(layers_, source);
  int64_t C = 3;
  for (const Layer& layer : plan.convolutions) build.convolution(layer, C), C = layer.K;
  if (plan.dense.name) build.dense(plan.dense, C), C = plan.dense.K;
  columns_ = build.heads(plan.heads, C, plan.dense.name ? HeadsOn::rows : HeadsOn::maps);
  build.load();
  layers_.train(false);
  layers_.prepare();
}

Tensor MtcnnNet::run(const Tensor& x) const {
  const NoGrad no_grad;
  return layers_.forward(Var(x)).value();
}

}  // namespace fr
