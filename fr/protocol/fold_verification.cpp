#include "fr/protocol/fold_verification.h"

#include <algorithm>

#include "base/error.h"
#include "fr/protocol/angular_fisher.h"
#include "fr/protocol/fold_figures.h"

namespace fr {
namespace {

constexpr size_t kHardest = 12;

// The whole set, or each group where groups have folds of their own.
std::vector<VerifiedPart> parts_of(const VerificationSet& set) {
  std::vector<VerifiedPart> parts(1);
  if (set.folds_of_groups) {
    parts.resize(set.groups.size());
    for (size_t g = 0; g < parts.size(); ++g) parts[g].name = set.groups[g];
  }
  for (size_t i = 0; i < set.pairs.size(); ++i) {
    VerifiedPart& part = parts[set.folds_of_groups ? size_t(set.group[i]) : 0];
    part.place.push_back(i), part.pairs.push_back(set.pairs[i]);
  }
  return parts;
}

void verify_part(VerifiedPart& part, const ScorerOf& scorer_of, const ProtocolOptions& o) {
  try {
    const Centring centring = o.centre ? Centring::training_folds : Centring::none;
    part.result = verify_scores(scorer_of(part.pairs), part.pairs, {o.threshold, centring, {}});
  } catch (const Error& e) {
    if (part.name.empty()) throw;
    throw Error(e.kind(), cat(part.name, ": ", e.what()));
  }
}

PairScores gather(const VerificationSet& set, const std::vector<VerifiedPart>& parts) {
  PairScores all;
  all.scores.resize(set.pairs.size());
  for (const VerifiedPart& part : parts)
    for (size_t i = 0; i < part.place.size(); ++i) all.scores[part.place[i]] = part.result.scores[i];
  for (const VerificationPair& p : set.pairs) {
    all.same.push_back(p.same);
    all.identities.a.push_back(set.people[size_t(p.a)]);
    all.identities.b.push_back(set.people[size_t(p.b)]);
  }
  for (const int64_t person : set.people) all.identities.people = std::max(all.identities.people, person + 1);
  return all;
}

// A row as a place in the list of pictures: of a video, its first frame.
int64_t picture_of(const VerificationSet& set, int64_t row) {
  return set.videos.empty() ? row : set.videos[size_t(row)].begin;
}

// Genuine pairs with the lowest scores, impostor pairs with the highest; of equal ones the first.
std::vector<ScoredPair> hardest(const VerificationSet& set, const PairScores& pairs, bool genuine) {
  std::vector<size_t> order;
  for (size_t i = 0; i < set.pairs.size(); ++i)
    if ((pairs.same[i] != 0) == genuine) order.push_back(i);
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    const double x = pairs.scores[a], y = pairs.scores[b];
    return x != y ? (x < y) == genuine : a < b;
  });
  order.resize(std::min(order.size(), kHardest));
  std::vector<ScoredPair> out;
  for (const size_t i : order)
    out.push_back({picture_of(set, set.pairs[i].a), picture_of(set, set.pairs[i].b), pairs.scores[i]});
  return out;
}

std::vector<ProtocolResult::PairScore> list_scores(const VerificationSet& set, const PairScores& pairs) {
  std::vector<ProtocolResult::PairScore> out;
  for (size_t i = 0; i < set.pairs.size(); ++i) {
    const VerificationPair& p = set.pairs[i];
    const bool grouped = !set.group.empty() && set.group[i] >= 0;
    out.push_back({picture_of(set, p.a), picture_of(set, p.b), pairs.scores[i], p.same, p.fold,
                   grouped ? set.groups[size_t(set.group[i])] : ""});
  }
  return out;
}

const char* threshold_words(ThresholdMode mode) {
  switch (mode) {
    case ThresholdMode::insightface:
      return "squared distances 0, 0.01 .. 3.99, the first best (insightface)";
    case ThresholdMode::sphereface:
      return "scores -1, -0.9999 .. 1, the mean of all best (SphereFace)";
    case ThresholdMode::pfe:
      return "the genuine scores, the mean of all best (PFE)";
    case ThresholdMode::exact:
      break;
  }
  return "the best midpoint between scores";
}

ProtocolResult head_of(const VerificationSet& set, const Calibrator& calibrator, const ProtocolOptions& o) {
  ProtocolResult r;
  r.protocol = set.word, r.title = set.title;
  r.description = cat(describe_set(set),
                      ". The threshold of a fold is chosen on the others: ", threshold_words(o.threshold),
                      o.centre ? "; the mean embedding of the others is subtracted first." : ".");
  r.score = calibrator.score(), r.calibration = calibrator.name();
  r.counts = {{set.videos.empty() ? "pictures" : "videos", set.rows()}};
  if (!set.videos.empty()) r.counts.emplace_back("frames", int64_t(set.pictures.names.size()));
  r.warnings = set.warnings, r.notes = set.notes;
  return r;
}

