#include "fr/protocol/group_accuracy.h"

#include <cmath>
#include <map>

#include "base/error.h"

namespace fr {
namespace {

// The pairs of one group.
struct Part {
  std::vector<double> scores;
  std::vector<uint8_t> same;
  std::vector<int> fold;
};

Part part_of(const VerificationResult& r, const std::vector<int>& group, int g) {
  Part part;
  for (size_t i = 0; i < r.pairs.size(); ++i)
    if (group[i] == g)
      part.scores.push_back(r.scores[i]), part.same.push_back(r.same[i]),
          part.fold.push_back(r.pairs[i].fold);
  return part;
}

// A fold with pairs of one kind alone has an accuracy like any other; only the whole needs both.
void verify_alone(GroupAccuracy& a, const Part& part, ThresholdMode mode) {
  a.own = a.own_standard_error = a.auc = std::nan("");
  if (a.genuine == 0 || a.impostor == 0) return;
  a.auc = auc({part.scores, part.same});
  if (distinct_folds(part.fold).size() < 2) return;
  const KFoldAccuracy own = kfold_accuracy({part.scores, part.same}, part.fold, mode);
  a.own = own.mean, a.own_standard_error = own.standard_error;
}

}  // namespace

std::vector<GroupAccuracy> accuracy_of_groups(const VerificationResult& r,
                                              const std::vector<std::string>& groups,
                                              const std::vector<int>& group, ThresholdMode mode) {
  FR_CHECK(group.size() == r.pairs.size(), "accuracy of groups: expected a group for each of ",
           r.pairs.size(), " pairs, got ", group.size());
  for (const int g : group)
    FR_CHECK(g >= -1 && g < int(groups.size()), "accuracy of groups: group ", g, " of ", groups.size());
  std::map<int, double> threshold;
  for (const FoldAccuracy& f : r.accuracy.folds) threshold[f.fold] = f.threshold;
  std::vector<GroupAccuracy> all;
  for (int g = 0; g < int(groups.size()); ++g) {
    const Part part = part_of(r, group, g);
    if (part.scores.empty()) continue;
    GroupAccuracy a{.group = groups[size_t(g)]};
    double right = 0;
    for (size_t i = 0; i < part.scores.size(); ++i) {
      ++(part.same[i] ? a.genuine : a.impostor);
      right += decided_rightly(part.scores[i], part.same[i], threshold.at(part.fold[i]), mode);
    }
    a.common = right / double(part.scores.size());
    verify_alone(a, part, mode);
    all.push_back(std::move(a));
  }
  return all;
}

}  // namespace fr
