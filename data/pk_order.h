// Batches of P identities with K images each, as losses on pairs and triplets want them (Schroff et al. 2015; Hermans et al.
// 2017, "In defense of the triplet loss"). Internal to the loader.
#pragma once
#include <cstdint>
#include <vector>

#include "base/philox.h"
#include "data/source.h"

namespace fr {

// `batches` P K samples: batch b holds positions b P K .. b P K + P K - 1, and the images of one identity stand side by side.
//   identities   rounds over their permutations, no two alike in a batch: how often two of them are drawn in an epoch differs
//                by one at most
//   images       of an identity: dealt like cards, so that a batch holds K different ones and all are dealt before one comes
//                again; cards that are too few for a hand are shuffled in. With fewer than K images each stands in a batch
//                floor(K / n) or ceil(K / n) times.
// P must not exceed the number of classes with images.
std::vector<int64_t> pk_order(const Source& source, int64_t P, int64_t K, int64_t batches, Random random);

// Of the images [first, last): those of each class, ascending; a class may have none.
std::vector<std::vector<int64_t>> images_of_classes(const Source& source, int64_t first, int64_t last);
int64_t classes_with_images(const Source& source);

}  // namespace fr
