// Two pictures and what was made of them, as a page: where the faces were found, the aligned faces, the verdict. And a list of
// probes with the people they were taken for.
#pragma once
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "data/image.h"
#include "fr/detection/face.h"

namespace fr {

struct PageFace {
  std::string name;  // of the picture
  Image picture;     // with the face's box and landmarks, when they are known
  std::optional<Face> face;
  Image aligned;
};

// `facts`: name, value. The page is self-contained and needs no script.
std::string pair_page(const std::string& verdict, const PageFace& a, const PageFace& b,
                      const std::vector<std::pair<std::string, std::string>>& facts);

struct PageProbe {
  PageFace probe;
  bool known = false;                                      // the first candidate is accepted
  std::vector<std::pair<std::string, double>> candidates;  // person, score; best first
};
std::string probes_page(const std::vector<PageProbe>& probes,
                        const std::vector<std::pair<std::string, std::string>>& facts);

}  // namespace fr
