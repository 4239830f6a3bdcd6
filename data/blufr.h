// LFW under the BLUFR protocol (Liao et al. 2014): all of LFW in ten trials, each with its own training people, and a test part
// that is matched against itself (verification) or probe against gallery (open-set identification).
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace fr {

// Places in BlufrProtocol::images, in the order of the file; no place occurs twice in a list.
struct BlufrTrial {
  std::vector<int64_t> train, test;  // disjoint, and of disjoint people
  std::vector<int64_t> gallery,
      probe;  // both within test, disjoint; a person has at most one picture in the gallery
};

struct BlufrProtocol {
  std::vector<std::string> images;  // relative to the root: name/name_0001.jpg
  std::vector<int64_t> people;      // who is on images[i], as numbered in the file
  std::vector<BlufrTrial> trials;
};

// The toolkit's blufr_lfw_config.mat as text; scripts/blufr_to_text.py writes both files.
//   images   "name label", one line a picture; NAME_0001.jpg without a folder stands for NAME/NAME_0001.jpg
//   trials   "trial set index": trial from 1 without gaps, set train | test | gallery | probe, index from 1: a line of `images`
// Throws Error{io}; Error{data} "file:line: ..." for a line that does not fit, a picture named twice, an index out of range or
// given twice, for more than 2^30 trials x pictures, and "file: trial T: ..." for a trial without one of its sets or against what
// BlufrTrial promises.
BlufrProtocol read_blufr(const std::filesystem::path& images, const std::filesystem::path& trials);

}  // namespace fr
