// One step of the optimiser, from a batch to new weights: on the CPU, or on a device, where the host asks for the work and prepares
// the next batch while it is done.
//
// On a device nothing comes back to the host but one small copy a step: loss, norm, predictions. The first two steps of a
// shape run as they are written; the third is recorded (a CUDA graph) and repeated from then on, with the batch in fixed
// buffers and the numbers that change (StepState) in the device's memory. The bits are those of the plain steps.
#pragma once
#include <memory>
#include <vector>

#include "data/loader.h"
#include "fr/mining/doppelgangers.h"
#include "fr/model.h"
#include "nn/optimizer.h"

namespace fr {

struct StepResult {
  double loss = 0;
  double accuracy = 0;  // of the class scores; NaN when no term of the loss makes any
  double gradient_norm = 0, learning_rate = 0;
  std::vector<double> terms;       // of the loss, before their weights
  std::vector<double> figures;     // FaceModel::figures()
  std::vector<OtherClass> others;  // of each picture, where the class head finds them
  double others_seconds = 0;       // what finding them took; on a device unknown, 0
};

class TrainStep {
 public:
  virtual ~TrainStep() = default;
  // The next batch, copied; std::invalid_argument for a label that is no class. On a device the copy runs beside the step
  // before, so this may be called between start() and finish().
  virtual void take(const Batch& batch) = 0;
  virtual bool takes_ahead() const = 0;  // whether that gains anything
  // The step with the batch taken first: forward, backward, update.
  virtual void start(int64_t step, double learning_rate) = 0;
  // Waits for it. A loss or a gradient that is not finite leaves the weights as they were and throws Error{diverged} naming
  // the first tensor that is not finite. Error{memory} when the batch does not fit says how many pictures would.
  virtual StepResult finish() = 0;
};

// For the device on which the model lies. Both must outlive the step.
struct TrainStepOptions {
  uint64_t seed = 1;   // of random layers
  bool record = true;  // on a device
};
std::unique_ptr<TrainStep> make_train_step(FaceModel& model, Optimizer& optimizer,
                                           const TrainStepOptions& options);

// What take() asks of labels: 0 <= label < classes.
void check_labels(const std::vector<int64_t>& labels, int64_t classes);

}  // namespace fr
