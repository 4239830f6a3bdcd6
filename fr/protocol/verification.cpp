#include "fr/protocol/verification.h"

#include <charconv>

#include "base/error.h"
#include "base/file.h"

namespace fr {
namespace {

void check_pairs(const EmbeddingView& e, const std::vector<VerificationPair>& pairs) {
  FR_CHECK(e.N >= 0 && e.D > 0 && int64_t(e.values.size()) == e.N * e.D, "verification: expected ", e.N,
           " x ", e.D, " embeddings, got ", e.values.size(), " numbers");
  for (size_t i = 0; i < pairs.size(); ++i)
    FR_CHECK(pairs[i].a >= 0 && pairs[i].a < e.N && pairs[i].b >= 0 && pairs[i].b < e.N,
             "verification: pair ", i, " names rows ", pairs[i].a, " and ", pairs[i].b, " of ", e.N,
             " embeddings");
}

KFoldAccuracy plain_folds(VerificationResult& r, const PairScorer& scorer, const std::vector<int>& fold,
                          ThresholdMode mode) {
  r.scores = scorer(std::nullopt);
  return kfold_accuracy({r.scores, r.same}, fold, mode);
}

// Every fold sees all pairs centred by its own training folds; the pair keeps the score of its own test.
KFoldAccuracy centred_folds(VerificationResult& r, const PairScorer& scorer, const std::vector<int>& fold,
                            ThresholdMode mode) {
  r.scores.assign(r.pairs.size(), 0);
  std::vector<FoldAccuracy> results;
  for (int f : distinct_folds(fold)) {
    const std::vector<double> scores = scorer(f);
    results.push_back(evaluate_fold({scores, r.same}, fold, f, mode));
    for (size_t i = 0; i < fold.size(); ++i)
      if (fold[i] == f) r.scores[i] = scores[i];
  }
  return summarise(std::move(results));
}

std::string text(double v) {
  char buffer[32];
  return {buffer, std::to_chars(buffer, buffer + sizeof buffer, v).ptr};
}

}  // namespace

std::vector<float> combine_flip(FlipMode mode, std::span<const float> embedding,
                                std::span<const float> flipped, int64_t D) {
  FR_CHECK(D > 0 && int64_t(embedding.size()) % D == 0, "combine_flip: ", embedding.size(),
           " numbers are no rows of ", D);
  std::vector<float> out(embedding.begin(), embedding.end());
  if (mode == FlipMode::none) return out;
  FR_CHECK(flipped.size() == embedding.size(), "combine_flip: ", embedding.size(), " numbers, but ",
           flipped.size(), " of the mirror images");
  if (mode != FlipMode::concatenate) {
    const float share = mode == FlipMode::mean ? 0.5f : 1;
    for (size_t i = 0; i < out.size(); ++i) out[i] = share * (out[i] + flipped[i]);
    return out;
  }
  out.clear();
  out.reserve(2 * embedding.size());
  for (size_t n = 0; n < embedding.size(); n += size_t(D)) {
    out.insert(out.end(), embedding.begin() + n, embedding.begin() + n + D);
    out.insert(out.end(), flipped.begin() + n, flipped.begin() + n + D);
  }
  return out;
}

VerificationResult verify(const EmbeddingView& embeddings, const std::vector<VerificationPair>& pairs,
                          const VerificationOptions& options) {
  return verify_mean_scores({embeddings}, pairs, options);
}

VerificationResult verify_mean_scores(const std::vector<EmbeddingView>& models,
                                      const std::vector<VerificationPair>& pairs,
                                      const VerificationOptions& options) {
  FR_CHECK(!models.empty(), "verification: expected a model or more");
  for (const EmbeddingView& e : models) check_pairs(e, pairs);
  return verify_scores(cosine_scorer(models, pairs), pairs, options);
}

VerificationResult verify_scores(const PairScorer& scorer, const std::vector<VerificationPair>& pairs,
                                 const VerificationOptions& options) {
  VerificationResult r;
  r.pairs = pairs;
  std::vector<int> fold;
  for (const VerificationPair& p : pairs) {
    r.same.push_back(p.same), fold.push_back(p.fold);
    ++(p.same ? r.genuine : r.impostor);
  }
  if (r.genuine == 0 || r.impostor == 0)
    throw Error(ErrorKind::data, cat("verification: needs genuine and impostor pairs, got ", r.genuine,
                                     " genuine and ", r.impostor, " impostor"));
  const bool centred = options.centring == Centring::training_folds;
  r.accuracy = (centred ? centred_folds : plain_folds)(r, scorer, fold, options.threshold);
  for (const FoldAccuracy& f : r.accuracy.folds) r.threshold += f.threshold / double(r.accuracy.folds.size());
  const ScoreView view{r.scores, r.same};
  r.auc = auc(view), r.eer = eer(view), r.roc = roc(view);
  r.operating_points = tar_at_far(view, options.far);
  return r;
}

void write_scores_csv(const std::filesystem::path& path, const VerificationResult& result,
                      const std::vector<std::string>& names) {
  const auto name = [&](int64_t row) { return names.empty() ? std::to_string(row) : names.at(size_t(row)); };
  std::string csv = "fold,a,b,same,score\n";
  for (size_t i = 0; i < result.pairs.size(); ++i) {
    const VerificationPair& p = result.pairs[i];
    csv += cat(p.fold, ',', name(p.a), ',', name(p.b), ',', int(p.same), ',', text(result.scores[i]), '\n');
  }
  write_file_atomic(path, csv);
}

}  // namespace fr
