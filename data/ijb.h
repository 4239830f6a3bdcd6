// The lists of IJB-B and IJB-C (Whitelam et al. 2017, Maze et al. 2018) in the layout of insightface: which pictures make a
// template, their landmarks, pairs of templates, galleries and probes. Fields are separated by blanks or tabs, numbers are
// decimal. Every malformed line is Error{data} "file:line: ...", an unreadable file Error{io}.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <unordered_map>
#include <vector>

#include "data/align.h"
#include "data/pairs.h"

namespace fr {

struct IjbSet {
  // Picture `picture` belongs to a template, and there to a medium: a still, or one of the frames of a video.
  struct Member {
    int32_t picture, template_place;
    int64_t media;
  };
  std::vector<std::string> pictures;  // file names, each once, in the order of the list
  std::vector<Member> members;        // in the order of the list
  std::vector<int64_t> template_ids;  // in order of first appearance; their numbers have gaps
  std::vector<int32_t> first_member;  // of each template; -1: all its pictures are missing and were left out
  std::vector<Landmarks> landmarks;   // of each picture; none without the list
  std::vector<float> detector_scores;
  std::vector<std::string> notes;  // for the log

  // The place of a template in template_ids, -1 for an unknown one.
  int32_t place(int64_t template_id) const;
  std::unordered_map<int64_t, int32_t> place_of;
};

struct IjbOptions {
  bool check_files = true;  // look whether every picture exists
  Missing missing =
      Missing::error;  // drop: pictures are left out, and with them templates that lose all of theirs
};

// members:   "n.jpg template media", ids 0..2^31-1 and 0..2^53; a picture may be in several templates, but once in each
// landmarks: "n.jpg x1 y1 .. x5 y5 score", pixels, a score in [0, 1]; an empty path: none. Pictures without a line are an
//            error, lines without a picture are counted in the notes.
IjbSet read_ijb(const std::filesystem::path& members, const std::filesystem::path& landmarks,
                const std::filesystem::path& root, const IjbOptions& options = {});

// Pair i compares templates a[i] and b[i] (places in template_ids). 9 bytes a pair: IJB-C has 15.7 million.
struct IjbPairs {
  std::vector<int32_t> a, b;
  std::vector<uint8_t> same;
  std::vector<std::string> notes;
  int64_t size() const { return static_cast<int64_t>(same.size()); }
};
// "template template label", label 0 or 1. A template unknown to the set, one paired with itself, or a pair once genuine and
// once not is an error; repeated pairs and those left out with missing pictures are counted in the notes.
IjbPairs read_ijb_pairs(const std::filesystem::path& path, const IjbSet& set);

// The templates of a gallery or of the probes and whose they are, each once, in the order of the file.
struct IjbSubjects {
  std::vector<int32_t> templates;  // places in template_ids
  std::vector<int64_t> subjects;
  std::vector<std::string> notes;
};
// CSV with a header that names TEMPLATE_ID and SUBJECT_ID, a row for each picture (or template); other columns are not read.
// A template unknown to the set or of two subjects is an error.
IjbSubjects read_ijb_subjects(const std::filesystem::path& path, const IjbSet& set);

}  // namespace fr
