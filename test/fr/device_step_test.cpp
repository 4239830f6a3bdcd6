// Training on a device against training on the CPU: the same batches, the same losses.
#include "fr/device_step.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "fr/checkpoint.h"
#include "fr/embed.h"
#include "nn/state.h"
#include "test/data/temporary.h"
#include "test/devices.h"
#include "test/stand_in.h"

namespace fr::test {
namespace {

constexpr int64_t kClasses = 5, kBatch = 4, kHeight = 12, kWidth = 10, kEmbedding = 16;

// Both networks with the layers of the real ones, small enough for the emulator.
class Tiny : public Backbone {
 public:
  explicit Tiny(Architecture architecture) : Backbone("Tiny", kEmbedding, kHeight, kWidth) {
    architecture == Architecture::sphereface ? sphereface() : iresnet();
    append<Flatten>("flatten");
    append<Dropout>("dropout", 0.2, 0);
    append<Linear>("fc", LinearSpec{6 * 5 * 8, kEmbedding});
    if (architecture == Architecture::iresnet)
      append<BatchNorm>("bn", BatchNormSpec{.C = kEmbedding, .scale = BatchNormSpec::Scale::fixed});
    initialise(3);
  }
  std::vector<LayerDescription> describe() const override { return {}; }

 private:
  class Unit : public Module {
   public:
    explicit Unit(bool normalised) {
      if (normalised) add<BatchNorm>("bn1", 8);
      add<Conv2d>("conv1", Conv2dSpec::square(8, 8, 3, 1, 1));
      if (normalised) add<BatchNorm>("bn2", 8);
      add<PReLU>("prelu", 8);
      add<Conv2d>("conv2", Conv2dSpec::square(8, 8, 3, 1, 1));
      normalised ? add<BatchNorm>("bn3", 8) : add<PReLU>("prelu2", 8);
    }
    Var forward(const Var& x) override { return chain(branch_, x, x); }

