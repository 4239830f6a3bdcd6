// One row for each person with several pictures: the mean of its embeddings of unit length. Snell et al. 2017, "Prototypical
// networks", Eq. 1; Smirnov et al. 2017, Section 4.2.5.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "fr/pfe/distribution.h"

namespace fr {

struct Prototypes {
  std::vector<float> rows;                      // (people,D): means, not of unit length
  int64_t D = 0;                                //
  std::vector<int64_t> people, first_pictures;  // of each row, in the order of their first pictures
  EmbeddingView view() const { return {rows, int64_t(people.size()), D}; }
};

// people (N). std::invalid_argument for another number of them.
Prototypes prototypes_of(const EmbeddingView& embeddings, std::span<const int64_t> people);
// Of distributions, rows (N,2D): fuse_distributions() of each person's.
Prototypes fused_prototypes(const EmbeddingView& distributions, std::span<const int64_t> people,
                            Fusion fusion);

}  // namespace fr
