// A data set of synthetic faces: who is on which picture, from which group, and the folder that a trainer reads.
#pragma once
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "data/synthetic/face.h"

namespace fr {

struct SyntheticOptions {
  uint64_t seed = 1;
  int64_t first_identity = 0;  // other people of the same kind: the same seed, another range
  int64_t identities = 1000;
  // Pictures of a person: long-tailed between the two (half of the people have fewer than min (max/min)^(1/4)), or
  // alike when they are equal.
  int64_t min_samples = 4, max_samples = 40;
  GroupShares group_share = kLongTail;  // of the people in each group
  // Where the two of an impostor pair come from: anywhere, so that most lie in the largest group, or one group; then every
  // group that has people gets an equal part of the pairs, in folds of its own people.
  enum class Pairs { of_all, within_groups } pairs = Pairs::of_all;
  double difficulty = 1;  // 0: only the background changes; 1: the default; at most 4
  int size = 112;         // pixels a side, 32..512
};

// One picture. The label is identity - first_identity.
struct SyntheticSample {
  int64_t identity = 0, sample = 0;
  int group = 0;
};

// Number of pictures of a person: a pure function of the seed, the identity and the two bounds.
int64_t samples_of(const SyntheticOptions& options, int64_t identity);

// Every picture, person by person. Throws std::invalid_argument for options out of range.
std::vector<SyntheticSample> list_samples(const SyntheticOptions& options);

Image render_face(const SyntheticOptions& options, const SyntheticSample& sample);

std::string class_name(const SyntheticSample& sample);    // "g0_i000042"
std::string picture_path(const SyntheticSample& sample);  // "g0_i000042/g0_i000042_0003.jpg"

struct SyntheticPair {
  int fold = 0;
  SyntheticSample a, b;
  bool same() const { return a.identity == b.identity; }
};

// Ten folds over disjoint people; in each, as many genuine as impostor pairs, at most `pairs` in all; no pair twice.
// SyntheticOptions::pairs says where impostors come from. Fewer than two people a fold: fewer folds.
std::vector<SyntheticPair> draw_pairs(const SyntheticOptions& options, int64_t pairs);

// Writes, on all threads:
//   root/gG_iNNNNNN/gG_iNNNNNN_SSSS.jpg    the pictures
//   root/groups.txt     "class<TAB>group"      (groups are called g0 .. g3)
//   root/labels.txt     "path label"
//   root/pairs.csv      header "fold,a,b,same"
// The three lists are written last and atomically: a folder with labels.txt is complete. Existing pictures are
// overwritten. progress(done, total) is called now and then, one thread at a time; may be empty. Throws Error{io}.
void write_dataset(const std::filesystem::path& root, const SyntheticOptions& options, int quality,
                   int64_t pairs, const std::function<void(int64_t, int64_t)>& progress = {});

// Rows are people (from the first on), columns their first pictures.
Image contact_sheet(const SyntheticOptions& options, int rows, int columns);

}  // namespace fr
