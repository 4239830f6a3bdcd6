// What every loss is to the training loop: a module that turns a batch of embeddings into one number. A model is trained by
// one term or by a weighted sum of several (joint supervision), of which at most one scores classes: fr/loss/class_head.h.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "nn/module.h"

namespace fr {

// When a loss is computed: the 0-based training step, and where its numbers lie in the memory of the device, if they
// change while the work is repeated (annealing then reads StepState::lambda).
struct StepAt {
  StepAt(int64_t step_, const StepState* state_ = nullptr) : step(step_), state(state_) {}
  int64_t step;
  const StepState* state;
};

// Trained scalars are parameters of shape (1); what must stay within bounds is brought back in Module::after_update().
// A term reads no number back to the host: on a device its work is recorded once and repeated.
class LossTerm : public Module {
 public:
  // Before a step, outside of what is recorded: seldom work, which the host decides on.
  virtual void ahead(int64_t /*step*/) {}
  // Of every term, before the first loss() of a step: what one prepares for another (margins of the class head).
  virtual void before(const Tensor& /*labels*/, const StepAt&) {}
  // Mean loss () of a batch. embedding (N,D), not yet of unit length; labels int64 (N).
  virtual Var loss(const Var& embedding, const Tensor& labels, const StepAt& at) = 0;
  // Numbers of StepState that this term reads at a step.
  virtual void set_numbers(StepState& /*numbers*/, int64_t /*step*/) const {}
  // Lets go of what the last loss() left here for after_update() and for reports: memory that may belong to a recording.
  virtual void forget() {}
  // What the metrics show beside the loss: names, and of the last loss() a () tensor of its type each, where it lies.
  virtual std::vector<std::string> figure_names() const { return {}; }
  virtual std::vector<Tensor> figures() const { return {}; }
  // A term gives no prediction unless it says so; see ClassHead.
  Var forward(const Var& embedding) override { return embedding; }
};

}  // namespace fr
