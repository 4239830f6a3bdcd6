#include <charconv>

#include "bench/worker/cases.h"

namespace fr::bench {

std::unique_ptr<Backbone> backbone_of(const std::string& name) {
  NetworkOptions o;
  const auto is = [&](std::string_view family) {
    if (name.rfind(family, 0) != 0) return false;
    std::from_chars(name.data() + family.size(), name.data() + name.size(), o.depth);
    return true;
  };
  o.embedding = kEmbedding;
  if (is("iresnet"))
    o.architecture = Architecture::iresnet, o.width = 112;
  else if (!is("sphereface"))
    throw Skip("no network " + name + " here");
  return make_backbone(o);
}

}  // namespace fr::bench
