// Training: from a configuration to a run folder with checkpoints, figures and a report.
#pragma once
#include <memory>

#include "data/loader.h"
#include "fr/checkpoint.h"
#include "fr/progress.h"
#include "fr/protocol/angular_fisher.h"
#include "fr/run_data.h"
#include "fr/run_folder.h"
#include "fr/train_step.h"

namespace fr {

// Everything a run holds in memory.
struct Session {
  explicit Session(const Config& configuration);

  Config config;
  std::string resolved;        // the whole configuration as INI text
  std::string decides_result;  // the part that a resumed run must share
  TrainingData data;
  std::optional<TestData> test;
  Placement placement;
  std::optional<Preprocessing> base_input;  // of the model whose network stays as it is
  FaceModel model;
  std::string frozen;  // CheckpointInfo::frozen
  std::unique_ptr<Optimizer> optimizer;
  int64_t steps = 0, step = 0;  // of the run; done
  double earlier_seconds = 0;   // of training before the run was resumed
  Schedule schedule;
  std::unique_ptr<DoppelgangerList> doppelgangers;  // of data.order = doppelganger
  std::unique_ptr<Loader> loader;
  std::unique_ptr<TrainStep> stepper;

  int64_t batches_per_epoch() const;
  CheckpointInfo info() const;
  // Throws what save_checkpoint() and resume_newest() throw.
  void save(const RunFolder& folder);
  void resume(const RunFolder& folder);
};

// One step with this batch; what TrainStep::finish() throws.
StepResult train_step(Session& session, const Batch& batch);

// What the test pictures say of the embedding.
struct TestResult : VerificationResult {
  // Of the people with two or more pictures; none when the data do not say who is who.
  std::optional<AngularFisher> angular_fisher;
  std::vector<GroupAccuracy> groups = {};  // none when the data do not say
};

struct RunResult {
  std::optional<TestResult> test;
  double train_seconds = 0, total_seconds = 0;          // with those before the run was resumed
  int64_t images = 0;                                   // of all steps
  std::vector<std::pair<std::string, double>> scalars;  // what the loss has learned beside the class weights
  ReportFeatures features;
  ReportDoppelgangers doppelgangers = {};  // of data.order = doppelganger
  ReportDomains domains;
  int64_t damaged = 0;  // pictures that could not be read
  int stopped_by = 0;   // a signal, 0: ran to its end
};

// Steps until the end or a signal, with metrics and checkpoints on the way.
RunResult run(Session& session, const RunFolder& folder);

TestResult evaluate(FaceModel& model, const TestData& test, const Config& config,
                    Progress* progress = nullptr);

}  // namespace fr