   private:
    template <class M, class S>
    void add(const char* name, S spec) {
      branch_.push_back(&add_child<M>(name, spec));
    }
    std::vector<Module*> branch_;
  };
  void sphereface() {
    Conv2dSpec first = Conv2dSpec::square(3, 8, 3, 2, 1);
    first.bias = Bias::with, first.bias_lr_multiplier = 2, first.bias_decay_multiplier = 0;
    append<Conv2d>("conv", first);
    append<PReLU>("prelu", 8);
    append<Unit>("unit1", false);
    append<Unit>("unit2", false);
  }
  void iresnet() {
    append<Conv2d>("conv", Conv2dSpec::square(3, 8, 3, 2, 1));
    append<BatchNorm>("bn1", 8);
    append<PReLU>("prelu", 8);
    append<Unit>("unit1", true);
    append<Unit>("unit2", true);
  }
};

struct Case {
  const char* name;
  Architecture network;
  SupervisionOptions loss;
  double bf16_tolerance;  // of the mean loss
  int steps = 20;         // beside the CPU
  bool by_rows = false;   // the gradient of the class weights
  OptimizerOptions optimizer = {.clip_norm = 2};
  TrainingClasses classes = kClasses;
};
LossOptions loss_of(LossKind kind, MarginGradient gradient = MarginGradient::exact) {
  LossOptions o;
  o.kind = kind, o.gradient = gradient, o.scale = 8, o.bias = kind == LossKind::softmax;
  return o;
}
// Class scores beside pairs and centres.
SupervisionOptions joint() {
  SupervisionOptions o;
  o.terms = {{"l2_softmax", 1}, {"center", 0.01}, {"contrastive", 0.1},
             {"triplet", 0.5},  {"lifted", 0.1},  {"margin", 0.5}};
  o.head.scale = 8;
  return o;
}
// Two data sets: dataset-aware with crossing dropout, beside a domain classifier whose reversal begins at step 10.
SupervisionOptions dail() {
  SupervisionOptions o;
  o.terms = {{"cosface", 1}, {"domain", 0.5}};
  o.head.scale = 8;
  o.dail.classes = DailOptions::Classes::dataset, o.dail.crossing = 0.4;
  o.domain.hidden = 8, o.domain.reversal.steps = 20, o.domain.reversal.stage_one = 0.5;
  return o;
}
TrainingClasses two_datasets() {
  TrainingClasses classes = kClasses;
  classes.offset = {0, 2, kClasses};
  return classes;
}
// Margins and the gate of a residual module by the domain frequency, measured at every step or of all classes now and then.
SupervisionOptions balanced(int64_t refresh) {
  SupervisionOptions o;
  o.terms = {{"cosface", 1}, {"domain_frequency", 0.1}};
  o.head.scale = 8;
  o.balancing = {.margin = true, .measure = false, .frequency = {.refresh = refresh, .epoch_steps = 4}};
  return o;
}
std::unique_ptr<Backbone> network_of(const Case& c) {
  auto network = std::make_unique<Tiny>(c.network);
  if (teaches_gate(c.loss)) network->add_residual_balancing(ResidualBalancingForm::gated, 3);
  return network;
}
std::vector<Case> cases() {
  return {{"SphereFace, A-Softmax", Architecture::sphereface, loss_of(LossKind::a_softmax), 0.05, 100},
          {"SphereFace, Caffe's gradient", Architecture::sphereface,
           loss_of(LossKind::a_softmax, MarginGradient::caffe_normalised), 0.05},
          {"SphereFace, modified, Caffe's gradient", Architecture::sphereface,
           loss_of(LossKind::modified_softmax, MarginGradient::caffe_normalised), 0.05},
          {"SphereFace, softmax", Architecture::sphereface, loss_of(LossKind::softmax), 0.05},
          {"IResNet, CosFace", Architecture::iresnet, loss_of(LossKind::cosface), 0.3, 100},
          {"SphereFace, L-Softmax, by rows", Architecture::sphereface, loss_of(LossKind::l_softmax), 0.05, 20,
           true},
          {"SphereFace, L2-Softmax, by rows", Architecture::sphereface, loss_of(LossKind::l2_softmax), 0.05,
           20, true},
          {"IResNet, NormFace, by rows", Architecture::iresnet, loss_of(LossKind::normface), 0.3, 20, true},
          {"IResNet, detached", Architecture::iresnet, loss_of(LossKind::a_softmax, MarginGradient::detached),
           0.3},
          {"SphereFace, softmax, Adam",
           Architecture::sphereface,
           loss_of(LossKind::softmax),
           0.3,
           20,
           true,
           {.kind = OptimizerKind::adamw, .clip_norm = 2, .eps = 1e-3}},
          {"SphereFace, DAIL",
           Architecture::sphereface,
           dail(),
           0.3,
           20,
           false,
           {.clip_norm = 2},
           two_datasets()},
          {"IResNet, domain balancing", Architecture::iresnet, balanced(1), 0.3},
          {"SphereFace, domain balancing, all classes", Architecture::sphereface, balanced(3), 0.3},
          {"SphereFace, joint", Architecture::sphereface, joint(), 0.3}};
}

Batch batch_of(int64_t step) {
  Batch b;
  b.height = kHeight, b.width = kWidth;
  Random random({11, Purpose::test, uint64_t(step), 0});
  for (int64_t n = 0; n < kBatch; ++n) {
    b.labels.push_back(int64_t(random.below(kClasses)));
    for (int64_t i = 0; i < kHeight * kWidth * 3; ++i)
      b.images.push_back(
          float(random.uniform(-1, 1) * 0.3 + 0.5 * std::sin(double(i * (b.labels.back() + 1)) / 40)));
  }
  return b;
}

struct Training {
  FaceModel model;
  std::unique_ptr<Optimizer> optimizer;
  std::unique_ptr<TrainStep> stepper;
  int64_t step = 0;
  Training(const Case& c, const Placement& p, bool record = true)
      : model(network_of(c), c.loss, c.classes, 3),
        optimizer(make_optimizer(model.place(p.device, p.maps).parameters(), c.optimizer)),
        stepper(make_train_step(model, *optimizer, {3, record})) {
    for (const auto& [name, parameter] : model.parameters())
      if (name == "head.weight") parameter->var.gradient_by_rows(c.by_rows);
  }
  StepResult next(const Batch& batch) {
    stepper->take(batch);
    stepper->start(step, step < 10 ? 0.02 : 0.01);
    ++step;
    return stepper->finish();
  }
  StepResult next() { return next(batch_of(step)); }
  std::vector<double> losses(int n) {
    std::vector<double> all;
    for (int i = 0; i < n; ++i) all.push_back(next().loss);
    return all;
  }
  std::vector<float> weights() {
    std::vector<float> all;
    for (const auto& [name, tensor] : collect_state(model, optimizer.get())) {
      const auto v = tensor.host<float>();
      all.insert(all.end(), v.begin(), v.end());
    }
    return all;
  }
};

constexpr Placement kSingle{Device::cuda, DType::float32}, kHalf{Device::cuda, DType::bfloat16};

double largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  EXPECT_EQ(a.size(), b.size());
  double most = 0;
  for (size_t i = 0; i < a.size(); ++i) most = std::max(most, std::abs(double(a[i]) - b[i]));
  return most;
}

class DeviceStep : public testing::TestWithParam<TestDevice> {
  const UseDevice device_{*GetParam().device};

