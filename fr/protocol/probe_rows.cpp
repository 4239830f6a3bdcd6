#include "fr/protocol/probe_rows.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace fr {

std::vector<float> rows_of_models(const ModelEmbeddings& models, int64_t N, const std::string& what) {
  for (const EmbeddingView& e : models)
    FR_CHECK(e.N == N && e.D > 0 && int64_t(e.values.size()) == N * e.D, what, ": expected ", N,
             " embeddings, got ", e.N, " x ", e.D, " in ", e.values.size(), " numbers");
  return side_by_side(models);
}

CalibratedRows rows_at(const CalibratedRows& rows, std::span<const int64_t> places) {
  CalibratedRows part;
  part.N = int64_t(places.size()), part.D = rows.D, part.C = rows.C;
  part.rows.reserve(size_t(part.N * part.D)), part.context.reserve(size_t(part.N * part.C));
  const auto append = [](std::vector<float>& to, const std::vector<float>& from, int64_t i, int64_t n) {
    to.insert(to.end(), from.begin() + i * n, from.begin() + (i + 1) * n);
  };
  for (const int64_t i : places)
    append(part.rows, rows.rows, i, rows.D), append(part.context, rows.context, i, rows.C);
  return part;
}

PairIdentities drawn_with_their_people(std::span<const int64_t> people) {
  std::vector<int64_t> numbers(people.begin(), people.end());
  std::sort(numbers.begin(), numbers.end());
  numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
  PairIdentities who{{}, {}, int64_t(numbers.size())};
  for (const int64_t p : people)
    who.a.push_back(std::lower_bound(numbers.begin(), numbers.end(), p) - numbers.begin());
  who.b = who.a;
  return who;
}

Spread spread(std::span<const double> values) {
  Spread s;
  const double n = double(values.size());
  for (const double v : values) s.mean += v / n;
  for (const double v : values) s.std += (v - s.mean) * (v - s.mean) / (n - 1);
  s.std = std::sqrt(s.std);
  return s;
}

}  // namespace fr
