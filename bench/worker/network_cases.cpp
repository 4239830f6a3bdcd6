// Whole networks: a training step and the embedding of a batch.
#include "bench/worker/cases.h"
#include "fr/loss/class_head.h"
#include "nn/optimizer.h"
#include "nn/safetensors.h"

namespace fr::bench {
namespace {

constexpr int64_t kClasses = 10575;  // CASIA-WebFace's people
constexpr int kCheckedSteps = 3;
// The checked steps move the weights; the timed ones hardly, so that no number grows or vanishes over a long run.
constexpr double kCheckedRate = 0.01, kTimedRate = 1e-6;

Tensor pictures(const Backbone& b, int64_t N) {
  const Floats x = values(1, N * b.height() * b.width() * 3);
  return Tensor::from(std::vector<float>(x.begin(), x.end()), {N, b.height(), b.width(), 3});
}

Tensor labels(int64_t N) {
  std::vector<int64_t> label;
  for (int64_t n = 0; n < N; ++n) label.push_back((n * 7919 + 13) % kClasses);
  return Tensor::from(label, {N});
}

// The weights for the peers, numbered in the order in which the modules registered them: "p000.stage1.conv.weight",
// "b000...". Metadata: the parameter's multipliers of learning rate and decay.
struct WeightFile {
  NamedTensors tensors;
  Metadata multipliers;

  static std::string key(char kind, size_t number, const std::string& name) {
    const std::string digits = std::to_string(1000 + number);
    return kind + digits.substr(1) + "." + name;
  }
  void add(const std::vector<std::pair<std::string, Parameter*>>& parameters) {
    for (size_t i = 0; i < parameters.size(); ++i) {
      const Parameter& p = *parameters[i].second;
      const std::string name = key('p', i, parameters[i].first);
      tensors[name] = p.var.value();
      multipliers[name] = cat(p.lr_multiplier, " ", p.decay_multiplier);
    }
  }
  void add(const std::vector<std::pair<std::string, Tensor*>>& buffers) {
    for (size_t i = 0; i < buffers.size(); ++i) tensors[key('b', i, buffers[i].first)] = *buffers[i].second;
  }
  void write(const std::string& file) const {
    if (file != "-") write_safetensors(file, tensors, multipliers);
  }
};

LossOptions softmax() {  // plain: the same in every library
  LossOptions o;
  o.kind = LossKind::softmax;
  return o;
}

struct Training {
  std::unique_ptr<Backbone> backbone;
  ClassHead head;
  Sgd optimizer;
  Tensor x, label;

  Training(const std::string& name, int64_t N)
      : backbone(backbone_of(name)),
        head(softmax(), kClasses, kEmbedding, 1),
        optimizer(trained(), {}),
        x(pictures(*backbone, N)),
        label(labels(N)) {}

  std::vector<std::pair<std::string, Parameter*>> trained() {
    std::vector<std::pair<std::string, Parameter*>> all;
    for (auto& [name, p] : backbone->parameters()) all.emplace_back(name, p);
    for (auto& [name, p] : head.parameters()) all.emplace_back("head." + name, p);
    return all;
  }
  void write(const std::string& file) {
    WeightFile weights;
    weights.add(trained()), weights.add(backbone->buffers());
    weights.write(file);
  }
  double step(double rate) {
    backbone->zero_grad(), head.zero_grad();
    const Var loss = head.loss(backbone->forward(Var(x)), label, 0);
    const double value = loss.value().item();
    backward(loss);
    optimizer.step(rate);
    return value;
  }
};

}  // namespace

Case train_case(std::istringstream& in) {
  const auto name = next<std::string>(in);
  const auto N = next<int64_t>(in);
  auto t = std::make_shared<Training>(name, N);
  t->write(next<std::string>(in));
  return {[t] { t->step(kTimedRate); },
          [t] {
            std::vector<double> losses;
            for (int i = 0; i < kCheckedSteps; ++i) losses.push_back(t->step(kCheckedRate));
            return losses;
          },
          kernels<float>().name};
}

Case infer_case(std::istringstream& in) {
  const auto name = next<std::string>(in);
  const auto N = next<int64_t>(in);
  const std::shared_ptr<Backbone> b = backbone_of(name);
  WeightFile weights;
  weights.add(b->parameters()), weights.add(b->buffers());
  weights.write(next<std::string>(in));
  b->train(false);
  b->prepare();
  const Tensor x = pictures(*b, N);
  auto embed = [b, x] {
    const NoGrad no_grad;
    return b->forward(Var(x)).value();
  };
  return {[embed] { embed(); },
          [embed] {
            const Tensor y = embed();
            return sampled(y.as<float>(), y.size());
          },
          kernels<float>().name};
}

}  // namespace fr::bench