 protected:
  // On a slow device one of each network.
  std::vector<Case> some_cases() const {
    const std::vector<Case> all = cases();
    return GetParam().slow ? std::vector{all.front(), all.back()} : all;
  }
};
INSTANTIATE_TEST_SUITE_P(, DeviceStep, testing::ValuesIn(devices()),
                         [](const auto& row) { return row.param.name; });

TEST_P(DeviceStep, LossesAndWeightsAreThoseOfTheCpu) {
  for (const Case& c : cases()) {
    Training cpu(c, {}), card(c, kSingle);
    for (int i = 0; i < c.steps; ++i) {
      const StepResult a = cpu.next(), b = card.next();
      ASSERT_NEAR(a.loss, b.loss, 1e-3 * (1 + a.loss)) << c.name << ", step " << i;
      ASSERT_NEAR(a.gradient_norm, b.gradient_norm, 1e-2 * (1 + a.gradient_norm)) << c.name << ", step " << i;
      ASSERT_EQ(a.learning_rate, b.learning_rate);
      ASSERT_NEAR(a.accuracy, b.accuracy, i == 0 ? 0 : 1) << c.name;
      ASSERT_EQ(a.figures.size(), b.figures.size());
      for (size_t f = 0; f < a.figures.size(); ++f)  // shares may move with the predictions
        ASSERT_NEAR(a.figures[f], b.figures[f], f == 0 && i > 0 ? 1 : 1e-6) << c.name << ", step " << i;
    }
    EXPECT_LT(largest_difference(cpu.weights(), card.weights()), 1e-2) << c.name;
  }
}

TEST_P(DeviceStep, ARecordedStepHasTheBitsOfAPlainOne) {
  for (const Placement& p : {kSingle, kHalf})
    for (const Case& c : some_cases()) {
      Training plain(c, p, false), recorded(c, p, true);
      EXPECT_EQ(plain.losses(5), recorded.losses(5)) << c.name;
      EXPECT_EQ(plain.weights(), recorded.weights()) << c.name;
    }
}

TEST_P(DeviceStep, Bfloat16FollowsFloat) {
  for (const Case& c : some_cases()) {
    Training cpu(c, {}), card(c, kHalf);
    double sum_cpu = 0, sum_card = 0;
    const int steps = GetParam().slow ? 8 : 20;
    for (int i = 0; i < steps; ++i) sum_cpu += cpu.next().loss, sum_card += card.next().loss;
    EXPECT_NEAR(sum_cpu / steps, sum_card / steps, c.bf16_tolerance) << c.name;
    for (const auto& [name, parameter] : card.model.parameters()) {
      EXPECT_EQ(parameter->var.dtype(), DType::float32);
      EXPECT_EQ(bool(parameter->var.low()), parameter->in_products) << name;
      if (!parameter->in_products) continue;
      EXPECT_EQ(parameter->var.low().host<float>(), parameter->var.value().to(DType::bfloat16).host<float>())
          << name;
    }
  }
}

// One copy to the device before a step, one from it after.
TEST(StandInStep, ARepeatedStepReadsNothingElseBack) {
  const UseDevice device(stand_in());
  Training run(cases()[0], kHalf);
  run.losses(3);
  const StandInCounts before = stand_in_counts();
  run.losses(2);
  EXPECT_EQ(stand_in_counts().replays - before.replays, 2);
  EXPECT_EQ(stand_in_counts().downloads - before.downloads, 2);
  EXPECT_EQ(stand_in_counts().uploads - before.uploads, 2);
  EXPECT_EQ(stand_in_counts().kernels - before.kernels, 2 * 2);  // the batch put in its place
}

TEST_P(DeviceStep, ABatchMayBeTakenWhileAStepRuns) {
  Training a(cases()[0], kSingle), b(cases()[0], kSingle);
  const std::vector<double> expected = a.losses(5);
  std::vector<double> losses;
  b.stepper->take(batch_of(0));
  for (int i = 0; i < 5; ++i) {
    b.stepper->start(i, 0.02);
    if (i < 4) {
      b.stepper->take(batch_of(i + 1));
      EXPECT_THROW(b.stepper->take(batch_of(i + 2)), std::invalid_argument);  // no room for two
    }
    losses.push_back(b.stepper->finish().loss);
  }
  EXPECT_EQ(losses, expected);
}

TEST_P(DeviceStep, AnotherBatchSizeBeginsAnew) {
  Training a(cases()[0], kSingle), b(cases()[0], kSingle, false);
  a.losses(4), b.losses(4);
  Batch small = batch_of(4);
  small.labels.resize(3), small.images.resize(3 * kHeight * kWidth * 3);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(a.next(small).loss, b.next(small).loss);
  EXPECT_EQ(a.next().loss, b.next().loss);
}

TEST_P(DeviceStep, CheckpointsAreTheSameFromBoth) {
  const TemporaryFolder folder;
  const Case c = cases().back();
  Training cpu(c, {});
  cpu.losses(3);
  const CheckpointInfo info{3, 0, 3, kClasses, 1, ""};
  const fs::path one = folder.path / "one", two = folder.path / "two";
  save_checkpoint(one, cpu.model, *cpu.optimizer, info);
  for (const Placement& p : {kSingle, kHalf}) {
    Training card(c, p);
    load_checkpoint(one, card.model, card.optimizer.get());
    save_checkpoint(two, card.model, *card.optimizer, info);
    EXPECT_EQ(read_file(one), read_file(two));
    card.step = cpu.step;
    const double tolerance = p.maps == DType::bfloat16 ? 0.3 : 1e-3;
    Training again(c, {});
    load_checkpoint(two, again.model, again.optimizer.get());
    again.step = card.step;
    EXPECT_NEAR(again.next().loss, card.next().loss, tolerance);
  }
}

TEST_P(DeviceStep, EmbeddingsAreThoseOfTheCpu) {
  for (const Case& c : some_cases()) {
    Training cpu(c, {}), single(c, kSingle), half(c, kHalf);
    const auto picture = [](int64_t i) {
      Image image{int(kWidth), int(kHeight)};
      for (size_t j = 0; j < image.pixels.size(); ++j) image.pixels[j] = uint8_t(j * size_t(7 + i) % 251);
      return image;
    };
    const EmbedOptions options{kHeight, kWidth, FlipMode::concatenate, 2};
    const Embeddings a = embed(cpu.model, 3, picture, options), b = embed(single.model, 3, picture, options),
                     d = embed(half.model, 3, picture, options);
    double largest = 0;
    for (float v : a.values) largest = std::max(largest, double(std::abs(v)));
    EXPECT_LT(largest_difference(a.values, b.values), 1e-4 * largest) << c.name;
    EXPECT_LT(largest_difference(a.values, d.values), 0.1 * largest) << c.name;
  }
}

std::string message_of(const std::function<void()>& f, ErrorKind kind) {
  try {
    f();
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), kind) << e.what();
    return e.what();
  }
  ADD_FAILURE() << "nothing was thrown";
  return "";
}

