#include <charconv>

#include "bench/worker/cases.h"
#if __has_include("fr/backbone/network.h")
#include "fr/backbone/network.h"
#else
#include "fr/backbone/sphereface.h"
#endif

namespace fr::bench {
namespace {

constexpr std::string_view kSphereFace = "sphereface", kIResNet = "iresnet";

int depth_of(const std::string& name, std::string_view family) {
  int depth = 0;
  std::from_chars(name.data() + family.size(), name.data() + name.size(), depth);
  return depth;
}

template <class Options>
Options options_of(const Backbone& b, int depth) {
  Options o;
  o.depth = depth, o.embedding = kEmbedding, o.height = b.height, o.width = b.width;
  return o;
}

}  // namespace

Backbone make_backbone(const std::string& name) {
  Backbone b;
  if (name.rfind(kIResNet, 0) == 0) {
#if __has_include("fr/backbone/network.h")
    b.width = 112;
    auto o = options_of<NetworkOptions>(b, depth_of(name, kIResNet));
    o.architecture = Architecture::iresnet;
    b.network = fr::make_backbone(o);
#else
    throw Skip("there is no IResNet yet");
#endif
  } else if (name.rfind(kSphereFace, 0) == 0) {
#if __has_include("fr/backbone/network.h")
    b.network = fr::make_backbone(options_of<NetworkOptions>(b, depth_of(name, kSphereFace)));
#else
    b.network = std::make_unique<SphereFace>(options_of<SphereFaceOptions>(b, depth_of(name, kSphereFace)));
#endif
  } else {
    throw Skip("no network " + name + " here");
  }
  return b;
}

}  // namespace fr::bench
