#include "fr/protocol/pair_scorer.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "fr/calibration/cosine.h"

namespace fr {
namespace {

void check_finite(double score, size_t i, const VerificationPair& pair) {
  if (std::isnan(score))
    throw Error(ErrorKind::data, cat("verification: pair ", i, " (rows ", pair.a, " and ", pair.b,
                                     ") has an embedding that is not finite"));
}

}  // namespace

std::vector<double> training_mean(const EmbeddingView& e, const std::vector<VerificationPair>& pairs,
                                  int test_fold) {
  std::vector<double> mean(size_t(e.D), 0.0);
  int64_t rows = 0;
  for (const VerificationPair& p : pairs) {
    if (p.fold == test_fold) continue;
    const float *a = e.values.data() + p.a * e.D, *b = e.values.data() + p.b * e.D;
    for (int64_t d = 0; d < e.D; ++d) mean[size_t(d)] += double(a[d]) + double(b[d]);
    rows += 2;
  }
  for (double& m : mean) m /= double(std::max<int64_t>(rows, 1));
  return mean;
}

PairScorer cosine_scorer(const std::vector<EmbeddingView>& models,
                         const std::vector<VerificationPair>& pairs) {
  return [&models, &pairs](std::optional<int> test_fold) {
    std::vector<double> scores(pairs.size(), 0.0);
    for (const EmbeddingView& e : models) {
      const auto centre = test_fold ? training_mean(e, pairs, *test_fold) : std::vector<double>();
      for (size_t i = 0; i < pairs.size(); ++i) {
        const float *a = e.values.data() + pairs[i].a * e.D, *b = e.values.data() + pairs[i].b * e.D;
        const double score = cosine(a, b, e.D, centre.empty() ? nullptr : centre.data());
        check_finite(score, i, pairs[i]);
        scores[i] += score;
      }
    }
    for (double& s : scores) s /= double(models.size());
    return scores;
  };
}

PairScorer calibrated_scorer(const CalibratedRows& rows, const Calibrator& calibrator,
                             const std::vector<VerificationPair>& pairs) {
  return [&](std::optional<int> test_fold) {
    FR_CHECK(!test_fold, "verification: calibrated scores cannot be centred");
    std::vector<double> scores(pairs.size());
    for (size_t i = 0; i < pairs.size(); ++i) {
      scores[i] = calibrator.score(rows, pairs[i].a, rows, pairs[i].b);
      check_finite(scores[i], i, pairs[i]);
    }
    return scores;
  };
}

}  // namespace fr
