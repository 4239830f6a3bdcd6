// What a run trains on and tests on, from its configuration.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "data/folder.h"
#include "data/loader.h"
#include "fr/config.h"
#include "fr/loss/training_classes.h"

namespace fr {

// Several data sets, one behind the other; all empty when there is one.
struct DatasetRanges {
  std::vector<std::string> names = {};
  std::vector<int64_t> pictures = {},
                       classes = {};  // (data sets + 1): number k has [pictures[k], pictures[k + 1])
  std::vector<double> shares = {};    // of what is drawn
};

struct TrainingData {
  std::shared_ptr<const Source> source;
  std::string description;  // "9525 pictures of 4038 people from people.txt"
  std::string notes;        // what was skipped or renumbered, one line each
  DatasetRanges ranges = {};

  int64_t classes() const { return source->num_classes(); }
  int64_t pictures() const { return source->size(); }
  TrainingClasses training_classes() const;
};

// Throws Error{data}, Error{io}.
TrainingData training_data(const Config& config);

// Pairs to verify; their rows are places in `names`.
struct TestData {
  std::vector<VerificationPair> pairs;
  std::vector<std::string> names;
  std::vector<int64_t> people;  // of each name, by people_of_names()
  std::function<Image(int64_t)> picture;
  std::string description;
  std::vector<std::string> groups = {};  // of people; empty: unknown
  std::vector<int> group = {};  // of each pair: of both its people, -1: of two groups; empty: unknown
};

// The pairs of data.test_pairs, or of unseen synthetic people; nothing when the configuration names none.
std::optional<TestData> test_data(const Config& config);
TestData pair_list(const fs::path& list, const fs::path& root);

using folder::picture_files;

// Pictures named one by one, and all below folders (sorted); each is decoded once, the damaged ones are named in `skipped`.
// Throws Error{data} when none is readable, Error{io} when a folder cannot be read.
struct FoundPictures {
  std::vector<fs::path> paths;
  std::vector<std::string> skipped;
};
FoundPictures find_pictures(const std::vector<std::string>& inputs);

NetworkOptions network_options(const Config& config);  // with the run's seed

// The configured loss, with what it must know of the run: its steps, and those of an epoch.
SupervisionOptions loss_options(const Config& config, const TrainingData& data);
int64_t batches_per_epoch(const Config& config, const TrainingData& data);
int64_t total_steps(const Config& config, const TrainingData& data);

// Throws Error{usage} when the data cannot fill a batch: too few pictures or, for the orders pk and doppelganger, people.
void check_batches(const Config& config, const TrainingData& data);

// Starts at batch `batch` of epoch `epoch`; the order doppelganger needs its list. Throws as check_batches().
std::unique_ptr<Loader> make_loader(const Config& config, const TrainingData& data, int64_t epoch,
                                    int64_t batch, DoppelgangerList* doppelgangers = nullptr);

}  // namespace fr
