// The step on a device: staged batches, the plain and the recorded way, what comes back.
#pragma once
#include <vector>

#include "fr/train_step.h"
#include "nn/step_memory.h"
#include "tensor/device.h"

namespace fr {

class DeviceStep : public TrainStep {
 public:
  DeviceStep(FaceModel& model, Optimizer& optimizer, const TrainStepOptions& options,
             const DeviceInterface& device);
  ~DeviceStep() override;
  void take(const Batch& batch) override;
  bool takes_ahead() const override { return true; }
  void start(int64_t step, double learning_rate) override;
  StepResult finish() override;

  bool recorded() const { return recording_ != nullptr; }

 private:
  // A batch on its way: pinned host memory, and where it arrives. There are two, so that one can arrive while the other is
  // being read.
  struct Stage {
    void* pinned = nullptr;
    Tensor images, labels;          // on the device
    std::vector<int64_t> expected;  // the labels again, for the accuracy
  };
  void make_buffers(const Shape& shape);
  void free_buffers();
  void forget_gradients();
  int64_t figure_word() const;      // where the figures begin in results_
  int64_t prediction_word() const;  // where the predictions begin in results_
  bool finds_others() const { return model_.head() && model_.head()->finds_others(); }
  Var loss();
  void ask();     // for everything of a step, results included
  void record();  // the same, to be repeated
  [[noreturn]] void diverged(const StepResult& result);
  [[noreturn]] void out_of_memory(const Error& error, int64_t batch);

  FaceModel& model_;
  Optimizer& optimizer_;
  TrainStepOptions options_;
  const DeviceInterface& device_;
  StepMemory numbers_;
  Shape shape_;  // of the pictures
  Stage stages_[2];
  bool running_ = false;         // between start() and finish()
  int taken_ = 0, started_ = 0;  // batches so far: the next one goes to, or comes from, stage % 2
  Tensor x_, labels_, results_;  // what the step reads and writes, always in the same place
  void* recording_ = nullptr;
  int plain_ = 0;  // steps of this shape that ran as they are written
  int64_t step_ = 0;
  double learning_rate_ = 0;
};

}  // namespace fr
