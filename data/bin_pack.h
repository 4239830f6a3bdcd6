// A list of pairs and its pictures as a .bin set (data/bin_set.h).
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "data/pairs.h"

namespace fr {

struct PackedPairs {
  std::vector<std::vector<uint8_t>> pictures;  // encoded; pair i is 2i and 2i + 1
  std::vector<bool> same;
  std::vector<std::string> notes;  // what a .bin cannot hold: uneven folds, groups
};

// Pairs in the order of their folds, so that a reader's contiguous folds are the list's. JPEG and PNG files stay as they are, BMP
// and PNM become PNG, which loses nothing; sizes are kept. Every picture is decoded once, to see that it can be. Throws Error{io}
// or Error{data} for a picture, std::invalid_argument for a list of videos.
PackedPairs pack_pairs(const PairList& list);

}  // namespace fr
