#include "fr/recogniser/identify_pictures.h"

#include "base/error.h"
#include "fr/report/number.h"
#include "fr/report/pair_page.h"
#include "fr/report/protocol_csv.h"

namespace fr {
namespace {

constexpr size_t kPiece = 64;  // faces embedded and searched at a time

bool accepted(const Candidate& c, const std::optional<Decision>& decision) {
  return !decision || c.score >= decision->threshold;
}

std::string score_text(double score) { return ascii_number(format_fixed(score, 4)); }

// Embeds and searches the faces from `first` on.
void search(const Recogniser& recogniser, const Identifier& identifier, std::vector<IdentifiedFace>& faces,
            size_t first, int64_t candidates, KeepFaces keep) {
  std::vector<Image> aligned;
  for (size_t i = first; i < faces.size(); ++i) aligned.push_back(faces[i].face.aligned);
  if (aligned.empty()) return;
  const Embeddings e = recogniser.embed(aligned);
  auto found = identifier.search(e.view(), candidates);
  for (size_t i = 0; i < found.size(); ++i) {
    faces[first + i].candidates = std::move(found[i]);
    if (keep == KeepFaces::no) faces[first + i].face.aligned = {};
  }
}

}  // namespace

IdentifiedPictures identify(const Recogniser& recogniser, const Identifier& identifier,
                            const std::vector<fs::path>& pictures, Faces which, int64_t candidates,
                            KeepFaces keep, const std::function<void(int64_t)>& done) {
  IdentifiedPictures out;
  size_t searched = 0;
  for (size_t p = 0; p < pictures.size(); ++p) {
    const std::string name = pictures[p].string();
    try {
      const Image picture = load_image(name);
      std::vector<FoundFace> found;
      if (which == Faces::all) found = recogniser.find_all(picture, name);
      if (found.empty()) found.push_back(recogniser.find(picture, name));  // or says that there is none
      for (size_t f = 0; f < found.size(); ++f)
        out.faces.push_back({found.size() > 1 ? cat(name, "#", f + 1) : name, std::move(found[f]), {}});
    } catch (const Error& e) {
      out.skipped.push_back(e.what());
    }
    if (out.faces.size() - searched >= kPiece || p + 1 == pictures.size()) {
      search(recogniser, identifier, out.faces, searched, candidates, keep);
      searched = out.faces.size();
    }
    if (done) done(int64_t(p + 1));
  }
  if (out.faces.empty())
    throw Error(ErrorKind::data, cat("no face in ", pictures.size(), " pictures",
                                     out.skipped.empty() ? "" : "; the first: " + out.skipped.front()));
  return out;
}

std::string to_lines(const std::vector<IdentifiedFace>& faces, const std::optional<Decision>& decision) {
  std::string text;
  for (const IdentifiedFace& f : faces) {
    const bool known = accepted(f.candidates.front(), decision);
    text += f.probe + (known ? "" : "\tunknown");
    for (const Candidate& c : f.candidates) text += cat("\t", c.person, "\t", score_text(c.score));
    text += "\n";
  }
  return text;
}

std::string to_csv(const std::vector<IdentifiedFace>& faces, const std::optional<Decision>& decision) {
  std::string csv = "probe,rank,person,picture,score,accepted\n";
  for (const IdentifiedFace& f : faces)
    for (size_t i = 0; i < f.candidates.size(); ++i) {
      const Candidate& c = f.candidates[i];
      csv += cat(csv_field(f.probe), ',', i + 1, ',', csv_field(c.person), ',', csv_field(c.picture), ',',
                 csv_number(c.score), ',', int(accepted(c, decision)), '\n');
    }
  return csv;
}

std::string to_html(const std::vector<IdentifiedFace>& faces, const std::optional<Decision>& decision,
                    const std::vector<std::pair<std::string, std::string>>& facts) {
  std::vector<PageProbe> probes;
  for (const IdentifiedFace& f : faces) {
    PageProbe p{{f.probe, {}, f.face.face, f.face.aligned}, accepted(f.candidates.front(), decision), {}};
    for (const Candidate& c : f.candidates) p.candidates.emplace_back(c.person, c.score);
    probes.push_back(std::move(p));
  }
  return probes_page(probes, facts);
}

}  // namespace fr
