// Probes named by the class scores of one model or several (bin/relearn), not by the most similar prototype. The score of a name is
// its probability, of several models the mean of their probabilities.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "fr/checkpoint.h"
#include "fr/embed.h"
#include "fr/protocol/open_set.h"

namespace fr {

// For each name its class in model.info.people, -1 where it has none. Throws Error{usage} for a model without the names of its
// classes.
std::vector<int64_t> classes_of(const LoadedModel& model, const std::vector<std::string>& names);

// What one model says: its head, the embeddings (N,D) of the probes, and in which of its columns each name stands.
struct ClassifierView {
  ClassHead* head;
  EmbeddingView embeddings;
  std::vector<int64_t> column;  // (names), -1: not known
};
// own (N): the name of each probe. Of each probe the best probability over all names, and the rank of its own, which is 0 where no
// model knows it. A model's probability of a name it does not know is 0. Throws std::invalid_argument for sizes that differ.
std::vector<ProbeResult> search_classes(const std::vector<ClassifierView>& models,
                                        std::span<const int64_t> own);

}  // namespace fr
