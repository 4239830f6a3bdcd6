#include "fr/backbone/network.h"

#include "fr/backbone/doppelganger_net.h"
#include "fr/backbone/iresnet.h"
#include "fr/backbone/sphereface.h"

namespace fr {
namespace {

template <class Options>
Options options_of(const NetworkOptions& o) {
  return {o.depth, o.embedding, o.height, o.width, o.dropout, o.seed};
}
template <>
DoppelgangerOptions options_of(const NetworkOptions& o) {
  return {o.depth, o.embedding, o.height, o.width, o.dropout, o.seed, o.narrow};
}
template <class Network, class Options>
std::unique_ptr<Backbone> make(const NetworkOptions& o) {
  return std::make_unique<Network>(options_of<Options>(o));
}
template <class Options>
std::vector<LayerDescription> describe_as(const NetworkOptions& o) {
  return describe(options_of<Options>(o));
}

// One line a backbone.
struct Entry {
  Architecture architecture;
  const char* name;
  std::span<const StageUnits> (*tables)();
  std::unique_ptr<Backbone> (*make)(const NetworkOptions&);
  std::vector<LayerDescription> (*describe)(const NetworkOptions&);
};
constexpr Entry kEntries[] = {
    {Architecture::sphereface, "SphereFace", sphereface_tables, make<SphereFace, SphereFaceOptions>,
     describe_as<SphereFaceOptions>},
    {Architecture::iresnet, "IResNet", iresnet_tables, make<IResNet, IResNetOptions>,
     describe_as<IResNetOptions>},
    {Architecture::doppelganger, "Doppelganger", doppelganger_tables,
     make<DoppelgangerNet, DoppelgangerOptions>, describe_as<DoppelgangerOptions>},
};

const Entry& entry_of(Architecture architecture) {
  for (const Entry& entry : kEntries)
    if (entry.architecture == architecture) return entry;
  throw std::invalid_argument(cat("network: no architecture has the number ", int(architecture)));
}

}  // namespace

const char* name_of(Architecture architecture) { return entry_of(architecture).name; }

std::vector<int> depths_of(Architecture architecture) {
  std::vector<int> depths;
  for (const StageUnits& line : entry_of(architecture).tables()) depths.push_back(line.depth);
  return depths;
}

std::unique_ptr<Backbone> make_backbone(const NetworkOptions& o) { return entry_of(o.architecture).make(o); }

std::vector<LayerDescription> describe(const NetworkOptions& o) {
  return entry_of(o.architecture).describe(o);
}

}  // namespace fr
