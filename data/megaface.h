// The files of MegaFace challenge 1 (Kemelmacher-Shlizerman et al. 2016): lists of probes and distractors, lists of wrongly
// labelled pictures, and features as OpenCV matrices.
#pragma once
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "data/npy.h"
#include "data/pairs.h"

namespace fr {

struct MegafaceSet {
  std::vector<std::string> probes;       // relative to their root
  std::vector<int64_t> people;           // of each probe: 0.., in order of first appearance
  std::vector<std::string> distractors;  // relative to their root, in the order of the list
  std::vector<int64_t> places;     // of each distractor in the list, ascending; those left out leave gaps
  int64_t listed = 0;              // distractors in the list: places lie below
  std::vector<std::string> notes;  // for the log
};

struct MegafaceOptions {
  // Lists of wrongly labelled pictures, one a line behind the last tab; lines with # are comments. A picture is left out when
  // its path ends in the entry, from a slash on. Empty: none.
  std::filesystem::path probe_noise = {}, distractor_noise = {};
  int64_t distractors = 1'000'000;  // only the first so many of the list
  bool check_files = true;          // look whether every picture (or feature) exists
  Missing missing = Missing::error;
  std::string suffix = {};  // of the files that are looked for: "" for pictures, "_net.bin" for features
};

// Both lists are JSON {"id": [...], "path": [...]}, as many of each; ids are text or whole numbers, those of distractors are not
// used. Error{io}; Error{data} naming the file and the key, for no distractors or no person with two probes, and as read_pairs()
// for missing files.
MegafaceSet read_megaface(const std::filesystem::path& probe_list, const std::filesystem::path& probe_root,
                          const std::filesystem::path& distractor_list,
                          const std::filesystem::path& distractor_root, const MegafaceOptions& options = {});

// rows, columns, bytes a row, 5 (float), each a 32-bit integer, then the rows. Error{io}, Error{data}.
Matrix read_opencv_matrix(const std::filesystem::path& path);
void write_opencv_matrix(const std::filesystem::path& path, const Matrix& matrix);

// Appends the feature of every path, root/path + suffix, a matrix of one row or one column, to `features` (N,D). D 0 becomes the
// size of the first. Error{io}; Error{data} for another size, one beyond 65,536 or a number that is not finite.
void append_features(std::vector<float>& features, int64_t& D, const std::filesystem::path& root,
                     std::span<const std::string> paths, const std::string& suffix);

}  // namespace fr
