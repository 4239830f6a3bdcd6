// A data set of synthetic faces: who is on which picture, from which group, and the folder that a trainer reads.
#pragma once
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "data/synthetic/face.h"
#include "data/synthetic/style.h"

namespace fr {

enum class GroupDraw {
  by_share,
  in_turn,  // the groups with a share > 0 one after the other: as many people of each
};
enum class PairsOf {
  all,     // impostors from all people, so most lie in the largest group
  groups,  // both people of one group, as many pairs of each group
};

struct SyntheticOptions {
  uint64_t seed = 1;
  int64_t first_identity = 0;  // other people of the same kind: the same seed, another range
  int64_t identities = 1000;
  // Pictures of a person: long-tailed between the two (half of the people have fewer than min (max/min)^(1/4)), or
  // alike when they are equal.
  int64_t min_samples = 4, max_samples = 40;
  GroupShares group_share = kLongTail;  // of the people in each group
  GroupDraw group_draw = GroupDraw::by_share;
  GroupShares group_pictures = {1, 1, 1,
                                1};  // pictures of a person of each group, as a multiple of the above
  PairsOf pairs_of = PairsOf::all;
  int64_t impostors = 1;  // impostor pairs for each genuine pair, at least 1
  double difficulty = 1;  // 0: only the background changes; 1: the default; at most 4
  int size = 112;         // pixels a side, 32..512
  int style = 0;          // of all pictures: data/synthetic/style.h
};

// One picture. The label is identity - first_identity.
struct SyntheticSample {
  int64_t identity = 0, sample = 0;
  int group = 0, style = 0;
};

// Pure functions of the options and the person's number. samples_of: pictures of a person of this group, at least 1.
Identity draw_person(const SyntheticOptions& options, int64_t identity);
int64_t samples_of(const SyntheticOptions& options, int64_t identity, int group);

// Every picture, person by person. Throws std::invalid_argument for options out of range.
std::vector<SyntheticSample> list_samples(const SyntheticOptions& options);

// In the style of the sample, not of the options.
Image render_face(const SyntheticOptions& options, const SyntheticSample& sample);

std::string class_name(const SyntheticSample& sample);    // "g0_i000042"; in style 2 "s2_g0_i000042"
std::string picture_path(const SyntheticSample& sample);  // "g0_i000042/g0_i000042_0003.jpg"

struct SyntheticPair {
  int fold = 0;
  SyntheticSample a, b;
  bool same() const { return a.identity == b.identity; }
};

// Ten folds over disjoint people; in each, options.impostors impostor pairs for each genuine one, at most `pairs` in all; no
// pair twice. Fewer than two people a fold, or of each group in turn: fewer folds. PairsOf::groups: a fold with fewer than
// two people of a group has no pairs of it.
std::vector<SyntheticPair> draw_pairs(const SyntheticOptions& options, int64_t pairs);

// The pictures, on all threads, each at root / picture_path(). Existing ones are overwritten. progress(done, total) is called
// now and then, one thread at a time; may be empty. Throws Error{io}.
using SyntheticProgress = std::function<void(int64_t, int64_t)>;
void write_pictures(const std::filesystem::path& root, const SyntheticOptions& options,
                    const std::vector<SyntheticSample>& samples, int quality,
                    const SyntheticProgress& progress);

// Writes:
//   root/gG_iNNNNNN/gG_iNNNNNN_SSSS.jpg    the pictures
//   root/groups.txt     "class<TAB>group"      (groups are called g0 .. g3)
//   root/labels.txt     "path label"
//   root/pairs.csv      header "fold,a,b,same"
// The three lists are written last and atomically: a folder with labels.txt is complete.
void write_dataset(const std::filesystem::path& root, const SyntheticOptions& options, int quality,
                   int64_t pairs, const SyntheticProgress& progress = {});

// Rows are people (from the first on), columns their first pictures.
Image contact_sheet(const SyntheticOptions& options, int rows, int columns);

}  // namespace fr
