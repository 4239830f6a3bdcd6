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

template <class T>
Vector row(std::span<const T> values, int64_t D, int64_t n, AngularFisherInput input) {
  Vector v(values.begin() + n * D, values.begin() + (n + 1) * D);
  const double norm = length(v);
  if (!std::isfinite(norm))
    throw Error(ErrorKind::data, cat("angular Fisher score: embedding ", n, " is not finite"));
  if (input == AngularFisherInput::normalised)
    for (double& x : v) x /= std::max(norm, 1e-12);
  return v;
}

struct ClassSum {
  Vector sum;
  int64_t count = 0;
};

void add(ClassSum& c, const Vector& v) {
  c.sum.resize(v.size(), 0.0);
  for (size_t d = 0; d < v.size(); ++d) c.sum[d] += v[d];
  ++c.count;
}

template <class T>
AngularFisher compute(std::span<const T> values, int64_t D, std::span<const int64_t> labels,
                      AngularFisherInput input) {
  const int64_t N = int64_t(labels.size());
  FR_CHECK(D > 0 && int64_t(values.size()) == N * D, "angular Fisher score: expected ", N, " x ", D,
           " embeddings, got ", values.size(), " numbers");
  if (N == 0) throw Error(ErrorKind::data, "angular Fisher score: no samples");
  std::map<int64_t, ClassSum> classes;
  ClassSum all;
  for (int64_t n = 0; n < N; ++n) {
    const Vector v = row(values, D, n, input);
    add(classes[labels[size_t(n)]], v), add(all, v);
  }
  AngularFisher result;  // sums serve as means: a cosine ignores lengths
  for (int64_t n = 0; n < N; ++n)
    result.within += angular_distance(row(values, D, n, input), classes[labels[size_t(n)]].sum);
  for (const auto& entry : classes)
    if (classes.size() > 1)
      result.between += double(entry.second.count) * angular_distance(entry.second.sum, all.sum);
  result.score =
      result.between > 0 ? result.within / result.between : std::numeric_limits<double>::infinity();
  return result;
}

}  // namespace

AngularFisher angular_fisher(const EmbeddingView& e, std::span<const int64_t> labels,
                             AngularFisherInput input) {
  FR_CHECK(e.N == int64_t(labels.size()), "angular Fisher score: ", e.N, " embeddings but ", labels.size(),
           " labels");
  return compute(e.values, e.D, labels, input);
}

AngularFisher angular_fisher(std::span<const double> values, int64_t D, std::span<const int64_t> labels,
                             AngularFisherInput input) {
  return compute(values, D, labels, input);
}

std::optional<AngularFisher> angular_fisher_of_people(const EmbeddingView& e,
                                                      const std::vector<int64_t>& people) {
  std::map<int64_t, int64_t> pictures;
  for (int64_t person : people) ++pictures[person];
  std::vector<float> values;
  std::vector<int64_t> labels;
  for (size_t i = 0; i < people.size(); ++i) {
    if (pictures[people[i]] < 2) continue;
    const auto row = e.values.begin() + std::ptrdiff_t(i) * e.D;
    values.insert(values.end(), row, row + e.D), labels.push_back(people[i]);
  }
  if (labels.empty()) return std::nullopt;
  return angular_fisher({values, int64_t(labels.size()), e.D}, labels);
}

}  // namespace fr
