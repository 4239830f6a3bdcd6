#include "fr/pfe/distribution.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "fr/protocol/verification.h"

namespace fr {
namespace {

constexpr double kTiny = 1e-12;

double length(const float* x, int64_t D) {
  double squares = 0;
  for (int64_t d = 0; d < D; ++d) squares += double(x[d]) * double(x[d]);
  return std::sqrt(squares);
}

void check_columns(const EmbeddingView& rows) {
  FR_CHECK(rows.N >= 0 && rows.D > 0 && rows.D % 2 == 0 && int64_t(rows.values.size()) == rows.N * rows.D,
           "distributions: expected rows of means and as many log variances, got ", rows.N, " x ", rows.D,
           " in ", rows.values.size(), " numbers");
}

// Row `row` scaled to unit length, its variances by the square of that.
void scale_to_unit(float* mean, float* variance, const float* row, int64_t D, int64_t number) {
  const double norm = length(row, D);
  const bool none = norm < kTiny;
  for (int64_t d = 0; d < D; ++d) {
    mean[d] = none ? 0 : float(row[d] / norm);
    variance[d] = float(std::exp(double(row[D + d])) / (none ? 1 : norm * norm));
    if (!std::isfinite(mean[d]) || !std::isfinite(norm) || !std::isnormal(variance[d]))
      throw Error(ErrorKind::data, cat("distributions: row ", number, ", number ", d, ": mean ", row[d],
                                       ", log variance ", row[D + d], " is no normal distribution"));
  }
}

}  // namespace

UnitDistributions unit_distributions(const EmbeddingView& rows) {
  check_columns(rows);
  UnitDistributions out{{}, {}, rows.N, rows.D / 2};
  out.means.resize(size_t(out.N * out.D)), out.variances.resize(size_t(out.N * out.D));
  for (int64_t i = 0; i < out.N; ++i)
    scale_to_unit(out.means.data() + i * out.D, out.variances.data() + i * out.D,
                  rows.values.data() + i * rows.D, out.D, i);
  return out;
}

EmbeddingView mean_columns(const EmbeddingView& rows, std::vector<float>& room) {
  check_columns(rows);
  const int64_t D = rows.D / 2;
  room.clear(), room.reserve(size_t(rows.N * D));
  for (int64_t i = 0; i < rows.N; ++i) {
    const auto row = rows.values.begin() + i * rows.D;
    room.insert(room.end(), row, row + D);
  }
  return {room, rows.N, D};
}

std::vector<float> combine_flip_distributions(FlipMode mode, std::span<const float> rows,
                                              std::span<const float> mirrored, int64_t columns) {
  const EmbeddingView view{rows, columns > 0 ? int64_t(rows.size()) / columns : 0, columns};
  check_columns(view);
  if (mode == FlipMode::none) return {rows.begin(), rows.end()};
  FR_CHECK(mirrored.size() == rows.size(), "distributions: ", rows.size(), " numbers, but ", mirrored.size(),
           " of the mirror images");
  const int64_t D = columns / 2;
  std::vector<float> out;
  out.reserve(rows.size() * (mode == FlipMode::concatenate ? 2 : 1));
  for (int64_t i = 0; i < view.N; ++i) {
    const float *a = rows.data() + i * columns, *b = mirrored.data() + i * columns;
    const std::vector<float> means = combine_flip(mode, {a, size_t(D)}, {b, size_t(D)}, D);
    out.insert(out.end(), means.begin(), means.end());
    if (mode == FlipMode::concatenate) {
      out.insert(out.end(), a + D, a + columns), out.insert(out.end(), b + D, b + columns);
      continue;
    }
    const double share = mode == FlipMode::mean ? 0.25 : 1;
    for (int64_t d = D; d < columns; ++d)
      out.push_back(float(std::log(share * (std::exp(double(a[d])) + std::exp(double(b[d]))))));
  }
  return out;
}

void fuse_distributions(float* out, const UnitDistributions& rows, std::span<const int64_t> members,
                        Fusion fusion) {
  const int64_t D = rows.D;
  std::vector<double> mean(size_t(D), 0);
  double squares = 0;
  for (int64_t d = 0; d < D; ++d) {
    double precision = 0, sum = 0, least = members.empty() ? 1 : HUGE_VAL;
    for (const int64_t i : members) {
      FR_CHECK(i >= 0 && i < rows.N, "distributions: row ", i, " of ", rows.N);
      const double variance = rows.variances[size_t(i * D + d)];
      precision += 1 / variance, sum += rows.means[size_t(i * D + d)] / variance;
      least = std::min(least, variance);
    }
    const double product = members.empty() ? 1 : 1 / precision;
    mean[size_t(d)] = sum * product;
    squares += mean[size_t(d)] * mean[size_t(d)];
    out[D + d] = float(std::log(fusion == Fusion::product ? product : least));
  }
  const double norm = std::sqrt(squares);
  for (int64_t d = 0; d < D; ++d) out[d] = norm < kTiny ? 0 : float(mean[size_t(d)] / norm);
}

}  // namespace fr
