// A list of pairs as a verification protocol takes it: which pictures, which pairs, and who is on them.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "data/bin_set.h"
#include "data/pairs.h"
#include "fr/protocol/protocol.h"
#include "fr/protocol/verification.h"

namespace fr {

enum class PeopleFrom {
  names,          // the folder a picture lies in, the folder above it, or its file's name without the number
  genuine_pairs,  // nobody says: pictures that a chain of genuine pairs joins are one person
};

struct VerificationSet {
  std::string word = "pairs", title = "pairs";  // of the configuration; for a reader
  PictureList pictures;
  std::vector<VerificationPair> pairs;  // rows: places in `pictures`; with videos, places in `videos`
  std::vector<int64_t> people;          // (rows): 0, 1, ..
  PeopleFrom people_from = PeopleFrom::genuine_pairs;
  std::vector<std::string> person_names;  // (rows) with PeopleFrom::names: the name of each; otherwise empty

  std::vector<std::string> groups;    // subsets of the pairs; empty: none
  std::vector<int64_t> group;         // (pairs): a place in `groups`; -1: in none
  std::string group_title = "group";  // "ethnicity"
  bool folds_of_groups = false;       // every group is a verification of its own (RFW)

  struct Frames {
    int64_t begin, end;  // places in `pictures`
  };
  std::vector<Frames> videos;  // empty: the rows are the pictures

  std::string description;  // "6000 pairs in 10 folds from pairs.txt"
  std::vector<std::string> warnings, notes;

  int64_t rows() const { return int64_t(videos.empty() ? pictures.names.size() : videos.size()); }
};

// `from`: the name of the list, for the description.
VerificationSet verification_set(const PairList& list, const std::string& from);
VerificationSet verification_set(const BinSet& set, const std::string& from);

// Who is on each picture, by the first rule of PeopleFrom::names that contradicts no pair; empty when all do. `person_names`,
// if asked for: the last part of the path that names each, "Ann_Lee".
std::vector<int64_t> people_of_names(const std::vector<std::string>& names,
                                     const std::vector<VerificationPair>& pairs,
                                     std::vector<std::string>* person_names = nullptr);
// By the pairs alone: rows that a chain of genuine pairs joins.
std::vector<int64_t> people_of_genuine_pairs(int64_t rows, const std::vector<VerificationPair>& pairs);

}  // namespace fr
