// What a reader sees of a kernel, op or loss.
#pragma once
#include <string>

namespace fr::audit {

struct Title {
  std::string name;       // "CosFace s=30 m=0.35"
  std::string equation;   // "h = cos(theta) - m"
  std::string reference;  // "Wang et al. 2018, Eq. 4", "" where there is none to cite
  std::string page;       // docs/math/PAGE.md, or ""
};

}  // namespace fr::audit