TEST_P(DeviceStep, WhatIsNotFiniteLeavesTheWeightsAlone) {
  for (const int good : {0, 4})  // plain, recorded
    for (const Placement& p : {kSingle, kHalf}) {
      Training run(cases()[0], p);
      run.losses(good);
      const std::vector<float> before = run.weights();
      Batch bad = batch_of(9);
      bad.images[17] = std::numeric_limits<float>::quiet_NaN();
      const std::string message = message_of([&] { run.next(bad); }, ErrorKind::diverged);
      EXPECT_NE(message.find(cat("loss became nan at step ", good + 1)), std::string::npos) << message;
      EXPECT_NE(message.find("the input (4,12,10,3), element 17 = nan"), std::string::npos) << message;
      EXPECT_EQ(run.weights(), before);
    }
}

TEST_P(DeviceStep, RowsWithoutLengthAreDrawnAgainBeforeTheNextStep) {
  Training run(cases()[0], kSingle);
  run.losses(4);
  const NamedTensors state = collect_state(run.model, run.optimizer.get());
  for (const char* name : {"head.weight", "optimizer.head.weight"}) {
    std::vector<float> values = state.at(name).host<float>();
    std::fill(values.begin() + kEmbedding, values.begin() + 2 * kEmbedding, 0.0f);
    state.at(name).copy_from(Tensor::from(values, {kClasses, kEmbedding}));
  }
  EXPECT_TRUE(std::isfinite(run.next().loss));
  const std::vector<float> w = state.at("head.weight").host<float>();
  double length = 0;
  for (int64_t i = kEmbedding; i < 2 * kEmbedding; ++i) length += w[size_t(i)] * w[size_t(i)];
  EXPECT_NEAR(length, 1, 0.8);  // 16 draws of N(0, 1/16)
  EXPECT_TRUE(std::isfinite(run.next().loss));
}

