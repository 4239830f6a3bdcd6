// The one-shot benchmark (Guo and Zhang 2017, "One-shot face recognition by promoting underrepresented classes"; the low-shot
// challenge of MS-Celeb-1M) with rendered people: a base set to train on, novel people of whom one picture is known, and
// test pictures of both, which nobody trains on.
#pragma once
#include "data/synthetic/dataset.h"

namespace fr {

struct OneShotOptions {
  int64_t novel = 100;        // people behind the base people
  int64_t test_pictures = 5;  // of each person, base and novel
};

// The base people are those of `people`, with the pictures it gives them; the pictures behind those are their test. Of a novel
// person picture 0 is known and the next are the test.
struct OneShotSet {
  std::vector<SyntheticSample> base_train, novel_train, base_test, novel_test;
};
// Throws std::invalid_argument for options out of range.
OneShotSet one_shot_set(const SyntheticOptions& people, const OneShotOptions& options);

// Writes the pictures as write_dataset() does, and
//   base_train.txt, novel_train.txt   "path label"; the labels of the novel people follow those of the base, so that both
//                                     lists together are one list
//   gallery.txt, probes.txt           "person path": the training and the test pictures of all people
//   novel.txt                         names of the novel people
//   groups.txt                        "class<TAB>group"
// the lists last and atomically, gallery.txt after all others. bin/evaluate protocol=coverage reads them.
void write_one_shot(const std::filesystem::path& root, const SyntheticOptions& people,
                    const OneShotOptions& options, int quality, const SyntheticProgress& progress = {});

}  // namespace fr
