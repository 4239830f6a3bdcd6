// Contrastive, triplet and center loss on a device: the numbers of the CPU, also when the step is recorded.
#include <gtest/gtest.h>

#include "fr/loss/center_loss.h"
#include "fr/loss/pair_loss.h"
#include "nn/step_memory.h"
#include "test/devices.h"
#include "test/fr/oracle.h"

namespace fr::test {
namespace {

constexpr int64_t kN = 21, kD = 40, kClasses = 6;

class DevicePairLoss : public testing::TestWithParam<TestDevice> {
 protected:
  struct Result {
    double loss;
    std::vector<double> dx;
  };
  Result run(LossTerm& term, Device device) const {
    const Var x(x_.to(device), true);
    const Var loss = term.loss(x, labels_.to(device), 0);
    backward(loss);
    return {loss.value().item(), x.grad().host<double>()};
  }
  void compare(LossTerm& term, const std::string& name) const {
    const Result cpu = run(term, Device::cpu), card = run(term, Device::cuda);
    EXPECT_NEAR(cpu.loss, card.loss, 1e-5 * (1 + cpu.loss)) << name;
    EXPECT_LE(relative_error(card.dx, cpu.dx), 1e-5) << name;
  }
  const Tensor x_ = random_tensor({kN, kD}, 1, DType::float32), labels_ = random_labels(kN, kClasses, 2);

 private:
  const UseDevice device_{*GetParam().device};
};
INSTANTIATE_TEST_SUITE_P(, DevicePairLoss, testing::ValuesIn(devices()),
                         [](const auto& row) { return row.param.name; });

TEST_P(DevicePairLoss, Contrastive) {
  ContrastiveOptions o;
  for (o.form = Contrastive::Form::distance;; o.form = Contrastive::Form::squared) {
    ContrastiveTerm term(o);
    compare(term, cat("form ", int(o.form)));
    if (o.form == Contrastive::Form::squared) break;
  }
  o.features = Features::raw, o.weights = Contrastive::Weights::pairs, o.margin = 9;
  ContrastiveTerm raw(o);
  compare(raw, "raw");
}

TEST_P(DevicePairLoss, Triplet) {
  for (const double margin : {0.2, 1.0}) {
    TripletTerm term({margin});
    compare(term, cat("margin ", margin));
  }
}

// One step on the device: loss, gradient, the update of the centres.
void step(CenterTerm& term, const Var& x, const Tensor& labels, const StepState* state) {
  x.node()->grad = {};
  backward(term.loss(x, labels, {0, state}));
  term.after_update();
}

TEST_P(DevicePairLoss, CentersOfARecordedStep) {
  CenterTerm cpu({}, kClasses, kD), card({}, kClasses, kD);
  card.place(Device::cuda);
  const DeviceInterface& device = *GetParam().device;
  const StepMemory numbers(Device::cuda);
  const Var here(x_, true), there(x_.to(Device::cuda), true);
  const Tensor labels = labels_.to(Device::cuda);
  const auto expect_same = [&](const char* when) {
    EXPECT_LE(relative_error(card.centers().host<double>(), cpu.centers().host<double>()), 1e-5) << when;
    EXPECT_LE(relative_error(there.grad().host<double>(), here.grad().host<double>()), 1e-5) << when;
  };
  numbers.set({0, 0, 0, 1});
  step(cpu, here, labels_, nullptr), step(card, there, labels, numbers.at());
  expect_same("asked for");

  there.node()->grad = {};
  device.synchronize();
  device.begin_recording();
  step(card, there, labels, numbers.at());
  void* recording = device.end_recording();
  for (int i = 0; i < 2; ++i) {
    step(cpu, here, labels_, nullptr);
    device.replay(recording);
    expect_same("replayed");
  }
  numbers.set({0, 0, 0, HUGE_VAL});
  device.replay(recording);
  EXPECT_LE(relative_error(card.centers().host<double>(), cpu.centers().host<double>()), 1e-5) << "refused";
  device.synchronize();
  there.node()->grad = {};
  device.drop(recording);  // nothing of it is held any more
}

}  // namespace
}  // namespace fr::test