TEST_P(DeviceStep, OutOfMemorySaysWhatFits) {
  Training run(cases()[0], kSingle);
  Batch large;
  large.height = kHeight, large.width = kWidth;
  for (int i = 0; i < 100; ++i) {
    const Batch b = batch_of(i);
    large.images.insert(large.images.end(), b.images.begin(), b.images.end());
    large.labels.insert(large.labels.end(), b.labels.begin(), b.labels.end());
  }
  GetParam().limit(GetParam().device->memory().in_use + (size_t{4} << 20));
  const std::string message = message_of([&] { run.next(large); }, ErrorKind::memory);
  EXPECT_NE(message.find("A batch of 400 pictures does not fit; about "), std::string::npos) << message;
  const size_t at = message.find("train.batch = ");
  ASSERT_NE(at, std::string::npos) << message;
  const int64_t fits = std::stoll(message.substr(at + 14));
  EXPECT_GT(fits, 20);
  EXPECT_LT(fits, 400);
  Batch fitting = large;
  fitting.labels.resize(size_t(fits)), fitting.images.resize(size_t(fits * kHeight * kWidth * 3));
  EXPECT_NO_THROW(run.next(fitting));  // the figure is one that works
  GetParam().limit(0);
}

TEST_P(DeviceStep, ARecordingThatDoesNotFitIsDoneWithout) {
  Training a(cases()[0], kSingle, false), b(cases()[0], kSingle);
  const std::vector<double> expected = a.losses(4);
  std::vector<double> losses = b.losses(2);
  GetParam().device->synchronize();
  GetParam().device->trim();
  b.stepper->take(batch_of(2));
  GetParam().limit(GetParam().device->memory().in_use +
                   1);  // nothing more, so the plain way does not fit either
  EXPECT_THROW(b.stepper->start(2, 0.02), Error);
  GetParam().limit(0);
  b.step = 2;  // nothing was changed
  losses.push_back(b.next().loss), losses.push_back(b.next().loss);
  EXPECT_EQ(losses, expected);
}

ErrorKind failing_kind;
std::vector<void*> unprepared;  // dropped when no tensor holds their memory any more
TEST(DeviceStepRecording, OneThatCannotBePreparedIsDoneWithout) {
  DeviceInterface device = stand_in();
  device.end_recording = []() -> void* {
    unprepared.push_back(stand_in().end_recording());
    throw Error(failing_kind, "a graph that cannot be prepared");
  };
  const UseDevice use(device);
  {
    Training a(cases()[0], kSingle, false), b(cases()[0], kSingle), c(cases()[0], kSingle);
    failing_kind = ErrorKind::memory;
    EXPECT_EQ(a.losses(5), b.losses(5));
    failing_kind = ErrorKind::internal;
    EXPECT_EQ(message_of([&] { c.losses(5); }, ErrorKind::internal), "a graph that cannot be prepared");
  }
  EXPECT_EQ(unprepared.size(), 2);
  for (void* recording : unprepared) stand_in().drop(recording);
  unprepared.clear();
}

TEST_P(DeviceStep, LabelsAreCheckedWhereTheyAreTaken) {
  SupervisionOptions pairs;  // which only compare labels
  pairs.terms = {{"triplet", 1}};
  Batch bad = batch_of(0);
  bad.labels[2] = kClasses;
  for (const Placement& p : {Placement{}, kSingle}) {
    Training run({"pairs", Architecture::sphereface, pairs, 0.3}, p);
    EXPECT_THROW(run.stepper->take(bad), std::invalid_argument);
  }
}

TEST(Placement, Choices) {
  EXPECT_EQ(placement_of(DeviceChoice::cpu, DType::float32).device, Device::cpu);
  EXPECT_NE(
      message_of([] { placement_of(DeviceChoice::cpu, DType::bfloat16); }, ErrorKind::usage).find("cpu"),
      std::string::npos);
  {
    const UseDevice device(stand_in());
    EXPECT_EQ(placement_of(DeviceChoice::automatic, DType::bfloat16).device, Device::cuda);
    EXPECT_EQ(to_string(placement_of(DeviceChoice::cuda, DType::bfloat16)), "stand-in device, bf16");
    DeviceInterface old = stand_in();
    old.half = nullptr;
    use_device(&old);
    message_of([] { placement_of(DeviceChoice::cuda, DType::bfloat16); }, ErrorKind::usage);
    EXPECT_THROW(Tensor({2}, DType::bfloat16, Device::cuda).fill(0), std::invalid_argument);
  }
  if (!device()) message_of([] { placement_of(DeviceChoice::cuda, DType::float32); }, ErrorKind::memory);
}

}  // namespace
}  // namespace fr::test
