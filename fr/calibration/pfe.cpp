#include "fr/calibration/pfe.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "fr/pfe/likelihood.h"

namespace fr {
namespace {

// C: numbers of context a row, of which the first D are variances.
double likelihood(const CalibratedRows& a, int64_t i, const CalibratedRows& b, int64_t j, int64_t C) {
  check_rows(a, i, 1), check_rows(b, j, 1);
  FR_CHECK(a.D == b.D && a.C == C && b.C == C, "pfe: rows of ", a.D, " and ", b.D,
           " numbers with contexts of ", a.C, " and ", b.C);
  return mutual_likelihood(a.rows.data() + i * a.D, a.context.data() + i * C, b.rows.data() + j * b.D,
                           b.context.data() + j * C, a.D);
}

const char* fusion_words(Fusion fusion) {
  return fusion == Fusion::product ? "fused as independent" : "fused to the smallest variance";
}

}  // namespace

void DistributionCalibrator::scores(float* out, const CalibratedRows& a, int64_t i, int64_t n,
                                    const CalibratedRows& b, int64_t j, int64_t m) const {
  for (int64_t r = 0; r < n; ++r)
    for (int64_t c = 0; c < m; ++c) out[r * m + c] = float(score(a, i + r, b, j + c));
}

std::string MutualLikelihood::score() const {
  return cat("mutual likelihood score, natural logarithm (templates ", fusion_words(*fusion()),
             module_.empty() ? "" : "; uncertainty module " + module_, ")");
}

CalibratedRows MutualLikelihood::prepare(const EmbeddingView& embeddings) const {
  UnitDistributions unit = unit_distributions(embeddings);
  return {std::move(unit.means), std::move(unit.variances), unit.N, unit.D, unit.D};
}

double MutualLikelihood::score(const CalibratedRows& a, int64_t i, const CalibratedRows& b, int64_t j) const {
  return likelihood(a, i, b, j, a.D);
}

PfeDiscrepancy::PfeDiscrepancy(Fusion fusion, double typical_variance,
                               std::unique_ptr<const AnchorDiscrepancy> anchors)
    : DistributionCalibrator(fusion), typical_variance_(typical_variance), anchors_(std::move(anchors)) {
  FR_CHECK(typical_variance > 0 && std::isfinite(typical_variance), "pfe_ida: expected a variance > 0, got ",
           typical_variance);
  FR_CHECK(anchors_, "pfe_ida: no anchors");
}

std::string PfeDiscrepancy::score() const {
  return cat("log DAO of the mutual likelihood, variance ", typical_variance_, " (templates ",
             fusion_words(*fusion()), "; ", anchors_->anchors(), " anchors, k = ", anchors_->neighbours(),
             ", tau = ", anchors_->tau(), ")");
}

CalibratedRows PfeDiscrepancy::prepare(const EmbeddingView& embeddings) const {
  UnitDistributions unit = unit_distributions(embeddings);
  EmbeddingView means = embeddings;  // whatever else it says of the rows
  means.values = unit.means, means.D = unit.D;
  anchors_->check_fits(means);
  CalibratedRows rows{std::move(unit.means), {}, unit.N, unit.D, unit.D + 1};
  const std::vector<float> usual(size_t(rows.D), float(typical_variance_));
  const std::vector<double> log_f =
      anchors_->log_f(rows, embeddings.people, [&](int64_t row, const float* anchor) {
        const size_t at = size_t(row * rows.D);
        return 2 * typical_variance_ *
               mutual_likelihood(&rows.rows[at], &unit.variances[at], anchor, usual.data(), rows.D);
      });
  rows.context.reserve(size_t(rows.N * rows.C));
  for (int64_t i = 0; i < rows.N; ++i) {
    const auto variance = unit.variances.begin() + i * rows.D;
    rows.context.insert(rows.context.end(), variance, variance + rows.D);
    rows.context.push_back(float(log_f[size_t(i)]));
  }
  return rows;
}

// log(F_1 + F_2) from the larger on, so that nothing overflows.
double PfeDiscrepancy::score(const CalibratedRows& a, int64_t i, const CalibratedRows& b, int64_t j) const {
  const double mls = likelihood(a, i, b, j, a.D + 1);
  const double f1 = a.context[size_t(i * a.C + a.D)], f2 = b.context[size_t(j * b.C + b.D)];
  return anchors_->tau() * 2 * typical_variance_ * mls + std::max(f1, f2) +
         std::log1p(std::exp(-std::abs(f1 - f2)));
}

}  // namespace fr
