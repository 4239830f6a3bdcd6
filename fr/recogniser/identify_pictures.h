// Probes as pictures: find, embed, search, decide, tell.
#pragma once
#include <functional>
#include <optional>

#include "fr/recogniser/decision.h"
#include "fr/recogniser/identify.h"
#include "fr/recogniser/recogniser.h"

namespace fr {

struct IdentifiedFace {
  std::string probe;  // the picture; with several faces "picture#2"
  FoundFace face;
  std::vector<Candidate> candidates;  // best first
};

enum class Faces { main, all };
enum class KeepFaces { no, yes };  // the aligned pictures, for a page

struct IdentifiedPictures {
  std::vector<IdentifiedFace> faces;
  std::vector<std::string> skipped;  // pictures without a face or damaged, with the reason
};

// `done` is called with the number of pictures finished. Error{data} when no face is found in any picture.
IdentifiedPictures identify(const Recogniser& recogniser, const Identifier& identifier,
                            const std::vector<fs::path>& pictures, Faces faces, int64_t candidates,
                            KeepFaces keep, const std::function<void(int64_t)>& done = {});

// One line a face, separated by tabs: probe, "unknown" when the decision rejects the best candidate, then person and score of
// each candidate. And the same as CSV with a header: probe,rank,person,picture,score,accepted.
std::string to_lines(const std::vector<IdentifiedFace>& faces, const std::optional<Decision>& decision);
std::string to_csv(const std::vector<IdentifiedFace>& faces, const std::optional<Decision>& decision);
std::string to_html(const std::vector<IdentifiedFace>& faces, const std::optional<Decision>& decision,
                    const std::vector<std::pair<std::string, std::string>>& facts);

}  // namespace fr
