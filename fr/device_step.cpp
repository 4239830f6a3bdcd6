// Staging, recording, repeating; and what to say when it does not fit or does not stay finite.
#include "fr/device_step.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <iostream>

#include "fr/batch_fit.h"
#include "fr/divergence.h"
#include "fr/loss/class_rows.h"

namespace fr {
namespace {

constexpr int kPlainSteps = 2;  // then the memory of a step is known

// What comes back, as words of 8 bytes: the loss and the shortest row (float each), the squared norm, the terms of the loss
// and its figures (float each), the predictions if there are class scores; if wanted, the other classes and their scores
// (floats side by side).
constexpr int64_t kLossWord = 0, kShortestWord = 1, kNormWord = 2, kTermWord = 3;

template <class T>
T word_as(const std::vector<int64_t>& words, int64_t i) {
  T value;
  std::memcpy(&value, &words[size_t(i)], sizeof value);
  return value;
}

}  // namespace

DeviceStep::DeviceStep(FaceModel& model, Optimizer& optimizer, const TrainStepOptions& options,
                       const DeviceInterface& device)
    : model_(model), optimizer_(optimizer), options_(options), device_(device), numbers_(Device::cuda) {}

DeviceStep::~DeviceStep() {
  try {
    free_buffers();
  } catch (const Error&) {  // the card has failed: who waited for it was told
  }
  random_state().step_at = nullptr;
}

int64_t DeviceStep::figure_word() const { return kTermWord + int64_t(model_.terms().size()); }
int64_t DeviceStep::prediction_word() const { return figure_word() + int64_t(model_.figure_names().size()); }

void DeviceStep::forget_gradients() {
  model_.zero_grad();
  model_.forget();
}

// What was recorded writes into these buffers and into gradients of its own: they go together.
void DeviceStep::free_buffers() {
  for (Stage& stage : stages_)
    if (stage.pinned) device_.copied(), device_.release_pinned(stage.pinned), stage = {};
  if (recording_) {
    device_.synchronize();
    forget_gradients();
    device_.drop(recording_);
  }
  recording_ = nullptr, plain_ = 0, shape_ = {};
  x_ = labels_ = results_ = {};
}

void DeviceStep::make_buffers(const Shape& shape) {
  free_buffers();
  const int64_t n = shape[0];
  for (Stage& stage : stages_) {
    stage.images = Tensor(shape, DType::float32, Device::cuda);
    stage.labels = Tensor({n}, DType::int64, Device::cuda);
    stage.pinned = device_.alloc_pinned(stage.images.bytes() + stage.labels.bytes());
  }
  x_ = Tensor(shape, model_.maps(), Device::cuda);
  labels_ = Tensor({n}, DType::int64, Device::cuda);
  results_ = Tensor::zeros({prediction_word() + (finds_others() ? 3 : 1) * n}, DType::int64, Device::cuda);
  shape_ = shape, taken_ = started_ = 0;
  device_.synchronize();  // copies ahead may not overtake what these blocks were used for before
}

void DeviceStep::take(const Batch& batch) {
  check_labels(batch.labels, model_.classes());
  const Shape shape = {batch.size(), batch.height, batch.width, 3};
  if (shape != shape_) {
    FR_CHECK(taken_ == started_ && !running_, "train: a step is running, or waiting, with another size than ",
             to_string(shape));
    try {
      make_buffers(shape);
    } catch (const Error& e) {
      if (e.kind() != ErrorKind::memory) throw;
      out_of_memory(e, shape[0]);
    }
  }
  // A running step still needs its own stage.
  FR_CHECK(taken_ - started_ + (running_ ? 1 : 0) < 2, "train: two batches are there already");
  Stage& stage = stages_[taken_++ % 2];
  device_.copied();
  auto* pinned = static_cast<unsigned char*>(stage.pinned);
  const size_t images = stage.images.bytes(), labels = stage.labels.bytes();
  std::memcpy(pinned, batch.images.data(), images);
  std::memcpy(pinned + images, batch.labels.data(), labels);
  device_.upload_ahead(stage.images.data(), pinned, images);
  device_.upload_ahead(stage.labels.data(), pinned + images, labels);
  stage.expected = batch.labels;
}

Var DeviceStep::loss() {
  random_state() = {options_.seed, uint64_t(step_), &numbers_.at()->step};
  model_.train();
  return model_.loss(Var(x_), labels_, {step_, numbers_.at()});
}

void DeviceStep::ask() {
  forget_gradients();
  const Var l = loss();
  backward(l);
  // 0 when the loss is finite, NaN when it is not: as a gradient it then keeps the weights as they are.
  const Tensor guard = like(l.value(), {});
  const Kernels<float>& k = *device_.single;
  k.affine_forward(guard.data(), l.value().data(), 0, 0, 1);
  optimizer_.update(numbers_.at(), guard);
  model_.after_update();

  int64_t* words = results_.data();
  k.copy(words + kLossWord, l.value().as<float>(), sizeof(float));
  k.copy(words + kNormWord, &numbers_.at()->squared_norm, sizeof(double));
  for (size_t t = 0; t < model_.term_losses().size(); ++t)
    k.copy(words + kTermWord + t, model_.term_losses()[t].as<float>(), sizeof(float));
  for (size_t f = 0; f < model_.figures().size(); ++f)
    k.copy(words + figure_word() + f, model_.figures()[f].as<float>(), sizeof(float));
  const ClassHead* head = model_.head();
  if (!head) return;
  if (head->shortest()) k.copy(words + kShortestWord, head->shortest().as<float>(), sizeof(float));
  int64_t* const prediction = words + prediction_word();
  const int64_t n = shape_[0];
  k.copy(prediction, head->prediction().as<int64_t>(), head->prediction().bytes());
  if (!finds_others()) return;
  k.copy(prediction + n, head->others().index.as<int64_t>(), head->others().index.bytes());
  k.copy(prediction + 2 * n, head->others().score.as<float>(), head->others().score.bytes());
}

void DeviceStep::record() {
  forget_gradients();
  device_.synchronize();
  device_.trim();  // the plain steps' blocks: the recording has its own
  device_.begin_recording();
  bool open = true;
  try {
    ask();
    open = false;
    recording_ = device_.end_recording();
  } catch (const std::exception& e) {
    const std::exception_ptr first = std::current_exception();
    forget_gradients();
    try {
      if (open) device_.drop(device_.end_recording());
    } catch (const std::exception&) {  // what went wrong first says more
    }
    const auto* error = dynamic_cast<const Error*>(&e);
    if (!error || error->kind() != ErrorKind::memory) std::rethrow_exception(first);
    std::cerr << "\nwarning: the step is not recorded: " << e.what() << "\n";
    options_.record = false;
  }
}

void DeviceStep::start(int64_t step, double learning_rate) {
  FR_CHECK(started_ < taken_, "train: no batch was taken");
  const Stage& stage = stages_[started_++ % 2];
  running_ = true;
  step_ = step, learning_rate_ = learning_rate;
  ClassHead* head = model_.head();
  StepState numbers{uint64_t(step), learning_rate, head ? head->lambda_at(step) : 0, 0};
  for (const Supervision::Term& t : model_.terms()) t.term->set_numbers(numbers, step);
  numbers_.set(numbers);
  x_.copy_from(stage.images), labels_.copy_from(stage.labels);
  model_.ahead(step);
  if (!recording_ && options_.record && plain_ >= kPlainSteps) record();
  if (recording_) return device_.replay(recording_);
  try {
    ask(), ++plain_;
  } catch (const Error& e) {
    running_ = false;
    if (e.kind() != ErrorKind::memory) throw;
    out_of_memory(e, shape_[0]);
  }
}

StepResult DeviceStep::finish() {
  running_ = false;
  const std::vector<int64_t> words = results_.host<int64_t>();
  const std::vector<int64_t>& expected = stages_[(started_ - 1) % 2].expected;
  StepResult r;
  r.loss = word_as<float>(words, kLossWord);
  r.gradient_norm = std::sqrt(word_as<double>(words, kNormWord));
  r.learning_rate = learning_rate_;
  for (size_t t = 0; t < model_.terms().size(); ++t)
    r.terms.push_back(word_as<float>(words, kTermWord + int64_t(t)));
  for (size_t f = 0; f < model_.figure_names().size(); ++f)
    r.figures.push_back(word_as<float>(words, figure_word() + int64_t(f)));
  int64_t hits = 0;
  for (size_t n = 0; n < expected.size(); ++n) hits += words[size_t(prediction_word()) + n] == expected[n];
  if (finds_others()) {
    const int64_t* other = words.data() + prediction_word() + shape_[0];
    std::vector<float> score(expected.size());
    std::memcpy(score.data(), other + shape_[0], score.size() * sizeof(float));
    for (size_t n = 0; n < expected.size(); ++n) r.others.push_back({expected[n], other[n], score[n]});
  }
  r.accuracy = model_.head() ? double(hits) / double(expected.size()) : std::nan("");
  if (!std::isfinite(r.loss) || !std::isfinite(r.gradient_norm)) diverged(r);
  if (model_.head() && model_.head()->measures_rows() && word_as<float>(words, kShortestWord) < kShortRow)
    model_.head()->redraw(step_ + 1);
  return r;
}

// The weights are still those from before the step: again, as it is written, to see where it broke.
void DeviceStep::diverged(const StepResult& result) {
  if (recording_) {
    forget_gradients();
    device_.drop(recording_), recording_ = nullptr;
  }
  forget_gradients();
  const Var l = loss();
  if (!std::isfinite(result.loss)) throw_diverged("loss", result.loss, step_, l, model_);
  backward(l);
  throw_diverged("gradient norm", result.gradient_norm, step_, l, model_);
}

void DeviceStep::out_of_memory(const Error& error, int64_t batch) {
  free_buffers();
  forget_gradients();
  const Backbone& network = model_.network();
  const size_t stages =
      2 * sizeof(float) + element_size(model_.maps());  // two of them, and where they are read
  const int64_t fits =
      batch_that_fits(model_, device_, size_t(network.height() * network.width() * 3) * stages);
  throw Error(ErrorKind::memory,
              cat(error.what(), ". A batch of ", batch, " pictures does not fit",
                  fits >= 1 && fits < batch ? cat("; about ", fits, " do: train.batch = ", fits)
                                            : "; try a smaller train.batch"));
}

}  // namespace fr
