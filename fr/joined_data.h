// Several data sets to train on at once.
#pragma once
#include "fr/run_data.h"

namespace fr {

// One behind the other, each with a range of its own of the pictures and of the classes. `names`: one each. Notes name data
// sets of one person where the loss is dataset-aware: it learns nothing from them.
TrainingData join_datasets(const std::vector<TrainingData>& parts, const std::vector<std::string>& names,
                           const Config& config);

// The styles of the two pictures of rendered test pairs, one pair after the other: within, across, or both in turn.
std::vector<std::pair<int, int>> styles_of_pairs(TestStyles kind, int styles);

}  // namespace fr
