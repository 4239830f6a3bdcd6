#include "fr/calibration/cosine.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/parallel.h"
#include "fr/calibration/inner_products.h"
#include "tensor/kernels.h"

namespace fr {
namespace {

constexpr double kTiny = 1e-12;  // a shorter row has no direction

void scale_to_unit_length(float* y, const float* x, int64_t D) {
  double squares = 0;
  for (int64_t d = 0; d < D; ++d) squares += double(x[d]) * x[d];
  const double length = std::sqrt(squares);
  for (int64_t d = 0; d < D; ++d) y[d] = length < kTiny ? 0 : float(x[d] / length);
}

}  // namespace

double cosine(const float* a, const float* b, int64_t D, const double* centre) {
  double ab = 0, aa = 0, bb = 0;
  for (int64_t d = 0; d < D; ++d) {
    const double shift = centre ? centre[d] : 0, u = a[d] - shift, v = b[d] - shift;
    ab += u * v, aa += u * u, bb += v * v;
  }
  const double length_a = std::sqrt(aa), length_b = std::sqrt(bb);
  if (length_a < kTiny || length_b < kTiny) return 0;
  return std::clamp(ab / (length_a * length_b), -1.0, 1.0);
}

CalibratedRows unit_rows(const EmbeddingView& e) {
  FR_CHECK(e.N >= 0 && e.D > 0 && int64_t(e.values.size()) == e.N * e.D, "calibration: expected ", e.N, " x ",
           e.D, " embeddings, got ", e.values.size(), " numbers");
  int64_t place;
  kernels<float>().find_nonfinite(&place, e.values.data(), e.N * e.D);
  if (place >= 0)
    throw Error(ErrorKind::data,
                cat("calibration: embedding ", place / e.D, " is not finite (column ", place % e.D, ")"));
  CalibratedRows r;
  r.N = e.N, r.D = e.D;
  r.rows.resize(e.values.size());
  parallel_ranges(e.N, 64, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      scale_to_unit_length(r.rows.data() + i * e.D, e.values.data() + i * e.D, e.D);
  });
  return r;
}

void check_rows(const CalibratedRows& rows, int64_t first, int64_t count) {
  FR_CHECK(first >= 0 && count >= 0 && first + count <= rows.N, "calibration: asked for rows ", first, " to ",
           first + count, " of ", rows.N);
}

void Cosine::scores(float* out, const CalibratedRows& a, int64_t i, int64_t n, const CalibratedRows& b,
                    int64_t j, int64_t m) const {
  check_rows(a, i, n), check_rows(b, j, m);
  FR_CHECK(a.D == b.D, "calibration: rows of ", a.D, " and of ", b.D, " numbers");
  inner_products(out, a.rows.data() + i * a.D, n, b.rows.data() + j * b.D, m, a.D);
}

double Cosine::score(const CalibratedRows& a, int64_t i, const CalibratedRows& b, int64_t j) const {
  check_rows(a, i, 1), check_rows(b, j, 1);
  FR_CHECK(a.D == b.D, "calibration: rows of ", a.D, " and of ", b.D, " numbers");
  return cosine(a.rows.data() + i * a.D, b.rows.data() + j * b.D, a.D);
}

}  // namespace fr
