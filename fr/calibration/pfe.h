// Scores of probabilistic face embeddings: rows (N,2D) of fr/pfe/distribution.h.
//   pfe       the mutual likelihood                                     Shi and Jain 2019, Eq. 3; fr/pfe/likelihood.h
//   pfe_ida   log DAO = tau 2 v MLS + log(F_1 + F_2)                    "Inter-class Discrepancy Alignment", Section 4.7
//             F = 1 / sum_{i<=k} e^(tau 2 v MLS_i),   MLS_i with the k nearest anchors, whose variances are v
// The paper of IDA leaves open how the two are joined. With one variance v for everything, 2 v MLS is the cosine but for a
// constant; so v, the usual variance of the model, puts the likelihood where cosines stood. In F too: a picture that
// says little is likelier to be any stranger, which F of cosines would not take back.
#pragma once
#include <memory>

#include "fr/calibration/anchors.h"
#include "fr/calibration/cosine.h"

namespace fr {

// What both share: a block is its pairs one by one, in double.
class DistributionCalibrator : public Calibrator {
 public:
  explicit DistributionCalibrator(Fusion fusion) : fusion_(fusion) {}
  void scores(float* out, const CalibratedRows& a, int64_t i, int64_t n, const CalibratedRows& b, int64_t j,
              int64_t m) const override;
  std::optional<Fusion> fusion() const override { return fusion_; }

 private:
  Fusion fusion_;
};

// Means of unit length as rows, their variances as context (N,D). A row without a direction has a mean of zeros.
class MutualLikelihood : public DistributionCalibrator {
 public:
  // module: fingerprint of the uncertainty module, for score(); "": not told.
  explicit MutualLikelihood(Fusion fusion, std::string module = {})
      : DistributionCalibrator(fusion), module_(std::move(module)) {}
  std::string name() const override { return "pfe"; }
  std::string score() const override;
  // Also throws std::invalid_argument for an odd number of columns, Error{data} naming the row for a variance that is none.
  CalibratedRows prepare(const EmbeddingView& embeddings) const override;
  double score(const CalibratedRows& a, int64_t i, const CalibratedRows& b, int64_t j) const override;

 private:
  std::string module_;
};

// Context (N,D+1): the variances and log F.
class PfeDiscrepancy : public DistributionCalibrator {
 public:
  // tau and k are those of the anchors. typical_variance: v. Throws std::invalid_argument unless v > 0.
  PfeDiscrepancy(Fusion fusion, double typical_variance, std::unique_ptr<const AnchorDiscrepancy> anchors);
  std::string name() const override { return "pfe_ida"; }
  std::string score() const override;
  // Also throws what the anchors' prepare() and log_f() throw.
  CalibratedRows prepare(const EmbeddingView& embeddings) const override;
  double score(const CalibratedRows& a, int64_t i, const CalibratedRows& b, int64_t j) const override;

 private:
  double typical_variance_;
  std::unique_ptr<const AnchorDiscrepancy> anchors_;
};

}  // namespace fr
