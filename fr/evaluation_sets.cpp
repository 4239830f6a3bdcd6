#include "fr/evaluation_sets.h"

#include <algorithm>

#include "data/bin_set.h"
#include "fr/protocol/fold_verification.h"
#include "fr/run_data.h"

namespace fr {
namespace {

// What the published set holds; a list that differs is told so.
struct Published {
  const char* title;
  size_t pairs = 0;                   // 0: any
  const char* group_title = nullptr;  // its groups are verifications of their own
  size_t groups = 0;
  const char* list = "";  // where it lies below the root
};

PairList read_list(const EvaluationConfig& c, const std::string& list) {
  need(c, list, "list"), need(c, c.root, "root");
  PairOptions options;
  options.missing = c.missing;
  return read_pairs(find_list(list, c.root), c.root, options);
}

// What settings and lists cannot give, said before anything is embedded.
void check_early(const EvaluationConfig& c, const VerificationSet& set) {
  check_pooling(c.pooling, calibration_word(c.calibration.type));
  check_convention(calibration_word(c.calibration.type), c.options);
  if (c.pooling != Pooling::mean_feature && set.videos.empty())
    throw Error(ErrorKind::usage,
                cat("pooling = mean_of_cosines is for videos; protocol = ", c.protocol, " has none"));
}

void compare(VerificationSet& set, const Published& published) {
  std::vector<int> fold;
  for (const VerificationPair& p : set.pairs) fold.push_back(p.fold);
  const size_t folds = distinct_folds(fold).size();
  if (published.pairs != 0 && (set.pairs.size() != published.pairs || folds != 10))
    set.warnings.push_back(cat(published.title, " has ", published.pairs, " pairs in 10 folds, this list ",
                               set.pairs.size(), " in ", folds, ": not the published protocol"));
  if (published.groups != 0 && set.groups.size() != published.groups)
    set.warnings.push_back(cat(published.title, " has ", published.groups, " groups, this list ",
                               set.groups.size(), ": not the published protocol"));
}

// Every group is a verification of its own.
void split_groups(VerificationSet& set, const Published& published, const std::string& list) {
  set.folds_of_groups = true, set.group_title = published.group_title;
  const auto without = std::count(set.group.begin(), set.group.end(), -1);
  if (set.groups.empty() || without > 0)
    throw Error(ErrorKind::data,
                cat(list, ": ", published.title, " has groups; ",
                    set.groups.empty() ? "expected a folder of GROUP/GROUP_pairs.txt or a column 'group'"
                                       : cat(without, " pairs are in none")));
}

std::unique_ptr<Protocol> make(const EvaluationConfig& c, const Published& published) {
  const std::string list = c.list.empty() ? published.list : c.list;
  VerificationSet set = verification_set(read_list(c, list), fs::path(list).filename().string());
  set.word = c.protocol, set.title = published.title;
  check_early(c, set);
  compare(set, published);
  if (published.group_title) split_groups(set, published, list);
  check_parts(set);
  if (set.videos.empty()) return std::make_unique<FoldVerification>(std::move(set));
  return std::make_unique<VideoVerification>(std::move(set), c.pooling);
}

}  // namespace

void need(const EvaluationConfig& c, const std::string& value, const std::string& key) {
  if (value.empty()) throw Error(ErrorKind::usage, cat("protocol = ", c.protocol, " needs ", key, " = ..."));
}

std::unique_ptr<Protocol> make_pairs(const EvaluationConfig& c) { return make(c, {"Pairs"}); }
std::unique_ptr<Protocol> make_lfw(const EvaluationConfig& c) { return make(c, {"LFW", 6000}); }
std::unique_ptr<Protocol> make_cfp_fp(const EvaluationConfig& c) {
  return make(c, {"CFP-FP", 7000, nullptr, 0, "Protocol/Split/FP"});
}
std::unique_ptr<Protocol> make_cfp_ff(const EvaluationConfig& c) {
  return make(c, {"CFP-FF", 7000, nullptr, 0, "Protocol/Split/FF"});
}
std::unique_ptr<Protocol> make_agedb_30(const EvaluationConfig& c) { return make(c, {"AgeDB-30", 6000}); }
std::unique_ptr<Protocol> make_calfw(const EvaluationConfig& c) { return make(c, {"CALFW", 6000}); }
std::unique_ptr<Protocol> make_cplfw(const EvaluationConfig& c) { return make(c, {"CPLFW", 6000}); }
std::unique_ptr<Protocol> make_rfw(const EvaluationConfig& c) {
  return make(c, {"RFW", 24000, "ethnicity", 4});
}
std::unique_ptr<Protocol> make_afw(const EvaluationConfig& c) { return make(c, {"AFW", 18000, "age", 3}); }
std::unique_ptr<Protocol> make_ytf(const EvaluationConfig& c) { return make(c, {"YouTube Faces", 5000}); }

std::unique_ptr<Protocol> make_bin(const EvaluationConfig& c) {
  need(c, c.list, "list");
  const fs::path file = find_list(c.list, c.root);
  VerificationSet set = verification_set(read_bin_set(file), file.filename().string());
  set.word = c.protocol, set.title = file.filename().string();
  check_early(c, set), check_parts(set);
  return std::make_unique<FoldVerification>(std::move(set));
}

}  // namespace fr
