#include "fr/protocol/prototypes.h"

#include <unordered_map>

#include "base/error.h"
#include "fr/calibration/cosine.h"

namespace fr {
namespace {

// Sets who has a row, in the order of their first pictures. Gives the pictures of each.
std::vector<std::vector<int64_t>> pictures_of_people(Prototypes& p, const EmbeddingView& e,
                                                     std::span<const int64_t> people) {
  FR_CHECK(int64_t(people.size()) == e.N, "prototypes: ", people.size(), " people of ", e.N, " embeddings");
  p.D = e.D;
  std::vector<std::vector<int64_t>> pictures;
  std::unordered_map<int64_t, size_t> row_of;
  for (size_t i = 0; i < people.size(); ++i) {
    const auto [at, fresh] = row_of.emplace(people[i], row_of.size());
    if (fresh) p.people.push_back(people[i]), p.first_pictures.push_back(int64_t(i)), pictures.emplace_back();
    pictures[at->second].push_back(int64_t(i));
  }
  p.rows.resize(pictures.size() * size_t(e.D), 0);
  return pictures;
}

}  // namespace

Prototypes prototypes_of(const EmbeddingView& e, std::span<const int64_t> people) {
  Prototypes p;
  const auto pictures = pictures_of_people(p, e, people);
  const std::vector<float> unit = unit_rows(e).rows;
  for (size_t row = 0; row < pictures.size(); ++row)
    for (size_t d = 0; d < size_t(e.D); ++d) {
      float& mean = p.rows[row * size_t(e.D) + d];
      for (const int64_t i : pictures[row]) mean += unit[size_t(i * e.D) + d];
      mean /= float(pictures[row].size());
    }
  return p;
}

Prototypes fused_prototypes(const EmbeddingView& e, std::span<const int64_t> people, Fusion fusion) {
  Prototypes p;
  const auto pictures = pictures_of_people(p, e, people);
  const UnitDistributions unit = unit_distributions(e);
  for (size_t row = 0; row < pictures.size(); ++row)
    fuse_distributions(p.rows.data() + row * size_t(e.D), unit, pictures[row], fusion);
  return p;
}

}  // namespace fr
