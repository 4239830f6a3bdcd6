// The step on the CPU, and the choice between the two.
#include "fr/train_step.h"

#include <cmath>

#include "fr/device_step.h"
#include "fr/divergence.h"

namespace fr {
namespace {

class CpuStep : public TrainStep {
 public:
  CpuStep(FaceModel& model, Optimizer& optimizer, uint64_t seed)
      : model_(model), optimizer_(optimizer), seed_(seed) {}

  void take(const Batch& batch) override {
    check_labels(batch.labels, model_.classes());
    const int64_t n = batch.size();
    x_ = Var(Tensor::from(batch.images, {n, batch.height, batch.width, 3}));
    labels_ = Tensor::from(batch.labels, {n});
  }
  bool takes_ahead() const override { return false; }

  void start(int64_t step, double lr) override {
    random_state() = {seed_, uint64_t(step)};
    model_.zero_grad();
    model_.train();
    model_.ahead(step);
    const Var loss = model_.loss(x_, labels_, step);
    result_ = {loss.value().item(), std::nan(""), 0, lr, {}, {}, {}, 0};
    for (const Tensor& term : model_.term_losses()) result_.terms.push_back(term.item());
    for (const Tensor& figure : model_.figures()) result_.figures.push_back(figure.item());
    if (!std::isfinite(result_.loss)) throw_diverged("loss", result_.loss, step, loss, model_);
    backward(loss);
    if (model_.head()) result_.accuracy = model_.head()->last_accuracy();
    if (model_.head() && model_.head()->finds_others()) read_others(model_.head()->others());
    result_.gradient_norm = optimizer_.step(lr, step);  // changes nothing when the norm is not finite
    if (!std::isfinite(result_.gradient_norm))
      throw_diverged("gradient norm", result_.gradient_norm, step, loss, model_);
    model_.after_update();
  }
  StepResult finish() override { return result_; }

 private:
  void read_others(const LargestOther& others) {
    const std::vector<int64_t> label = labels_.host<int64_t>(), other = others.index.host<int64_t>();
    const std::vector<float> score = others.score.host<float>();
    for (size_t n = 0; n < label.size(); ++n) result_.others.push_back({label[n], other[n], score[n]});
    result_.others_seconds = others.seconds;
  }

  FaceModel& model_;
  Optimizer& optimizer_;
  uint64_t seed_;
  Var x_;
  Tensor labels_;
  StepResult result_;
};

}  // namespace

void check_labels(const std::vector<int64_t>& labels, int64_t classes) {
  for (int64_t label : labels)
    FR_CHECK(label >= 0 && label < classes, "train: label ", label, " of ", classes, " classes");
}

std::unique_ptr<TrainStep> make_train_step(FaceModel& model, Optimizer& optimizer,
                                           const TrainStepOptions& options) {
  if (model.device() == Device::cpu) return std::make_unique<CpuStep>(model, optimizer, options.seed);
  return std::make_unique<DeviceStep>(model, optimizer, options, needed_device());
}

}  // namespace fr
