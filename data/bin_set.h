// A verification set in insightface's .bin: pairs of encoded pictures in one pickle (lfw.bin, cfp_fp.bin, agedb_30.bin, ...).
// It is read as data: nothing in it is ever executed, see data/pickle.h.
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "data/image.h"
#include "data/pairs.h"

namespace fr {

struct BinSet {
  std::vector<std::string> names;                  // "FILE#0".."FILE#2N-1", FILE without folders
  std::vector<std::span<const uint8_t>> pictures;  // encoded; into `storage`
  std::vector<Pair> pairs;                         // pair i is names[2i] and names[2i + 1]
  int folds = 0;                                   // min(10, N), contiguous: see bin_fold
  std::vector<std::string> notes;                  // for the log
  std::shared_ptr<const void> storage;             // keeps the file and what was taken out of it

  Image picture(int64_t i) const;  // decoded; Error{data} names "FILE#i"
};

// The value must be (pictures, issame): 2N pictures as byte strings or as numpy uint8 vectors, N booleans. Throws Error{io};
// Error{data} for everything else, with the offset in the file.
BinSet read_bin_set(const std::filesystem::path& path);
BinSet parse_bin_set(std::vector<uint8_t> bytes,
                     const std::filesystem::path& path);  // the same of a file already read

// The fold of pair i of n without shuffling, as scikit-learn's KFold: the first n mod folds have one pair more.
int bin_fold(int64_t i, int64_t n, int folds);

// Writes what read_bin_set and insightface read: protocol 3, no code. `pictures` holds 2 N files as they are (JPEG, PNG), `same`
// N flags. Throws std::invalid_argument when the sizes do not fit or there is no pair; Error{io}.
void write_bin_set(const std::filesystem::path& path, const std::vector<std::vector<uint8_t>>& pictures,
                   const std::vector<bool>& same);

}  // namespace fr
