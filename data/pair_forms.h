// The forms of published lists of pairs. Internal to read_pairs (data/pairs.h), which describes them and makes folds, counts
// repetitions and looks at files for all of them.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "data/pairs.h"
#include "data/text.h"

namespace fr::pair_forms {

using Lines = std::vector<text::Line>;
constexpr int64_t kLargestIndex = 100'000'000;
constexpr int kNoFold = -1;  // read_pairs makes folds

// One text file being read.
struct File {
  const std::filesystem::path& path;
  const PairOptions& options;

  // "path:line: what, got 'text'"
  [[noreturn]] void fail(const text::Line& line, const std::string& what) const;
  int64_t number(const std::string& field, const char* what, int64_t low, int64_t high,
                 const text::Line& line) const {
    return text::number(field, what, low, high, path, line.number);
  }
  bool flag(const std::string& field, const char* what, const text::Line& line) const {
    return number(field, what, 0, 1, line) == 1;
  }
};

bool is_number(const std::string& field);

// data/pair_text.cpp: LFW, RFW of one group, CALFW and CPLFW, "path1 path2 label", CSV. By the first line.
PairList read_text(const File& file, const Lines& lines);

// data/pair_folders.cpp: CFP's Split/FF or Split/FP; a folder with GROUP/GROUP_pairs.txt (RFW).
PairList read_folder(const std::filesystem::path& folder, const PairOptions& options);

// data/pair_videos.cpp: YouTube Faces' splits.txt. The videos have no frames yet.
bool is_videos(const Lines& lines);
PairList read_videos(const File& file, const Lines& lines);
// The pictures of root / name, relative to the root, sorted bytewise; empty when there is no such folder.
std::vector<std::string> frames_of(const std::filesystem::path& root, const std::string& name);

}  // namespace fr::pair_forms
