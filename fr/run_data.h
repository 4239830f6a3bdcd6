// What a run trains on and tests on, from its configuration.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/loader.h"
#include "fr/config.h"

namespace fr {

class TrainingData {
 public:
  TrainingData(Dataset dataset, std::shared_ptr<Source> source, std::string what);
  int64_t classes() const { return dataset_.num_classes(); }
  int64_t pictures() const { return static_cast<int64_t>(dataset_.samples.size()); }
  uint64_t fingerprint() const { return dataset_.fingerprint(); }
  const Dataset& dataset() const { return dataset_; }
  const std::shared_ptr<Source>& source() const { return source_; }

  std::string description;  // "9525 pictures of 4038 people from people.txt"
  std::string notes;        // what was skipped or renumbered, one line each

 private:
  Dataset dataset_;
  std::shared_ptr<Source> source_;
};

// Throws Error{data}, Error{io}.
TrainingData training_data(const Config& config);

// Pairs to verify; their rows are places in `names`.
struct TestData {
  std::vector<VerificationPair> pairs;
  std::vector<std::string> names;
  std::function<Image(int64_t)> picture;
  std::string description;
};

// The pairs of data.test_pairs, or of unseen synthetic people; nothing when the configuration names none.
std::optional<TestData> test_data(const Config& config);
TestData pair_list(const fs::path& list, const fs::path& root);

SphereFaceOptions network_options(const Config& config);  // with the run's seed

// Starts at batch `batch` of epoch `epoch`.
std::unique_ptr<Loader> make_loader(const Config& config, const TrainingData& data, int64_t epoch,
                                    int64_t batch);

}  // namespace fr
