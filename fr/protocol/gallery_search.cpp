#include "fr/protocol/gallery_search.h"

#include <algorithm>

#include "base/error.h"
#include "data/image.h"
#include "fr/protocol/probe_rows.h"
#include "fr/protocol/prototypes.h"

namespace fr {
namespace {

constexpr size_t kHardest = 12;

// The n places with the smallest keys, ascending; of equal keys the first.
std::vector<size_t> smallest(const std::vector<std::pair<float, size_t>>& keyed, size_t n) {
  std::vector<std::pair<float, size_t>> sorted = keyed;
  n = std::min(n, sorted.size());
  std::partial_sort(sorted.begin(), sorted.begin() + int64_t(n), sorted.end());
  std::vector<size_t> places;
  for (size_t i = 0; i < n; ++i) places.push_back(sorted[i].second);
  return places;
}

}  // namespace

GalleryProtocol::GalleryProtocol(GalleryProbes set, Template of_person)
    : set_(std::move(set)), template_(of_person) {
  FR_CHECK(set_.pictures.size() == set_.people.size() && set_.enrolled > 0 && set_.probes() > 0,
           "identification: ", set_.pictures.size(), " pictures of ", set_.people.size(), " people, ",
           set_.enrolled, " of them enrolled");
  enrolled_.assign(set_.names.size(), 0);
  for (size_t i = 0; i < set_.people.size(); ++i) {
    const int64_t person = set_.people[i];
    FR_CHECK(person >= 0 && person < int64_t(enrolled_.size()), "identification: picture ", i,
             " is of person ", person, " of ", enrolled_.size());
    if (int64_t(i) < set_.enrolled) enrolled_[size_t(person)] = 1;
  }
  pictures_.names = set_.pictures;
  pictures_.picture = [this](int64_t i) { return load_image(set_.root / set_.pictures.at(size_t(i))); };
}

int64_t GalleryProtocol::enrolled_people() const { return std::count(enrolled_.begin(), enrolled_.end(), 1); }

std::string GalleryProtocol::description() const {
  return cat(set_.probes(), " probes against a gallery of ", enrolled_people(), " people in ", set_.enrolled,
             " pictures");
}

GalleryProtocol::Search GalleryProtocol::search(const ModelEmbeddings& embeddings,
                                                const Calibrator& calibrator) const {
  const auto N = int64_t(set_.pictures.size());
  const std::vector<float> rows = rows_of_models(embeddings, N, "identification");
  const int64_t D = int64_t(rows.size()) / N, G = set_.enrolled;
  std::vector<std::string> names;
  for (const int64_t person : set_.people) names.push_back(set_.names[size_t(person)]);
  const auto part = [&](int64_t first, int64_t n) {
    return EmbeddingView{std::span(rows).subspan(size_t(first * D), size_t(n * D)), n, D,
                         std::span(names).subspan(size_t(first), size_t(n))};
  };
  Search s{calibrator, {}, calibrator.prepare(part(G, N - G)), {}, {}, probe_people(), {}};
  if (template_ == Template::best) {
    s.gallery = calibrator.prepare(part(0, G));
    s.gallery_people.assign(set_.people.begin(), set_.people.begin() + G);
    for (int64_t i = 0; i < G; ++i) s.gallery_pictures.push_back(i);
  } else {
    const std::span people = std::span(set_.people).first(size_t(G));
    std::vector<Prototypes> of_models;
    for (const EmbeddingView& e : embeddings) {
      const EmbeddingView enrolled{e.values.first(size_t(G * e.D)), G, e.D};
      of_models.push_back(calibrator.fusion() ? fused_prototypes(enrolled, people, *calibrator.fusion())
                                              : prototypes_of(enrolled, people));
    }
    ModelEmbeddings views;
    for (const Prototypes& p : of_models) views.push_back(p.view());
    s.gallery_people = of_models[0].people, s.gallery_pictures = of_models[0].first_pictures;
    std::vector<std::string> enrolled;
    for (const int64_t person : s.gallery_people) enrolled.push_back(set_.names[size_t(person)]);
    s.gallery = calibrator.prepare({side_by_side(views), views[0].N, D, enrolled});
  }
  s.found = search_probes({&calibrator, &s.gallery, s.gallery_people, &s.probes, s.probe_people});
  return s;
}

ProtocolResult GalleryProtocol::start(const Calibrator& calibrator) const {
  ProtocolResult result;
  result.score = calibrator.score(), result.calibration = calibrator.name();
  result.counts = {{"pictures of the gallery", set_.enrolled},
                   {"people of the gallery", enrolled_people()},
                   {"probes", set_.probes()}};
  result.notes = set_.notes;
  if (set_.enrolled > enrolled_people()) {
    const char* best = "Of several pictures of a person in the gallery the most similar one counts.";
    const char* mean = calibrator.fusion()
                           ? "A person of the gallery is the fusion of its pictures' distributions."
                           : "A person of the gallery is the mean of its embeddings of unit length.";
    result.notes.emplace_back(template_ == Template::best ? best : mean);
  }
  return result;
}

void GalleryProtocol::add_hardest(ProtocolResult& result, const Search& s) const {
  std::vector<std::pair<float, size_t>> genuine, impostor;
  for (size_t j = 0; j < s.found.size(); ++j) {
    const ProbeResult& p = s.found[j];
    if (p.mated()) genuine.emplace_back(p.mate, j);
    if (p.rank != 1) impostor.emplace_back(-p.best, j);
  }
  std::vector<float> scores(size_t(s.gallery.N));
  const auto show = [&](size_t j, bool mate) {
    s.calibrator.scores(scores.data(), s.gallery, 0, s.gallery.N, s.probes, int64_t(j), 1);
    size_t row = 0;  // the first with the score that the search has found
    for (const float wanted = mate ? s.found[j].mate : s.found[j].best; row + 1 < scores.size(); ++row)
      if (scores[row] == wanted && (s.gallery_people[row] == s.probe_people[j]) == mate) break;
    return ScoredPair{s.gallery_pictures[row], set_.enrolled + int64_t(j), double(scores[row])};
  };
  for (const size_t j : smallest(genuine, kHardest)) result.hardest_genuine.push_back(show(j, true));
  for (const size_t j : smallest(impostor, kHardest)) result.hardest_impostor.push_back(show(j, false));
}

}  // namespace fr
