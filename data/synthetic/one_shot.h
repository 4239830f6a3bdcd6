// A one-shot benchmark of rendered people, as Guo and Zhang 2017, "One-shot face recognition by promoting underrepresented
// classes", have it of real ones: a base set to train on, and a novel set of people with one training picture each.
#pragma once
#include <filesystem>

#include "data/synthetic/dataset.h"

namespace fr {

struct OneShotSplit {
  int64_t novel = 0;  // the last so many people are the novel set
  int64_t base_probes =
      5;  // pictures of a person of the base set kept for the test, the last; one at least is trained on
};

// Lists beside those of write_dataset(), written atomically:
//   root/base.txt      "path label"     pictures of the base set to train on: data.source = list
//   root/gallery.txt   "class path"     the same, and the first picture of each novel person
//   root/probes.txt    "class path"     the pictures of the base set that are kept, and all others of the novel set
//   root/novel.txt     "class"          who is novel
// Throws std::invalid_argument unless there are base and novel people and something to search with, Error{io}.
void write_one_shot_lists(const std::filesystem::path& root, const SyntheticOptions& options,
                          const OneShotSplit& split);

}  // namespace fr
