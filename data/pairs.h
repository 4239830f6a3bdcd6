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
  // Relative to the root, sorted bytewise; empty when files are not looked at.
  std::vector<std::string> frames = {};
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

// Reads a file by its first line, and a folder:
//   10<TAB>300            LFW's pairs.txt: 10 folds of 300 "name i j" (the same person) and 300 "name1 i name2 j"
//   500                   LFW's View 1: 500 + 500 such lines, no folds
//   fold,a,b,same         our CSV: folds from 0, same 0 or 1, names with commas in quotes; also fold,a,b,same,group
//   name i j, ...         one group of RFW: as LFW without the first line, no folds
//   path label            CALFW, CPLFW: two lines a pair, label 0 or the same number from 1 on both, no folds
//   path1 path2 label     label 0 (or -1) or 1, no folds
//   split_num, ...        YouTube Faces' splits.txt: "split, pair, video, video, same", with or without that first line, and
//                         with or without a sixth field, the corrected flag. Fills `videos`: folders root/NAME/0 of frames
//   folder FF or FP       CFP's Protocol/Split/FP with 01/same.txt, 01/diff.txt, ...; the root holds Protocol and Data
//   another folder        RFW's txts/ with GROUP/GROUP_pairs.txt; pictures are root/GROUP/NAME/NAME_0001.jpg
// Without folds, the i-th of n genuine pairs of a group goes to fold i folds / n, and the same for impostors: every fold has
// an equal share of both. CRLF, blanks for tabs and blank lines are tolerated; whatever else does not fit is Error{data}
// "file:line: ...", as are a list without genuine or without impostor pairs and a fold without pairs. Missing pictures (videos
// without frames): Error{data} with the first few and their number.
PairList read_pairs(const std::filesystem::path& list, const std::filesystem::path& root,
                    const PairOptions& options = {});

// Our CSV, with the fifth column when a pair has a group; what read_pairs reads back.
std::string to_csv(const std::vector<Pair>& pairs);

}  // namespace fr
