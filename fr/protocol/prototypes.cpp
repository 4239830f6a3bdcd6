#include "fr/protocol/prototypes.h"

#include <unordered_map>

#include "base/error.h"
#include "fr/calibration/cosine.h"

namespace fr {

Prototypes prototypes_of(const EmbeddingView& e, std::span<const int64_t> people) {
  FR_CHECK(int64_t(people.size()) == e.N, "prototypes: ", people.size(), " people of ", e.N, " embeddings");
  const std::vector<float> unit = unit_rows(e).rows;
  Prototypes p;
  p.D = e.D;
  std::unordered_map<int64_t, size_t> row_of;
  std::vector<int64_t> count;
  for (size_t i = 0; i < people.size(); ++i) {
    const auto [at, fresh] = row_of.emplace(people[i], row_of.size());
    if (fresh) {
      p.people.push_back(people[i]), p.first_pictures.push_back(int64_t(i)), count.push_back(0);
      p.rows.resize(p.rows.size() + size_t(e.D), 0);
    }
    ++count[at->second];
    for (size_t d = 0; d < size_t(e.D); ++d)
      p.rows[at->second * size_t(e.D) + d] += unit[i * size_t(e.D) + d];
  }
  for (size_t i = 0; i < p.rows.size(); ++i) p.rows[i] /= float(count[i / size_t(e.D)]);
  return p;
}

}  // namespace fr
