// The training loop.
#include "fr/train.h"

#include <cmath>
#include <cstdio>
#include <iostream>

#include "fr/balancing/domain_table.h"
#include "fr/embed.h"
#include "fr/features.h"
#include "fr/mining/doppelganger_report.h"
#include "fr/pfe/base_model.h"
#include "fr/stop_signal.h"
#include "fr/train_steps.h"
#include "nn/state.h"

namespace fr {
namespace {

std::string status_line(const TrainPoint& p) {
  char text[160];
  int n = std::snprintf(text, sizeof text, "epoch %.2f  loss %.4f  %.0f images/s  lr %.3g", p.epoch, p.loss,
                        p.images_per_second, p.learning_rate);
  if (std::isfinite(p.lambda)) std::snprintf(text + n, sizeof text - size_t(n), "  lambda %.3g", p.lambda);
  return text;
}

// Means over the steps since the last line of metrics.
struct Average {
  double loss = 0, accuracy = 0, norm = 0, step_seconds = 0, mining_seconds = 0, waiting_seconds = 0;
  std::vector<double> terms, figures;
  int64_t n = 0;
  void add(const StepResult& r, const StepTimes& t) {
    loss += r.loss, accuracy += r.accuracy, norm += r.gradient_norm, ++n;
    step_seconds += t.step, mining_seconds += t.mining, waiting_seconds += t.waiting;
    add(terms, r.terms), add(figures, r.figures);
  }

 private:
  static void add(std::vector<double>& sum, const std::vector<double>& values) {
    sum.resize(values.size());
    for (size_t i = 0; i < sum.size(); ++i) sum[i] += values[i];
  }
};

// Networks that set themselves up by data see the first batch.
void calibrate(Session& s) {
  Backbone& network = s.model.network();
  if (s.step > 0 || s.model.uncertainty() || !network.wants_calibration()) return;
  const auto loader = make_loader(s.config, s.data, 0, 0, s.doppelgangers.get());
  const Batch& b = loader->next();
  const Tensor x = Tensor::from(b.images, {b.size(), b.height, b.width, 3});
  network.calibrate(cast(Var(x.to(s.placement.device)), s.model.maps()));
}

// The annealing weight at this step; unknown when the loss has none.
double lambda_of(FaceModel& model, int64_t step) {
  const double lambda = model.head() ? model.head()->lambda_at(step) : 0;
  return lambda > 0 ? lambda : kUnknown;
}

// The terms of a joint loss; a single one is the loss.
std::vector<std::pair<std::string, double>> named_terms(const FaceModel& model, const Average& sum) {
  std::vector<std::pair<std::string, double>> named;
  if (model.terms().size() < 2) return named;
  for (size_t t = 0; t < sum.terms.size(); ++t)
    named.emplace_back(model.terms()[t].name, sum.terms[t] / double(sum.n));
  return named;
}

// Of mining: its share of the steps' time, that of waiting for batches, and the share of the classes that have a doppelganger.
using NamedFigures = std::vector<std::pair<std::string, double>>;
NamedFigures named_figures(const Session& s, const Average& sum) {
  NamedFigures named;
  for (size_t f = 0; f < sum.figures.size(); ++f)
    named.emplace_back(s.model.figure_names()[f], sum.figures[f] / double(sum.n));
  if (!s.doppelgangers) return named;
  const DoppelgangerCounts counts = counts_of(*s.doppelgangers);
  named.emplace_back("mining.share_of_time", sum.mining_seconds / sum.step_seconds);
  named.emplace_back("mining.share_of_waiting", sum.waiting_seconds / sum.step_seconds);
  named.emplace_back("mining.listed", double(counts.listed) / double(counts.classes));
  return named;
}

// Scales, boundaries: the parameters of one number that belong to the loss.
std::vector<std::pair<std::string, double>> trained_scalars(FaceModel& model) {
  std::vector<std::pair<std::string, double>> scalars;
  for (const auto& [name, parameter] : model.parameters())
    if (name.rfind("network.", 0) != 0 && parameter->var.value().shape() == Shape{1})
      scalars.emplace_back(name, parameter->var.value().item());
  if (model.head() && trains_scale(model.head()->options()))
    scalars.emplace_back("head.scale, lower bound of its paper",
                         scale_lower_bound(model.head()->options(), model.classes()));
  return scalars;
}

// A loss that stays where it started means that nothing is learned.
class StallWatch {
 public:
  void add(double loss, bool epoch_ends) {
    if (std::isnan(start_)) start_ = loss;
    sum_ += loss, ++n_;
    if (!epoch_ends) return;
    if (n_ > 1 && std::abs(sum_ / double(n_) - start_) <= 0.01 * std::abs(start_))
      std::cerr << "\nwarning: the loss stayed at its start value (" << start_
                << ") for a whole epoch. Likely causes: labels that "
                << "do not match the pictures, a learning rate that is too low (or so high that the "
                   "activations died), batches without pairs of one person (data.order = pk makes them).\n";
    sum_ = 0, n_ = 0;
  }

