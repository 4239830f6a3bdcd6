#include "fr/calibration/ssr_train.h"

#include <cmath>

#include "autograd/ops.h"
#include "base/error.h"
#include "data/shuffle.h"
#include "nn/optimizer.h"
#include "nn/schedule.h"

namespace fr {
namespace {

constexpr uint32_t kHeldOut = 1, kOrder = 2;  // streams of Purpose::sampler
constexpr int64_t kTellEvery = 100;

// Sees sqrt(D) f, whose numbers have variance 1 as the usual initialisation expects.
class SsrNetwork : public Module {
 public:
  explicit SsrNetwork(int64_t D)
      : w1_(add_parameter("fc1.weight", {D, D}, Init::msra())),
        b1_(add_parameter("fc1.bias", {D}, Init::constant(0))),
        w2_(add_parameter("fc2.weight", {1, D}, Init::caffe_xavier())),
        b2_(add_parameter("fc2.bias", {1}, Init::constant(0))) {}
  Var forward(const Var& x) override { return ssr_forward(x, {w1_.var, b1_.var, w2_.var, b2_.var}); }

  // As SsrModel has it: of f itself.
  void take(SsrModel& model) const {
    model.w1 = w1_.var.value().host<float>(), model.b1 = b1_.var.value().host<float>();
    model.w2 = w2_.var.value().host<float>(), model.b2 = b2_.var.value().item();
    const float scale = std::sqrt(float(model.D));
    for (float& w : model.w1) w *= scale;
  }

 private:
  Parameter &w1_, &b1_, &w2_, &b2_;
};

struct Split {
  std::vector<int64_t> training, held_out;
};
Split split(std::span<const int64_t> people, const SsrOptions& o) {
  Split s;
  for (size_t i = 0; i < people.size(); ++i) {
    Random random({o.seed, Purpose::sampler, uint64_t(people[i]), kHeldOut});
    (random.uniform() < o.held_out ? s.held_out : s.training).push_back(int64_t(i));
  }
  if (s.training.empty())
    throw Error(ErrorKind::data, cat("ssr: none of ", people.size(), " pictures is left to train on"));
  return s;
}

// Mean and std of the training targets. Where these are all the same, a std that leaves the network no say.
void standardise(SsrModel& m, std::span<const double> target, const std::vector<int64_t>& places) {
  double sum = 0, squares = 0;
  for (const int64_t i : places) sum += target[size_t(i)];
  m.mean = sum / double(places.size());
  for (const int64_t i : places) squares += std::pow(target[size_t(i)] - m.mean, 2);
  m.std = std::sqrt(squares / double(places.size()));
  m.std = std::max(m.std, 1e-6 * std::abs(m.mean));
  if (m.std == 0) m.std = 1;
}

// Batch `step` of endless epochs over `places`, each in an order of its own.
class Batches {
 public:
  Batches(std::vector<int64_t> places, const SsrOptions& o) : places_(std::move(places)), o_(o) {}
  std::vector<int64_t> next() {
    std::vector<int64_t> batch;
    while (int64_t(batch.size()) < std::min(o_.batch, int64_t(places_.size()))) {
      if (at_ == 0) {
        Random random({o_.seed, Purpose::sampler, epoch_++, kOrder});
        shuffle(places_, random);
      }
      batch.push_back(places_[at_]);
      at_ = (at_ + 1) % places_.size();
    }
    return batch;
  }

