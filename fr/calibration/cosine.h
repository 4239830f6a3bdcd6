// The cosine of two embeddings as a score: the calibrator that knows nothing of a picture but its direction.
#pragma once
#include "fr/calibration/calibrator.h"

namespace fr {

// <a,b> / (|a| |b|) of D numbers less those of the centre, if there is one, accumulated in double; 0 when one of the two is
// shorter than 1e-12.
double cosine(const float* a, const float* b, int64_t D, const double* centre = nullptr);

// Rows scaled to unit length, no context; throws as Calibrator::prepare().
CalibratedRows unit_rows(const EmbeddingView& embeddings);

// Throws std::invalid_argument unless rows [first, first + count) are rows of `rows`.
void check_rows(const CalibratedRows& rows, int64_t first, int64_t count);

// Scores differ from the cosines of the rows before scaling by the rounding of the unit rows, about 1e-8 in score(), and by
// that of a sum in float, about 1e-7, in scores().
class Cosine : public Calibrator {
 public:
  std::string name() const override { return "none"; }
  std::string score() const override { return "cosine similarity"; }
  CalibratedRows prepare(const EmbeddingView& embeddings) const override { return unit_rows(embeddings); }
  void scores(float* out, const CalibratedRows& a, int64_t i, int64_t n, const CalibratedRows& b, int64_t j,
              int64_t m) const override;
  double score(const CalibratedRows& a, int64_t i, const CalibratedRows& b, int64_t j) const override;
};

}  // namespace fr