 private:
  double start_ = std::nan(""), sum_ = 0;
  int64_t n_ = 0;
};

FaceModel make_model(const Config& c, const SupervisionOptions& loss, const TrainingClasses& classes,
                     std::optional<Preprocessing>& base_input) {
  if (c.pfe.model.empty()) return FaceModel(network_options(c), loss, classes);
  const LoadedModel base = load_model(c.pfe.model);
  base_input = base.info.input;
  return FaceModel(copy_network(base), uncertainty_options(c), classes);
}

// What is trained: all, or the uncertainty module alone.
std::vector<std::pair<std::string, Parameter*>> trained_parameters(FaceModel& model) {
  auto all = model.parameters();
  if (model.uncertainty())
    std::erase_if(all, [](const auto& entry) { return entry.first.starts_with("network."); });
  return all;
}

}  // namespace

Session::Session(const Config& configuration)
    : config(configuration),
      data(training_data(config)),
      test(test_data(config)),
      placement(placement_of(config)),
      model(make_model(config, loss_options(config, data), data.training_classes(), base_input)),
      optimizer(
          make_optimizer(with_multipliers(trained_parameters(model.place(placement.device, placement.maps)),
                                          config.multipliers, config.slope_decay),
                         config.optimizer)) {
  if (model.uncertainty()) frozen = weights_fingerprint(model.network());
  check_batches(config, data);
  Schema schema = describe(config);
  resolved = schema.to_ini();
  decides_result = schema.to_ini(true);
  steps = total_steps(config, data);
  schedule = schedule_of(config, steps);
  if (config.data.order == Order::doppelganger) {
    doppelgangers = std::make_unique<DoppelgangerList>(data.classes(), config.mining.lag);
    model.head()->find_others();
  }
  stepper = make_train_step(model, *optimizer, {uint64_t(config.run.seed), config.train.record});
}

void Session::save(const RunFolder& folder) {
  save_checkpoint(folder.checkpoint_path(step), model, *optimizer, info(),
                  doppelgangers ? tensors_of(*doppelgangers) : NamedTensors());
}

void Session::resume(const RunFolder& folder) {
  NamedTensors mining;
  step = resume_newest(folder.path(), model, *optimizer, info(), &mining).step;
  if (doppelgangers) restore(*doppelgangers, mining, step);
}

int64_t Session::batches_per_epoch() const { return fr::batches_per_epoch(config, data); }

CheckpointInfo Session::info() const {
  return {step,
          step / batches_per_epoch(),
          step % batches_per_epoch(),
          data.classes(),
          data.source->fingerprint(),
          decides_result,
          frozen,
          base_input.value_or(preprocessing_of(config))};
}

StepResult train_step(Session& s, const Batch& batch) {
  s.stepper->take(batch);
  s.stepper->start(s.step, learning_rate(s.schedule, s.step));
  const StepResult r = s.stepper->finish();
  ++s.step;
  return r;
}

namespace {

// When the steps are over: what they left, and the test if they came to their end.
RunResult conclude(Session& s, const RunFolder& folder, const Progress& progress) {
  RunResult result;
  result.train_seconds = s.earlier_seconds + progress.seconds();
  result.images = s.step * s.config.train.batch;
  result.stopped_by = s.step < s.steps ? stop_signal() : 0;
  result.damaged = int64_t(s.loader->damaged().size());
  for (const Damage& d : s.loader->damaged()) std::cerr << "skipped: " << d.name << ": " << d.reason << "\n";
  s.loader.reset();
  result.scalars = trained_scalars(s.model);
  if (!result.stopped_by) result.features = sample_features(s.model, s.data, s.config);
  if (s.doppelgangers) result.doppelgangers = report_doppelgangers(*s.doppelgangers, s.model, *s.data.source);
  if (!result.stopped_by && s.model.head() && s.model.head()->domain_frequency())
    result.domains = domain_table(*s.model.head(), s.data.training_classes());
  if (s.test && !result.stopped_by) {
    std::cerr << "verifying " << s.test->pairs.size() << " pairs of " << s.test->names.size() << " pictures"
              << std::endl;
    result.test = evaluate(s.model, *s.test, s.config);
    folder.append(EvalPoint{s.step, result.test->accuracy.mean, result.test->auc});
  }
  result.total_seconds = s.earlier_seconds + progress.seconds();
  return result;
}

}  // namespace

RunResult run(Session& s, const RunFolder& folder) {
  const auto& every = s.config.train;
  Progress progress(s.steps, s.step);
  Average average;
  StallWatch stall;
  double logged = 0;
  s.loader = make_loader(s.config, s.data, s.info().epoch, s.info().batch, s.doppelgangers.get());
  s.stepper = make_train_step(s.model, *s.optimizer, {uint64_t(s.config.run.seed), s.config.train.record});
  calibrate(s);
  Steps steps(s);

  while (s.step < s.steps && !stop_signal()) {
    const StepResult r = steps.next();
    average.add(r, steps.times());
    stall.add(r.loss, s.step % s.batches_per_epoch() == 0);

    const bool last = s.step == s.steps || stop_signal();
    const bool log = s.step % every.log_every == 0 || last;
    const double now = progress.seconds(), n = double(average.n);
    const TrainPoint point{s.step,
                           double(s.step) / double(s.batches_per_epoch()),
                           average.loss / n,
                           r.learning_rate,
                           lambda_of(s.model, s.step - 1),
                           average.accuracy / n,
                           average.norm / n,
                           n * double(every.batch) / (now - logged),
                           s.earlier_seconds + now,
                           named_terms(s.model, average),
                           log ? named_figures(s, average) : NamedFigures{}};
    progress.show(s.step, status_line(point), log);
    if (log) folder.append(point), average = {}, logged = now;
    if (s.step % every.checkpoint_every == 0 || last) {
      s.save(folder);
      folder.keep_newest_checkpoints(2);
    }
    if (s.test && every.evaluate_every > 0 && s.step % every.evaluate_every == 0 && !last) {
      const auto verified = evaluate(s.model, *s.test, s.config);
      folder.append(EvalPoint{s.step, verified.accuracy.mean, verified.auc});
      logged = progress.seconds();
    }
  }
  progress.finish();
  return conclude(s, folder, progress);
}

TestResult evaluate(FaceModel& model, const TestData& test, const Config& config, Progress* progress) {
  const auto& o = config.test;
  const Embeddings e =
      embed(model, int64_t(test.names.size()), test.picture,
            {config.network.height, config.network.width, o.flip, o.batch}, [&](int64_t done) {
              if (progress) progress->show(done, "embedding", false);
            });
  const Centring centring = o.centre ? Centring::training_folds : Centring::none;
  TestResult result{verify(e.view(), test.pairs, {o.threshold, centring}),
                    angular_fisher_of_people(e.view(), test.people)};
  if (!test.groups.empty()) result.groups = accuracy_of_groups(result, test.groups, test.group, o.threshold);
  return result;
}

}  // namespace fr
