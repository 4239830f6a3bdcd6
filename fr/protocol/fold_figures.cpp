#include "fr/protocol/fold_figures.h"

#include <cmath>
#include "base/error.h"
#include "fr/protocol/insightface_val.h"
#include "fr/protocol/probe_rows.h"

namespace fr {
namespace {

// Each tested pair: was it decided rightly, and in which fold of which part does it count?
struct Decisions {
  std::vector<uint8_t> right;   // (pairs of the set)
  std::vector<size_t> cell;     // the same
  std::vector<size_t> part_of;  // (cells)
  size_t parts = 0;

  Decisions(const std::vector<VerifiedPart>& all, ThresholdMode mode) : parts(all.size()) {
    size_t pairs = 0;
    for (const VerifiedPart& part : all) pairs += part.place.size();
    right.resize(pairs), cell.resize(pairs);
    for (size_t p = 0; p < all.size(); ++p)
      for (const FoldAccuracy& fold : all[p].result.accuracy.folds) add(all[p], p, fold, mode);
  }

  // Accuracy of each part: the mean over its folds that have any weight.
  std::vector<double> accuracies(std::span<const float> weights) const {
    std::vector<double> hits(part_of.size(), 0), total(part_of.size(), 0);
    for (size_t i = 0; i < right.size(); ++i) {
      total[cell[i]] += weights[i];
      if (right[i]) hits[cell[i]] += weights[i];
    }
    std::vector<double> sum(parts, 0), folds(parts, 0);
    for (size_t c = 0; c < part_of.size(); ++c)
      if (total[c] > 0) sum[part_of[c]] += hits[c] / total[c], ++folds[part_of[c]];
    for (size_t p = 0; p < parts; ++p) sum[p] /= folds[p];  // not a number without any weight
    return sum;
  }

