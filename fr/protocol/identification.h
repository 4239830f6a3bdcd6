// Identification with a gallery and probes. Closed set: is the mate among the first r? Open set: how many probes are
// identified when people whom the gallery does not know search it too?
#pragma once
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "data/gallery_list.h"
#include "fr/protocol/gallery_search.h"

namespace fr {

inline const std::vector<std::pair<std::string, FpirRule>> kFpirRuleWords = {{"nist", FpirRule::nist},
                                                                             {"blufr", FpirRule::blufr}};

enum class OpenSet {
  automatic,  // when there are probes without a mate
  required,   // without such probes there is no evaluation
  none,       // figures of the closed set alone
};
inline const std::vector<std::pair<std::string, OpenSet>> kOpenSetWords = {
    {"automatic", OpenSet::automatic}, {"required", OpenSet::required}, {"none", OpenSet::none}};

struct IdentificationOptions {
  Template of_person = Template::best;
  OpenSet open_set = OpenSet::automatic;
  FpirRule rule = FpirRule::nist;
  std::vector<double> fpir = {1e-1, 1e-2, 1e-3};
};

// Figures rank_1, 5, 10, 20, 50 (as far as the gallery has people) and the CMC to rank 100, of the probes with a mate. With an
// open set also TPIR at each FPIR, where a probe counts when its mate comes first and is accepted, the DIR curve, and a card
// that reads FPIR for FAR and TPIR for TAR. Intervals draw the people of the probes; the gallery stays.
// Throws Error{data} when no probe has a mate, or none lacks one and the open set is required.
std::unique_ptr<Protocol> identification(GalleryProbes set, IdentificationOptions options = {});

}  // namespace fr
