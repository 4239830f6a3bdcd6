#include "fr/calibration/discrepancy.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace fr {
namespace {

// log(e^a + e^b), the larger first
template <class T>
T log_sum(T a, T b) {
  return std::max(a, b) + std::log1p(std::exp(-std::abs(a - b)));
}

void check_contexts(const CalibratedRows& a, const CalibratedRows& b) {
  FR_CHECK(a.C == 1 && b.C == 1, "ida: rows with contexts of 1 number expected, got ", a.C, " and ", b.C);
}

}  // namespace

double log_discrepancy(std::span<const double> cosines, double tau) {
  FR_CHECK(!cosines.empty(), "ida: the support set is empty");
  const double largest = *std::max_element(cosines.begin(), cosines.end());
  double sum = 0;
  for (const double s : cosines) sum += std::exp(tau * (s - largest));
  return -tau * largest - std::log(sum);
}

double log_dao(double cosine, double log_f1, double log_f2, double tau) {
  return tau * cosine + log_sum(log_f1, log_f2);
}

Discrepancy::Discrepancy(int64_t D, int64_t k, double tau) : D_(D), k_(k), tau_(tau) {
  if (k < 1) throw Error(ErrorKind::usage, cat("ida: k = ", k, ", expected 1 neighbour or more"));
  if (!(tau >= 0) || !std::isfinite(tau))
    throw Error(ErrorKind::usage, cat("ida: tau = ", tau, ", expected a number of 0 or more"));
}

std::string Discrepancy::score() const {
  return cat("log DAO: cosine similarity less the density of other people around both faces (", name(), ": ",
             support(), ", k = ", k_, ", tau = ", tau_, ")");
}

void Discrepancy::check_fits(const EmbeddingView& e) const {
  FR_CHECK(e.people.empty() || int64_t(e.people.size()) == e.N, "ida: ", e.N, " embeddings of ",
           e.people.size(), " people");
  if (e.D != D_)
    throw Error(ErrorKind::data, cat("ida: made for embeddings of ", D_, " numbers, these have ", e.D,
                                     "; calibrate with the same model and flip"));
}

CalibratedRows Discrepancy::prepare(const EmbeddingView& e) const {
  check_fits(e);
  CalibratedRows r = unit_rows(e);
  const std::vector<double> found = log_f(r, e.people);
  r.C = 1, r.context.assign(found.begin(), found.end());
  return r;
}

void Discrepancy::scores(float* out, const CalibratedRows& a, int64_t i, int64_t n, const CalibratedRows& b,
                         int64_t j, int64_t m) const {
  check_contexts(a, b);
  cosine_.scores(out, a, i, n, b, j, m);
  const auto tau = float(tau_);
  for (int64_t r = 0; r < n; ++r)
    for (int64_t c = 0; c < m; ++c)
      out[r * m + c] = tau * out[r * m + c] + log_sum(a.context[size_t(i + r)], b.context[size_t(j + c)]);
}

double Discrepancy::score(const CalibratedRows& a, int64_t i, const CalibratedRows& b, int64_t j) const {
  check_contexts(a, b);
  return log_dao(cosine_.score(a, i, b, j), a.context[size_t(i)], b.context[size_t(j)], tau_);
}

}  // namespace fr
