#include "fr/recogniser/identify.h"

#include <algorithm>
#include <map>
#include <optional>

#include "base/error.h"
#include "fr/search.h"

namespace fr {
namespace {

constexpr int64_t kBlock = 4096;     // gallery rows scored at a time by a calibrator
constexpr int64_t kRowsAPerson = 4;  // fetched at first

bool better(const std::pair<double, int64_t>& a, const std::pair<double, int64_t>& b) {
  return a.first != b.first ? a.first > b.first : a.second < b.second;
}

using Scored = std::vector<std::pair<double, int64_t>>;  // score, row

void keep_best(Scored& scored, int64_t k) {
  const size_t n = std::min(scored.size(), size_t(k));
  std::partial_sort(scored.begin(), scored.begin() + std::ptrdiff_t(n), scored.end(), better);
  scored.resize(n);
}

std::vector<Candidate> best_people(const GalleryFile& gallery, const Scored& scored, int64_t k) {
  std::vector<Candidate> people;
  for (const auto& [score, n] : scored) {
    const GalleryRow row = gallery.row(n);
    const auto same = [&](const Candidate& c) { return c.person == row.person; };
    if (int64_t(people.size()) < k && std::none_of(people.begin(), people.end(), same))
      people.push_back({std::string(row.person), std::string(row.picture), score});
  }
  return people;
}

}  // namespace

struct Identifier::Rows {
  std::optional<Gallery> plain;              // cosine: searched where it lies
  std::optional<CalibratedRows> calibrated;  // otherwise
  int64_t people = 0, most = 0;              // in the gallery; rows of one of them

  // The `k` best rows of each probe.
  std::vector<Scored> search(const Calibrator& calibrator, const CalibratedRows& probes, int64_t k) const {
    std::vector<Scored> best(size_t(probes.N));
    if (plain) {
      const Hits hits = plain->search({probes.rows, probes.N, probes.D}, k);
      for (size_t i = 0; i < hits.indices.size(); ++i)
        if (hits.indices[i] >= 0) best[i / size_t(k)].emplace_back(hits.scores[i], hits.indices[i]);
      return best;
    }
    std::vector<float> scores(size_t(kBlock * probes.N));
    for (int64_t i = 0; i < calibrated->N; i += kBlock) {
      const int64_t n = std::min(kBlock, calibrated->N - i);
      calibrator.scores(scores.data(), *calibrated, i, n, probes, 0, probes.N);
      for (int64_t p = 0; p < probes.N; ++p) {
        for (int64_t r = 0; r < n; ++r) best[size_t(p)].emplace_back(scores[size_t(r * probes.N + p)], i + r);
        keep_best(best[size_t(p)], k);
      }
    }
    return best;
  }
};

Identifier::Identifier(const GalleryFile& gallery, const Calibrator& calibrator)
    : gallery_(gallery), calibrator_(calibrator), rows_(std::make_unique<Rows>()) {
  if (gallery.size() == 0) throw Error(ErrorKind::data, "identification: nobody is enrolled");
  if (calibrator.fusion())
    throw Error(ErrorKind::usage,
                cat("a gallery holds embeddings without variances: no calibration = ", calibrator.name()));
  if (calibrator.name() == "none") {
    rows_->plain.emplace(gallery.embeddings());
  } else {
    std::vector<std::string> people;
    for (int64_t n = 0; n < gallery.size(); ++n) people.emplace_back(gallery.row(n).person);
    const EmbeddingView& e = gallery.embeddings();
    rows_->calibrated = calibrator.prepare({e.values, e.N, e.D, people});
  }
  std::map<std::string_view, int64_t> rows;
  for (int64_t n = 0; n < gallery.size(); ++n)
    rows_->most = std::max(rows_->most, ++rows[gallery.row(n).person]);
  rows_->people = int64_t(rows.size());
}
Identifier::~Identifier() = default;

std::vector<std::vector<Candidate>> Identifier::search(const EmbeddingView& probes, int64_t k) const {
  FR_CHECK(k >= 1, "identification: expected one candidate or more, got ", k);
  FR_CHECK(probes.D == gallery_.embeddings().D, "identification: probes have ", probes.D,
           " columns, the gallery ", gallery_.embeddings().D);
  const CalibratedRows rows = calibrator_.prepare(probes);
  const auto people = [&](int64_t n) {
    std::vector<std::vector<Candidate>> found;
    for (const Scored& scored : rows_->search(calibrator_, rows, std::min(gallery_.size(), n)))
      found.push_back(best_people(gallery_, scored, k));
    return found;
  };
  auto found = people(kRowsAPerson * k);
  // Someone with many rows may fill all places. k people lie within k times the most rows that anyone has.
  const int64_t expected = std::min(k, rows_->people), needed = expected * rows_->most;
  const bool enough =
      std::all_of(found.begin(), found.end(), [&](const auto& c) { return int64_t(c.size()) == expected; });
  return enough ? found : people(needed);
}

}  // namespace fr
