// From the scores of a batch to the doppelgangers of its classes; and the list of them in a checkpoint.
#pragma once
#include <span>
#include <vector>

#include "data/doppelganger_list.h"
#include "nn/state.h"

namespace fr {

// A picture of class `label` and the other class that scores highest for it; -1: none.
struct OtherClass {
  int64_t label, other;
  double score;
};

// Dop[c] = argmax_{j != c} max_{i: y_i = c} z_ij for every class c of the batch, ties to the lowest j; ascending in c. A class
// whose pictures have no other class is left out. Smirnov et al. 2017, Section 3.2.
std::vector<Doppelganger> doppelgangers_of(std::span<const OtherClass> pictures);

// How many classes have a doppelganger, and how many of those are the doppelganger of theirs.
struct DoppelgangerCounts {
  int64_t classes = 0, listed = 0, mutual = 0;
};
DoppelgangerCounts counts_of(const DoppelgangerList& list);

// "mining.doppelgangers" int64 (classes) and "mining.recent" int64 (n,3), for a checkpoint behind `list.steps()` steps.
NamedTensors tensors_of(const DoppelgangerList& list);
// Throws Error{state} for tensors that are missing or do not fit.
void restore(DoppelgangerList& list, const NamedTensors& tensors, int64_t steps);

}  // namespace fr
