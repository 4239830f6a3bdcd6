// Cohort normalisation: a score in units of what the row scores against a cohort of impostors, so that one threshold serves
// people who resemble many and people who resemble nobody.                         c cosine, mean and std over a cohort
//   z_norm   z = (c - mean_a) / std_a   statistics of the gallery row a      Reynolds 1997, "Comparison of background
//                                                                            normalization methods for text-independent
//                                                                            speaker verification"
//   t_norm   t = (c - mean_b) / std_b   of the probe row b                   Auckenthaler, Carey and Lloyd-Thomas 2000, "Score
//                                                                            normalization for text-independent speaker
//                                                                            verification systems"
//   s_norm   (z + t) / 2: symmetric                                          Kenny 2010, "Bayesian speaker verification with
//                                                                            heavy-tailed priors" (there the sum)
// With `top`, the statistics are of the `top` rows of the cohort most similar to the row: adaptive normalisation (Matejka
// et al. 2017, "Analysis of score normalization in multilingual speaker recognition", their first variant).
#pragma once
#include "fr/calibration/cosine.h"

namespace fr {

class CohortNorm : public Calibrator {
 public:
  // cohort (M,D): raw or unit length. top 0, or more than M: all. Throws std::invalid_argument for type none, Error{data}
  // for fewer than two rows with a direction or rows that are not finite, Error{usage} for top 1.
  CohortNorm(CalibrationType type, const EmbeddingView& cohort, int64_t top);

  std::string name() const override;
  std::string score() const override;
  // Context (N,2): mean and 1 / std (population) of the row's cosines with the cohort; 0 and 1 for a row without a direction.
  // Also throws Error{data} naming both sizes when D is not the cohort's, and naming the row when its cosines are all the same.
  CalibratedRows prepare(const EmbeddingView& embeddings) const override;
  void scores(float* out, const CalibratedRows& a, int64_t i, int64_t n, const CalibratedRows& b, int64_t j,
              int64_t m) const override;
  double score(const CalibratedRows& a, int64_t i, const CalibratedRows& b, int64_t j) const override;

 private:
  CalibrationType type_;
  CalibratedRows cohort_;  // rows with a direction only
  int64_t top_;
  Cosine cosine_;
};

}  // namespace fr
