#include "fr/backbone/network.h"

#include <algorithm>

#include "fr/backbone/doppelganger_net.h"
#include "fr/backbone/iresnet.h"
#include "fr/backbone/mobilefacenet.h"
#include "fr/backbone/resnet.h"
#include "fr/backbone/sphereface.h"

namespace fr {
namespace {

// What every backbone is told, and then what only it is told.
template <class Options>
Options options_of(const NetworkOptions& o) {
  return {o.depth, o.embedding, o.height, o.width, o.dropout, o.seed};
}
template <>
SphereFaceOptions options_of(const NetworkOptions& o) {
  return {o.depth, o.embedding, o.height, o.width, o.dropout, o.seed, o.last_relu, o.bias};
}
template <>
DoppelgangerOptions options_of(const NetworkOptions& o) {
  return {o.depth, o.embedding, o.height, o.width, o.dropout, o.seed, o.narrow};
}
template <>
ResNetOptions options_of(const NetworkOptions& o) {
  const bool literal = o.architecture == Architecture::resnet_literal;
  return {o.depth,
          o.embedding,
          o.height,
          o.width,
          o.dropout,
          o.seed,
          literal ? ResNetForm::literal : ResNetForm::preactivation};
}

struct Entry {
  Architecture architecture;
  const char *word, *name, *source;
  std::span<const StageUnits> (*tables)();
  std::unique_ptr<Backbone> (*make)(const NetworkOptions&);
  std::vector<LayerDescription> (*describe)(const NetworkOptions&);
};
template <class Network>
constexpr Entry entry(Architecture a, const char* word, const char* name,
                      std::span<const StageUnits> (*tables)(), const char* source) {
  using Options = typename Network::Options;
  return {a,
          word,
          name,
          source,
          tables,
          [](const NetworkOptions& o) -> std::unique_ptr<Backbone> {
            return std::make_unique<Network>(options_of<Options>(o));
          },
          [](const NetworkOptions& o) { return fr::describe(options_of<Options>(o)); }};
}

using A = Architecture;
constexpr Entry kEntries[] = {
    entry<SphereFace>(A::sphereface, "sphereface", "SphereFace", sphereface_tables,
                      "Liu et al. 2017, no batch normalisation"),
    entry<IResNet>(A::iresnet, "iresnet", "IResNet", iresnet_tables, "ArcFace's, Deng et al. 2019"),
    entry<ResNet>(A::resnet, "resnet", "ResNet", resnet_tables,
                  "He et al. 2016, pre-activation, fitted to faces"),
    entry<ResNet>(A::resnet_literal, "resnet_literal", "literal ResNet", resnet_tables,
                  "He et al. 2016, \"Deep Residual Learning\", as it stands there"),
    entry<DoppelgangerNet>(
        A::doppelganger, "doppelganger", "Doppelganger", doppelganger_tables,
        "Smirnov et al. 2017: depth 28 is theirs for 259x259, 27 lacks its first layer, for "
        "112x112"),
    entry<MobileFaceNet>(A::mobilefacenet, "mobilefacenet", "MobileFaceNet", mobilefacenet_tables,
                         "Chen et al. 2018, depthwise convolutions and linear bottlenecks"),
};

// Options of single architectures.
struct Special {
  const char *key, *refused;
  bool (*asked_for)(const NetworkOptions&);
  Architecture of;
};
constexpr Special kSpecial[] = {
    {"last_relu", "true", [](const NetworkOptions& o) { return o.last_relu; }, A::sphereface},
    {"bias", "false", [](const NetworkOptions& o) { return !o.bias; }, A::sphereface},
    {"narrow", "2 or more", [](const NetworkOptions& o) { return o.narrow != 1; }, A::doppelganger},
};

const Entry& entry_of(Architecture architecture) {
  for (const Entry& entry : kEntries)
    if (entry.architecture == architecture) return entry;
  throw std::invalid_argument(cat("network: no architecture has the number ", int(architecture)));
}

}  // namespace

const char* name_of(Architecture architecture) { return entry_of(architecture).name; }
const char* source_of(Architecture architecture) { return entry_of(architecture).source; }

std::vector<int> depths_of(Architecture architecture) {
  std::vector<int> depths;
  for (const StageUnits& line : entry_of(architecture).tables()) depths.push_back(line.depth);
  return depths;
}

std::vector<std::pair<std::string, Architecture>> architecture_words() {
  std::vector<std::pair<std::string, Architecture>> words;
  for (const Entry& entry : kEntries) words.emplace_back(entry.word, entry.architecture);
  return words;
}

void check(const NetworkOptions& o) {
  for (const Special& special : kSpecial)
    FR_CHECK(!special.asked_for(o) || o.architecture == special.of, "network.", special.key, " = ",
             special.refused, ": exists for network.architecture = ", entry_of(special.of).word,
             " only, got ", entry_of(o.architecture).word);
}

std::unique_ptr<Backbone> make_backbone(const NetworkOptions& o) {
  check(o);
  std::unique_ptr<Backbone> network = entry_of(o.architecture).make(o);
  if (o.residual_balancing != ResidualBalancingForm::none)
    network->add_residual_balancing(o.residual_balancing, o.seed);
  return network;
}

std::vector<LayerDescription> describe(const NetworkOptions& o) {
  check(o);
  std::vector<LayerDescription> layers = entry_of(o.architecture).describe(o);
  describe_residual_balancing(layers, o.residual_balancing);
  return layers;
}

bool normalises_embeddings(const NetworkOptions& o) {
  const std::vector<LayerDescription> layers = describe(o);
  return std::any_of(layers.begin(), layers.end(), [](const LayerDescription& l) {
    return l.kind == "batch norm" && l.output.size() == 1;
  });
}

}  // namespace fr
