// Everything a run can be told. Plain fields with their defaults; describe() gives each its INI key, range
// and help.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "data/loader.h"
#include "data/patch.h"
#include "fr/backbone/network.h"
#include "fr/dail/dataset_weights.h"
#include "fr/loss/supervision.h"
#include "fr/multipliers.h"
#include "fr/pfe/uncertainty.h"
#include "fr/placement.h"
#include "fr/protocol/metrics.h"
#include "fr/protocol/verification.h"
#include "fr/schema.h"
#include "nn/make_optimizer.h"
#include "nn/schedule.h"

namespace fr {

// Of the rendered test people.
enum class TestGroups {
  as_training,
  balanced,  // as many of each group; pairs within a group
};
// Of the pictures of a rendered test pair, where there are several data sets.
enum class TestStyles { within, across, mixed };
enum class DataSource { synthetic, folder, list, people, idx, digits };

struct Config {
  struct Run {
    std::string name;             // "" takes the name of the configuration file
    std::string folder = "runs";  // the run writes folder/name
    int64_t seed = 1;
    int64_t threads = 0;                                                 // 0: all cores
    bool winograd = true, tf32 = false, hopper = false, cublas = false;  // tensor/kernels.h
  } run;

  struct Data {
    DataSource source = DataSource::synthetic;
    std::vector<std::string> roots, lists;  // training pictures: of each data set
    DatasetWeights weights;                 // of the data sets
    std::string root() const { return roots.empty() ? "" : roots.front(); }
    std::string list(size_t k) const {
      return k < lists.size() ? lists[k] : lists.size() == 1 ? lists[0] : "";
    }
    int64_t min_images = 1;  // classes with fewer are left out
    int64_t largest = 0;     // only so many classes, those with the most pictures
    int64_t digits = 10000;  // pictures of source = digits
    Order order = Order::uniform;
    int64_t per_identity = 4;   // pk
    Patch patch = Patch::full;  // of the training and test pictures: data/patch.h
    int64_t workers = 2, prefetch = 4, cache_mb = 2048;
    double max_damaged = 0.01;          // share of the data set
    std::string test_root, test_pairs;  // held-out pairs; test_root "" means root
  } data;

  struct Synthetic {
    int64_t identities = 500, min_samples = 8,
            max_samples = 40;                         // training people, pictures of each (a long tail)
    int64_t test_identities = 200, test_samples = 6;  // other people
    int64_t test_pairs = 4000;
    double difficulty = 1;
    std::vector<double> group_shares = {0.60, 0.25, 0.10, 0.05}, group_pictures = {1, 1, 1, 1};
    TestGroups test_groups = TestGroups::as_training;
    int64_t datasets = 1;  // number k in rendering style k
    double shared = 0;     // share of the people of a data set who are in every one
    TestStyles test_styles = TestStyles::mixed;
  } synthetic;

  DoppelgangerOptions mining;  // data.order = doppelganger
  Augment augment;
  NetworkOptions network;
  SupervisionOptions loss;
  OptimizerOptions optimizer = {.momentum = 0.9, .weight_decay = 5e-4, .form = MomentumForm::caffe};
  double lr = 0.1;
  std::vector<MultiplierRule> multipliers;
  double slope_decay = 1;  // of PReLU slopes
  struct LearningRate {
    Schedule::Kind kind = Schedule::Kind::steps;
    int64_t warmup = 0;  // steps
    std::vector<double> milestones = {0.571,
                                      0.857};  // shares of the run: 16k and 24k of SphereFace's 28k steps
    double factor = 0.1, floor = 0, power = 1;
    double period = 0.25, multiplier = 1;  // sgdr: share of the run, growth
  } schedule;

  struct Train {
    int64_t batch = 64, steps = 0, epochs = 10;  // steps 0: epochs decide
    int64_t log_every = 20, checkpoint_every = 500, evaluate_every = 0;
    bool report = true;
    DeviceChoice device = DeviceChoice::automatic;
    DType precision = DType::float32;  // of maps: float32 or bfloat16
    bool record = true;                // on a device: the third step is recorded, and repeated from then on
  } train;

  struct Pfe {             // probabilistic face embeddings: fr/pfe/uncertainty.h
    std::string model;     // whose network gets an uncertainty module; "": a network is trained
    double decay = 0.995;  // of the module's running statistics
  } pfe;

  struct Report {
    int64_t features = 0;  // training pictures whose embeddings the report draws
  } report;

  struct Test {
    FlipMode flip = FlipMode::concatenate;
    ThresholdMode threshold = ThresholdMode::exact;
    bool centre = false;  // subtract the mean of the training folds' embeddings (SphereFace's LFW script)
    int64_t batch = 64;
  } test;
};

// What the schedule is at a run of `total_steps`.
Schedule schedule_of(const Config& config, int64_t total_steps);

UncertaintyOptions uncertainty_options(const Config& config);  // without the sizes, which are the network's

// Where a run of this configuration computes; see fr/placement.h for what it throws.
Placement placement_of(const Config& config);

// The schema over the fields of `config`, which must outlive it.
Schema describe(Config& config);

// The words for a choice, in a configuration and on a command line.
inline const std::vector<std::pair<std::string, FlipMode>> kFlipWords = {
    {"none", FlipMode::none},
    {"sum", FlipMode::sum},
    {"mean", FlipMode::mean},
    {"concatenate", FlipMode::concatenate}};
inline const std::vector<std::pair<std::string, Patch>> kPatchWords = {
    {"full", Patch::full}, {"upper", Patch::upper}, {"centre", Patch::centre}};
inline const std::vector<std::pair<std::string, ThresholdMode>> kThresholdWords = {
    {"exact", ThresholdMode::exact},
    {"insightface", ThresholdMode::insightface},
    {"sphereface", ThresholdMode::sphereface},
    {"pfe", ThresholdMode::pfe}};

void select_methods(const Config::Run& run);  // what tensor/kernels.h lets a program choose

// A list's path: as it stands, or, when there is no such file, relative to the folder of the pictures.
std::filesystem::path find_list(const std::string& list, const std::string& root);

// docs/configuration.md.
std::string configuration_document(const Schema& schema);

// Whether batches of the order doppelganger can be made of so many classes. Throws Error{usage}.
void check_mining(const Config& config, int64_t classes);

// What no single range can say: missing paths, a network size that does not fit, ... Throws Error{usage}.
void check(const Config& config);

}  // namespace fr
