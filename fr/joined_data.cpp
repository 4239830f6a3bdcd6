#include "fr/joined_data.h"

#include "data/joined_source.h"

namespace fr {
namespace {

std::string lone_class_notes(const DatasetRanges& ranges) {
  std::string notes;
  for (size_t k = 0; k < ranges.names.size(); ++k)
    if (ranges.classes[k + 1] - ranges.classes[k] == 1)
      notes += cat(ranges.names[k], ": one person, told from nobody: its pictures add nothing to the loss\n");
  return notes;
}

}  // namespace

TrainingData join_datasets(const std::vector<TrainingData>& parts, const std::vector<std::string>& names,
                           const Config& config) {
  TrainingData all;
  std::vector<std::shared_ptr<const Source>> sources;
  std::vector<int64_t> pictures;
  for (const TrainingData& part : parts) {
    all.description += cat(sources.empty() ? "" : " + ", part.description), all.notes += part.notes;
    sources.push_back(part.source), pictures.push_back(part.pictures());
  }
  const auto joined = std::make_shared<JoinedSource>(std::move(sources));
  all.source = joined;
  // Other orders than uniform draw people, each as often as another.
  if (config.data.weights.by == DatasetWeights::By::pictures && config.data.order != Order::uniform)
    for (size_t k = 0; k < parts.size(); ++k) pictures[k] = parts[k].classes();
  all.ranges = {names, joined->first_picture(), joined->first_class(),
                dataset_shares(config.data.weights, pictures)};
  if (config.loss.dail.classes == DailOptions::Classes::dataset) all.notes += lone_class_notes(all.ranges);
  return all;
}

std::vector<std::pair<int, int>> styles_of_pairs(TestStyles kind, int styles) {
  std::vector<std::pair<int, int>> within, across, mixed;
  for (int a = 0; a < styles; ++a) {
    within.emplace_back(a, a);
    for (int b = 0; b < styles; ++b)
      if (b != a) across.emplace_back(a, b);
  }
  if (kind == TestStyles::within || across.empty()) return within;
  if (kind == TestStyles::across) return across;
  for (size_t i = 0; i < across.size(); ++i)
    mixed.insert(mixed.end(), {within[i % within.size()], across[i]});
  return mixed;
}

}  // namespace fr
