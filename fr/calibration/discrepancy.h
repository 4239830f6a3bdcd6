// Inter-class discrepancy alignment: a cosine is judged by how densely other people lie around its two embeddings.
//   F(f) = 1 / sum_{i<=k} e^(tau s_i),   s_i the k largest cosines of f with anchors, pictures of other people
//   log DAO(f1,f2) = tau <f1,f2> + log(F(f1) + F(f2))
// Higher means more similar; symmetric; F lies in [e^-tau / k, e^tau / k]. To first order in tau it is tau times the cosine less
// the mean cosine of both support sets. Scores are logarithms, so that no tau overflows.
// "Inter-class Discrepancy Alignment for Face Recognition" (arXiv 2103.01559), Eq. 1 and 4. How F comes about: anchors.h
// (reference-based, IDA-R) and ssr.h (learning-based, IDA-L).
#pragma once
#include <span>
#include <vector>

#include "fr/calibration/cosine.h"

namespace fr {

// log F of the k cosines, in double: -log sum_i e^(tau s_i). Throws std::invalid_argument without cosines.
double log_discrepancy(std::span<const double> cosines, double tau);
// log DAO of a cosine and the two log F.
double log_dao(double cosine, double log_f1, double log_f2, double tau);

// k and tau that nobody names.
inline constexpr int64_t kUsualNeighbours = 10;
inline constexpr double kUsualTau = 1;

// Scores by log DAO; derived classes know log F.
class Discrepancy : public Calibrator {
 public:
  std::string score() const override;
  // Context (N,1): log F, of a gallery once and for all. Also throws Error{data} naming both sizes when D is not the
  // calibrator's.
  CalibratedRows prepare(const EmbeddingView& embeddings) const override;
  void scores(float* out, const CalibratedRows& a, int64_t i, int64_t n, const CalibratedRows& b, int64_t j,
              int64_t m) const override;
  double score(const CalibratedRows& a, int64_t i, const CalibratedRows& b, int64_t j) const override;

  // Throws what prepare() throws for sizes.
  void check_fits(const EmbeddingView& embeddings) const;
  // log F of each row, in double. Rows (N,D) of unit length, or zeros; `people` as EmbeddingView has them.
  virtual std::vector<double> log_f(const CalibratedRows& rows,
                                    std::span<const std::string> people) const = 0;
  int64_t neighbours() const { return k_; }
  double tau() const { return tau_; }

 protected:
  // Throws Error{usage} for k < 1 or a tau that is negative or not finite.
  Discrepancy(int64_t D, int64_t k, double tau);
  virtual std::string support() const = 0;  // what stands for other people, for a reader
  int64_t D_, k_;
  double tau_;

 private:
  Cosine cosine_;
};

}  // namespace fr
