// Pictures with who is on them, embedded for calibration: anchors, cohorts, the training pictures of SSR.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "fr/calibration/cohort_file.h"
#include "fr/checkpoint.h"
#include "fr/embed.h"
#include "fr/progress.h"
#include "fr/run_data.h"

namespace fr {

struct LabelledPictures {
  std::function<Image(int64_t)> picture;  // throws Error{data}, Error{io} for one that cannot be read
  std::vector<std::string> people;        // who is on each, "" where nobody knows
  std::vector<int64_t> labels;            // the class of each; empty: unknown
  std::string from;                       // for a reader: "9525 pictures of 4038 people from people.txt"
  int64_t size() const { return int64_t(people.size()); }
};

// The training pictures of a model by its own configuration, as `settings` ("data.root=...") change it. A model that was
// imported has none of its own. Throws Error{usage}, Error{data}, Error{io}.
TrainingData training_data_of(const LoadedModel& model, const std::vector<std::string>& settings);
// The name of each class, by folder::person_of() of its pictures; "class 0", "class 1" and so on when that does not tell the
// classes apart.
std::vector<std::string> class_names(const Source& source);
// Who each row of the classifier is: the people in the file (bin/relearn), else those of the training pictures; none where
// these are not told. Throws as training_data_of(), and Error{state} for other pictures than those of the training.
std::vector<std::string> names_of_weights(const LoadedModel& model, const std::vector<std::string>& settings);

LabelledPictures all_pictures(const TrainingData& data);
// One random picture each of `count` random people; 0, or more than there are: of all. Of the choices, each depends on the seed
// and its person alone.
LabelledPictures one_of_each_person(const TrainingData& data, int64_t count, uint64_t seed);
// The people are named by folder::person_of(); a picture right in one of the folders `inputs` by its name alone.
LabelledPictures found_pictures(const FoundPictures& found, const std::vector<std::string>& inputs);

// Leaves those at `places`, in that order.
void keep_pictures(LabelledPictures& pictures, const std::vector<int64_t>& places);
// `count` of them, in their order; 0, or more than there are: all.
LabelledPictures random_pictures(LabelledPictures pictures, int64_t count, uint64_t seed);
Cohort random_rows(Cohort cohort, int64_t count, uint64_t seed);

EmbeddingOrigin origin_of(const LoadedModel& model, FlipMode flip);

// Embeds what can be read, rows of unit length; the rest is named in `skipped` and leaves `pictures` too. Throws Error{data}
// when nothing can be read.
struct EmbeddedPictures {
  CalibratedRows rows;
  std::vector<std::string> skipped;
};
EmbeddedPictures embed_pictures(const LoadedModel& model, LabelledPictures& pictures, FlipMode flip,
                                int64_t batch);

// The rows of the classifier, scaled to unit length, with the names of their classes. Throws Error{usage} for a model without class
// weights in the space of its embeddings: without a head, or with mirror images side by side.
Cohort class_weights(const LoadedModel& model, FlipMode flip, const std::vector<std::string>& names);

}  // namespace fr