 private:
  void add(const VerifiedPart& part, size_t number, const FoldAccuracy& fold, ThresholdMode mode) {
    for (size_t i = 0; i < part.pairs.size(); ++i) {
      if (part.pairs[i].fold != fold.fold) continue;
      right[part.place[i]] = decided_rightly(part.result.scores[i], part.pairs[i].same, fold.threshold, mode);
      cell[part.place[i]] = part_of.size();
    }
    part_of.push_back(number);
  }
};

// The mean over the parts, each part, their spread.
std::vector<double> statistics(const std::vector<double>& accuracies) {
  const Spread s = spread(accuracies);
  std::vector<double> out = {s.mean};
  out.insert(out.end(), accuracies.begin(), accuracies.end());
  out.push_back(s.std);
  return out;
}

std::vector<Interval> fold_intervals(const std::vector<VerifiedPart>& parts, const PairIdentities& identities,
                                     const ProtocolOptions& options) {
  const Decisions decisions(parts, options.threshold);
  std::vector<uint8_t> same(decisions.right.size());
  for (const VerifiedPart& part : parts)
    for (size_t i = 0; i < part.place.size(); ++i) same[part.place[i]] = part.pairs[i].same;
  return bootstrap_pairs(identities, same, options.bootstrap, [&](std::span<const float> weights) {
    return statistics(decisions.accuracies(weights));
  });
}

void add_one_part(ProtocolResult& result, const VerificationResult& v) {
  const KFoldAccuracy& a = v.accuracy;
  result.figures.push_back({"accuracy_std", "standard deviation over the folds", a.std});
  result.figures.push_back({"accuracy_standard_error", "standard error of the mean", a.standard_error});
}

void add_several_parts(ProtocolResult& result, const std::vector<VerifiedPart>& parts,
                       const std::vector<Interval>& intervals) {
  for (size_t p = 0; p < parts.size(); ++p)
    result.figures.push_back({"accuracy_" + parts[p].name, "accuracy, " + parts[p].name,
                              parts[p].result.accuracy.mean, intervals[p + 1]});
  std::vector<double> accuracies;
  for (const VerifiedPart& part : parts) accuracies.push_back(part.result.accuracy.mean);
  result.figures.push_back({"accuracy_spread", cat("standard deviation over the ", parts.size(), " groups"),
                            spread(accuracies).std, intervals.back()});
}

// A fold that lacks one kind of pair has an accuracy, but no VAL.
void add_val(ProtocolResult& result, const VerificationResult& v) {
  std::vector<int> fold;
  for (const VerificationPair& p : v.pairs) fold.push_back(p.fold);
  try {
    const InterpolatedVal val = insightface_val({v.scores, v.same}, fold);
    result.figures.push_back({"val_at_far_1e-3", "VAL at FAR 0.1 % (insightface, interpolated)", val.val});
    result.figures.push_back({"val_std", "its standard deviation over the folds", val.val_std});
    result.figures.push_back({"val_far", "the FAR it realises", val.far});
  } catch (const Error& e) {
    result.notes.push_back(e.what());
  }
}

}  // namespace

void add_fold_figures(ProtocolResult& result, const std::vector<VerifiedPart>& parts,
                      const PairIdentities& identities, const ProtocolOptions& options) {
  const std::vector<Interval> intervals = fold_intervals(parts, identities, options);
  double accuracy = 0, threshold = 0;
  for (const VerifiedPart& part : parts) {
    accuracy += part.result.accuracy.mean / double(parts.size());
    threshold += part.result.threshold / double(parts.size());
  }
  const size_t folds = parts.front().result.accuracy.folds.size();
  const bool several = parts.size() > 1, squared = options.threshold == ThresholdMode::insightface;
  result.figures.push_back(
      {"accuracy",
       several ? cat("accuracy, mean of ", parts.size(), " groups") : cat("accuracy (", folds, " folds)"),
       accuracy, intervals.front()});
  several ? add_several_parts(result, parts, intervals) : add_one_part(result, parts.front().result);
  result.figures.push_back(
      {"threshold",
       squared ? "threshold (squared distance, mean of the folds)" : "threshold (mean of the folds)",
       threshold,
       {},
       FigureUnit::score});
  result.threshold = squared ? 1 - threshold / 2 : threshold;
  if (squared && !several) add_val(result, parts.front().result);
}

namespace {

// Places of the pairs of each row: all, then the groups.
std::vector<std::vector<size_t>> rows_of(const VerificationSet& set) {
  std::vector<std::vector<size_t>> rows(set.groups.size() + 1);
  for (size_t i = 0; i < set.pairs.size(); ++i) {
    rows[0].push_back(i);
    if (set.group[i] >= 0) rows[size_t(set.group[i]) + 1].push_back(i);
  }
  return rows;
}

// Accuracy, FAR and FRR of some pairs; not a number where there is nothing to share.
struct Rates {
  double accuracy, far, frr;
};
Rates rates(const PairScores& pairs, const std::vector<size_t>& at, double threshold,
            std::span<const float> weights) {
  double genuine = 0, impostor = 0, rejected = 0, accepted = 0;
  for (const size_t i : at) {
    const double w = weights.empty() ? 1 : double(weights[i]);
    const bool accept = pairs.scores[i] >= threshold;
    (pairs.same[i] ? genuine : impostor) += w;
    if (pairs.same[i] && !accept) rejected += w;
    if (!pairs.same[i] && accept) accepted += w;
  }
  return {1 - (rejected + accepted) / (genuine + impostor), accepted / impostor, rejected / genuine};
}

}  // namespace

void add_group_rows(ProtocolResult& result, const VerificationSet& set, const PairScores& pairs,
                    const BootstrapOptions& options) {
  const double threshold = best_threshold({pairs.scores, pairs.same}, ThresholdMode::exact);
  const auto rows = rows_of(set);
  const auto intervals =
      bootstrap_pairs(pairs.identities, pairs.same, options, [&](std::span<const float> weights) {
        std::vector<double> values;
        for (const auto& row : rows) {
          const Rates r = rates(pairs, row, threshold, weights);
          values.insert(values.end(), {r.accuracy, r.far, r.frr});
        }
        return values;
      });
  for (size_t k = 0; k < rows.size(); ++k) {
    const Rates r = rates(pairs, rows[k], threshold, {});
    int64_t genuine = 0;
    for (const size_t i : rows[k]) genuine += pairs.same[i] != 0;
    result.groups.push_back({k == 0 ? "all" : set.groups[k - 1], genuine, int64_t(rows[k].size()) - genuine,
                             r.accuracy, r.far, r.frr, intervals[3 * k], intervals[3 * k + 1],
                             intervals[3 * k + 2]});
  }
  result.group_title = set.group_title, result.threshold = threshold;
  result.notes.push_back(
      cat("groups: one threshold for all, ", threshold, ", which decides most pairs of all groups rightly"));
}

}  // namespace fr
