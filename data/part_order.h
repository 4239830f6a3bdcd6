// The order of an epoch in which each data set has its own share of the draws. Internal to the loader.
#pragma once
#include <cstdint>
#include <vector>

#include "base/philox.h"
#include "data/loader.h"

namespace fr {

// How many of `draws` each part gets: share x draws rounded so that they sum to `draws`; the largest remainders go up, ties
// to the first.
std::vector<int64_t> draws_of_parts(const std::vector<LoaderPart>& parts, int64_t draws);

// `draws` samples, mixed. Within a part
//   uniform    its pictures, permuted, as often as they are needed: how often two of them are drawn differs by one at most
//   balanced   rounds over its classes, a random picture of each
std::vector<int64_t> part_order(const Source& source, const std::vector<LoaderPart>& parts, Order order,
                                int64_t draws, Random random);

// `draws` of the pictures [first, last) by rounds over their permuted classes.
std::vector<int64_t> balanced_order(const Source& source, int64_t first, int64_t last, int64_t draws,
                                    Random& random);

}  // namespace fr