 private:
  std::vector<int64_t> places_;
  const SsrOptions& o_;
  size_t at_ = 0;
  uint64_t epoch_ = 0;
};

struct Pair {
  Var x, target;  // (B,D), (B,1)
};
Pair gather(const CalibratedRows& r, std::span<const double> target, const SsrModel& m,
            const std::vector<int64_t>& batch, Device device) {
  const auto B = int64_t(batch.size());
  const Tensor x({B, r.D}), t({B, 1});
  const float scale = std::sqrt(float(r.D));
  for (int64_t n = 0; n < B; ++n) {
    const float* row = r.rows.data() + batch[size_t(n)] * r.D;
    for (int64_t d = 0; d < r.D; ++d) x.as<float>()[n * r.D + d] = scale * row[d];
    t.as<float>()[n] = float((target[size_t(batch[size_t(n)])] - m.mean) / m.std);
  }
  return {Var(x.to(device)), Var(t.to(device))};
}

struct Errors {
  double r2 = std::numeric_limits<double>::quiet_NaN(), root = r2;
};
Errors errors(std::span<const double> log_f, const std::vector<double>& predicted,
              const std::vector<int64_t>& places) {
  if (places.empty()) return {};
  double mean = 0, wrong = 0, all = 0;
  for (const int64_t i : places) mean += log_f[size_t(i)] / double(places.size());
  for (const int64_t i : places) {
    wrong += std::pow(log_f[size_t(i)] - predicted[size_t(i)], 2);
    all += std::pow(log_f[size_t(i)] - mean, 2);
  }
  return {all > 1e-18 * double(places.size()) ? 1 - wrong / all : std::numeric_limits<double>::quiet_NaN(),
          std::sqrt(wrong / double(places.size()))};
}

void check(const SsrModel& m, const CalibratedRows& r, std::span<const int64_t> people,
           std::span<const double> log_f, const SsrOptions& o) {
  FR_CHECK(m.D == r.D && int64_t(people.size()) == r.N && int64_t(log_f.size()) == r.N, "ssr: a network of ",
           m.D, " numbers, ", r.N, " x ", r.D, " embeddings of ", people.size(), " people with ",
           log_f.size(), " targets");
  FR_CHECK(o.steps >= 1 && o.batch >= 1 && o.held_out >= 0 && o.held_out < 1, "ssr: steps = ", o.steps,
           ", batch = ", o.batch, ", held_out = ", o.held_out);
}

Schedule schedule_of(const SsrOptions& o) {
  Schedule s;
  s.kind = Schedule::Kind::steps, s.base = o.lr, s.total_steps = o.steps;
  s.milestones = {o.steps / 2, o.steps * 2 / 3, o.steps * 5 / 6};
  return s;
}

void fit(SsrNetwork& network, const SsrModel& m, const CalibratedRows& rows, std::span<const double> target,
         Batches batches, const SsrOptions& o, const std::function<void(int64_t, double)>& done) {
  SgdOptions sgd_options;
  sgd_options.momentum = o.momentum, sgd_options.weight_decay = o.weight_decay;
  Sgd sgd(network.parameters(), sgd_options);
  const Schedule schedule = schedule_of(o);
  for (int64_t step = 0; step < o.steps; ++step) {
    const Pair batch = gather(rows, target, m, batches.next(), o.device);
    sgd.zero_grad();
    const Var loss = ssr_loss(network.forward(batch.x), batch.target);
    backward(loss);
    if (!std::isfinite(sgd.step(learning_rate(schedule, step))))
      throw Error(ErrorKind::diverged,
                  cat("ssr: the gradient of step ", step, " is not finite; lr = ", o.lr));
    if (done && ((step + 1) % kTellEvery == 0 || step + 1 == o.steps)) done(step + 1, loss.value().item());
  }
}

}  // namespace

SsrFit train_ssr(SsrModel& m, const CalibratedRows& rows, std::span<const int64_t> people,
                 std::span<const double> log_f, const SsrOptions& o,
                 const std::function<void(int64_t, double)>& done) {
  check(m, rows, people, log_f, o);
  const Split places = split(people, o);
  m.target = o.target;
  std::vector<double> target(log_f.begin(), log_f.end());
  if (o.target == SsrTarget::standardised)
    for (double& t : target) t = std::exp(t);
  standardise(m, target, places.training);
  SsrNetwork network(m.D);
  network.initialise(o.seed);
  network.place(o.device);
  fit(network, m, rows, target, Batches(places.training, o), o, done);
  network.take(m);
  const std::vector<double> predicted = LearnedDiscrepancy(m).log_f(rows, {});
  const Errors of_training = errors(log_f, predicted, places.training),
               of_others = errors(log_f, predicted, places.held_out);
  m.r2 = of_others.r2;
  return {int64_t(places.training.size()), int64_t(places.held_out.size()), of_training.r2, of_others.r2,
          of_others.root};
}

}  // namespace fr