void add_angular_fisher(ProtocolResult& result, const VerificationSet& set, const ModelEmbeddings& models) {
  if (models.size() != 1 || set.people_from != PeopleFrom::names) return;
  if (const auto fisher = angular_fisher_of_people(models[0], set.people))
    result.figures.push_back({"angular_fisher_score",
                              "angular Fisher score (lower is better)",
                              fisher->score,
                              {},
                              FigureUnit::number});
}

}  // namespace

void check_convention(const std::string& calibration, const ProtocolOptions& o) {
  if (calibration == kPlainCosine) return;
  for (const auto& [word, mode] : {std::pair{"insightface", ThresholdMode::insightface},
                                   std::pair{"sphereface", ThresholdMode::sphereface}})
    if (o.threshold == mode)
      throw Error(ErrorKind::usage,
                  cat("threshold = ", word, ": its grid is one of cosines, the scores of calibration.type = ",
                      calibration, " are none; take exact or pfe"));
  if (o.centre)
    throw Error(ErrorKind::usage, cat("centre = true: calibration.type = ", calibration,
                                      " knows embeddings that are not centred; take one of the two"));
}

void check_parts(const VerificationSet& set) {
  for (const VerifiedPart& part : parts_of(set)) {
    const std::string name = part.name.empty() ? "verification" : part.name;
    std::vector<int> fold;
    size_t genuine = 0;
    for (const VerificationPair& p : part.pairs) fold.push_back(p.fold), genuine += p.same;
    if (genuine == 0 || genuine == fold.size())
      throw Error(ErrorKind::data, cat(name, ": needs genuine and impostor pairs, got ", genuine,
                                       " genuine and ", fold.size() - genuine, " impostor"));
    if (distinct_folds(fold).size() < 2)
      throw Error(ErrorKind::data, cat(name, ": all pairs are in fold ", fold[0],
                                       ", none remains to choose the threshold on; give the pairs at least "
                                       "two folds"));
  }
}

void check_embeddings(const ModelEmbeddings& models, int64_t count) {
  FR_CHECK(!models.empty(), "verification: expected a model or more");
  for (const EmbeddingView& e : models)
    FR_CHECK(e.N == count && e.D > 0 && int64_t(e.values.size()) == e.N * e.D, "verification: expected ",
             count, " embeddings, got ", e.N, " x ", e.D, " in ", e.values.size(), " numbers");
}

std::string describe_set(const VerificationSet& set) {
  if (set.videos.empty()) return cat(set.description, ", ", set.pictures.names.size(), " pictures");
  return cat(set.description, ", ", set.videos.size(), " videos of ", set.pictures.names.size(), " frames");
}

ProtocolResult verify_set(const VerificationSet& set, const ScorerOf& scorer_of, const Calibrator& calibrator,
                          const ProtocolOptions& options) {
  check_convention(calibrator.name(), options);
  ProtocolResult result = head_of(set, calibrator, options);
  std::vector<VerifiedPart> parts = parts_of(set);
  for (VerifiedPart& part : parts) verify_part(part, scorer_of, options);
  const PairScores pairs = gather(set, parts);
  ProtocolOptions afford = options;
  afford.bootstrap.replicates = affordable_replicates(options.bootstrap.replicates,
                                                      int64_t(pairs.scores.size()), pairs.identities.people);
  add_fold_figures(result, parts, pairs.identities, afford);
  add_pair_figures(result, pairs, options);
  if (!set.groups.empty()) add_group_rows(result, set, pairs, afford.bootstrap);
  result.hardest_genuine = hardest(set, pairs, true);
  result.hardest_impostor = hardest(set, pairs, false);
  result.scores = list_scores(set, pairs);
  return result;
}

ProtocolResult verify_rows(const VerificationSet& set, const ModelEmbeddings& models,
                           const Calibrator& calibrator, const ProtocolOptions& options) {
  check_embeddings(models, set.rows());
  if (calibrator.name() == kPlainCosine) {
    ProtocolResult r = verify_set(
        set, [&](const auto& pairs) { return cosine_scorer(models, pairs); }, calibrator, options);
    add_angular_fisher(r, set, models);
    return r;
  }
  const std::vector<float> joined = side_by_side(models);
  const CalibratedRows rows = calibrator.prepare(
      {joined, set.rows(), int64_t(joined.size()) / std::max<int64_t>(set.rows(), 1), set.person_names});
  return verify_set(
      set, [&](const auto& pairs) { return calibrated_scorer(rows, calibrator, pairs); }, calibrator,
      options);
}

FoldVerification::FoldVerification(VerificationSet set) : set_(std::move(set)) {
  FR_CHECK(set_.videos.empty(), "FoldVerification: a set of pictures expected, got ", set_.videos.size(),
           " videos");
  for (size_t i = 0; set_.folds_of_groups && i < set_.pairs.size(); ++i)
    FR_CHECK(set_.group.size() == set_.pairs.size() && set_.group[i] >= 0,
             "FoldVerification: groups have folds of their own, but pair ", i, " is in none");
}

std::string FoldVerification::description() const { return describe_set(set_); }

ProtocolResult FoldVerification::evaluate(const ModelEmbeddings& models, const Calibrator& calibrator,
                                          const ProtocolOptions& options) const {
  return verify_rows(set_, models, calibrator, options);
}

}  // namespace fr
