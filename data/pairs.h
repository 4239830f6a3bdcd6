// Verification protocols: pairs of pictures, the same person or not, in folds.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace fr {

struct Pair {
  std::string a, b;  // relative to the root; names of videos where PairList::videos has any
  bool same = false;
  int fold = 0;            // 0..folds - 1
  std::string group = {};  // subset the pair belongs to: "African"; empty when the list knows none
};

struct Video {
  std::string name;  // its folder, relative to the root
  std::vector<std::string>
      frames;  // relative to the root, sorted bytewise; empty when files are not looked at
};

struct PairList {
  std::filesystem::path root;
  std::vector<Pair> pairs;
  int folds = 0;
  std::vector<std::string> groups;  // in order of first appearance; empty when the list knows none
  std::vector<Video> videos;        // of YouTube Faces: every video of the pairs once; otherwise empty
  int64_t duplicates = 0;  // pairs that occur more than once (in either order), each repetition counted
  std::vector<std::string> notes;  // for the log
};

enum class Missing { error, drop };  // drop: leave such pairs out, with a note

struct PairOptions {
  std::string extension = ".jpg";    // of LFW-style names
  int folds = 10;                    // made when the file has none
  bool check_files = true;           // look whether every picture exists
  Missing missing = Missing::error;  // what if one does not
};

// Reads, by its first line:
//   10<TAB>300            LFW's pairs.txt: 10 folds of 300 "name i j" (the same person) and 300 "name1 i name2 j"
//   500                   LFW's View 1: 500 + 500 such lines, no folds
//   fold,a,b,same         our CSV: folds from 0, same 0 or 1, names with commas in quotes
//   name i j, ...         RFW: as LFW without the first line, no folds
//   path1 path2 label     label 0 (or -1) or 1, no folds
// Without folds, the i-th of n genuine pairs goes to fold i folds / n, and the same for impostors: every fold
// has an equal share of both. CRLF, blanks for tabs and blank lines are tolerated; whatever else does not fit
// is Error{data} "file:line: ...". Missing pictures: Error{data} with the first few and their number.
PairList read_pairs(const std::filesystem::path& list, const std::filesystem::path& root,
                    const PairOptions& options = {});

// Our CSV; what read_pairs reads back.
std::string to_csv(const std::vector<Pair>& pairs);

}  // namespace fr
