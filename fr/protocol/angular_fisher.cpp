#include "fr/protocol/angular_fisher.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <vector>

#include "base/error.h"

namespace fr {
namespace {

using Vector = std::vector<double>;

double length(const Vector& v) {
  double sum = 0;
  for (double x : v) sum += x * x;
  return std::sqrt(sum);
}

// 1 - cos<a, b>; a vector of no length has cosine 0 with everything.
double angular_distance(const Vector& a, const Vector& b) {
  double ab = 0;
  for (size_t d = 0; d < a.size(); ++d) ab += a[d] * b[d];
  const double lengths = length(a) * length(b);
  return lengths > 1e-24 ? 1 - ab / lengths : 1;
}

Vector row(const EmbeddingView& e, int64_t n, AngularFisherInput input) {
  Vector v(e.values.begin() + n * e.D, e.values.begin() + (n + 1) * e.D);
  const double norm = length(v);
  if (!std::isfinite(norm))
    throw Error(ErrorKind::data, cat("angular Fisher score: embedding ", n, " is not finite"));
  if (input == AngularFisherInput::normalised)
    for (double& x : v) x /= std::max(norm, 1e-12);
  return v;
}

struct ClassMean {
  Vector mean;
  int64_t count = 0;
};

void add(ClassMean& c, const Vector& v) {
  c.mean.resize(v.size(), 0.0);
  for (size_t d = 0; d < v.size(); ++d) c.mean[d] += v[d];
  ++c.count;
}

}  // namespace

AngularFisher angular_fisher(const EmbeddingView& e, std::span<const int64_t> labels,
                             AngularFisherInput input) {
  FR_CHECK(e.N >= 0 && e.D > 0 && int64_t(e.values.size()) == e.N * e.D && int64_t(labels.size()) == e.N,
           "angular Fisher score: expected ", e.N, " x ", e.D, " embeddings, got ", e.values.size(),
           " numbers and ", labels.size(), " labels");
  if (e.N == 0) throw Error(ErrorKind::data, "angular Fisher score: no samples");
  std::map<int64_t, ClassMean> classes;
  ClassMean all;
  for (int64_t n = 0; n < e.N; ++n) {
    const Vector v = row(e, n, input);
    add(classes[labels[size_t(n)]], v), add(all, v);
  }
  AngularFisher result;  // the sums need no division by the counts: cosines ignore lengths
  for (int64_t n = 0; n < e.N; ++n)
    result.within += angular_distance(row(e, n, input), classes[labels[size_t(n)]].mean);
  if (classes.size() > 1)
    for (const auto& entry : classes)
      result.between += double(entry.second.count) * angular_distance(entry.second.mean, all.mean);
  result.score =
      result.between > 0 ? result.within / result.between : std::numeric_limits<double>::infinity();
  return result;
}

}  // namespace fr
