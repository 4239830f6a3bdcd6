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
  size_t pairs = 0;  // 0: any
};

const std::string& word_of(CalibrationType type) {
  return std::find_if(kCalibrationWords.begin(), kCalibrationWords.end(),
                      [&](const auto& w) { return w.second == type; })
      ->first;
}

void need(const EvaluationConfig& c, const std::string& value, const char* key) {
  if (value.empty()) throw Error(ErrorKind::usage, cat("protocol = ", c.protocol, " needs ", key, " = ..."));
}

PairList read_list(const EvaluationConfig& c) {
  need(c, c.list, "list"), need(c, c.root, "root");
  PairOptions options;
  options.missing = c.missing;
  return read_pairs(find_list(c.list, c.root), c.root, options);
}

// Before anything is embedded: what evaluate() would refuse after it.
void check_early(const EvaluationConfig& c, const VerificationSet& set) {
  check_convention(word_of(c.calibration.type), c.options);
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
}

VerificationSet make_set(const EvaluationConfig& c, const PairList& list, const Published& published) {
  VerificationSet set = verification_set(list, fs::path(c.list).filename().string());
  set.word = c.protocol, set.title = published.title;
  check_early(c, set);
  compare(set, published);
  return set;
}

std::unique_ptr<Protocol> make_folds(const EvaluationConfig& c, const Published& published) {
  return std::make_unique<FoldVerification>(make_set(c, read_list(c), published));
}

std::unique_ptr<Protocol> make_groups(const EvaluationConfig& c, const Published& published,
                                      const char* group_title) {
  VerificationSet set = make_set(c, read_list(c), published);
  set.folds_of_groups = true, set.group_title = group_title;
  return std::make_unique<FoldVerification>(std::move(set));
}

}  // namespace

std::unique_ptr<Protocol> make_pairs(const EvaluationConfig& c) { return make_folds(c, {"Pairs"}); }
std::unique_ptr<Protocol> make_lfw(const EvaluationConfig& c) { return make_folds(c, {"LFW", 6000}); }
std::unique_ptr<Protocol> make_cfp_fp(const EvaluationConfig& c) { return make_folds(c, {"CFP-FP", 7000}); }
std::unique_ptr<Protocol> make_cfp_ff(const EvaluationConfig& c) { return make_folds(c, {"CFP-FF", 7000}); }
std::unique_ptr<Protocol> make_agedb_30(const EvaluationConfig& c) {
  return make_folds(c, {"AgeDB-30", 6000});
}
std::unique_ptr<Protocol> make_calfw(const EvaluationConfig& c) { return make_folds(c, {"CALFW", 6000}); }
std::unique_ptr<Protocol> make_cplfw(const EvaluationConfig& c) { return make_folds(c, {"CPLFW", 6000}); }
std::unique_ptr<Protocol> make_rfw(const EvaluationConfig& c) {
  return make_groups(c, {"RFW", 24000}, "ethnicity");
}
std::unique_ptr<Protocol> make_afw(const EvaluationConfig& c) {
  return make_groups(c, {"AFW", 18000}, "age");
}

std::unique_ptr<Protocol> make_ytf(const EvaluationConfig& c) {
  return std::make_unique<VideoVerification>(make_set(c, read_list(c), {"YouTube Faces", 5000}), c.pooling);
}

std::unique_ptr<Protocol> make_bin(const EvaluationConfig& c) {
  need(c, c.list, "list");
  const fs::path file = find_list(c.list, c.root);
  VerificationSet set = verification_set(read_bin_set(file), file.filename().string());
  set.word = c.protocol, set.title = file.filename().string();
  check_early(c, set);
  return std::make_unique<FoldVerification>(std::move(set));
}

}  // namespace fr
