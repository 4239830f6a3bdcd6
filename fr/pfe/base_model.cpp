#include "fr/pfe/base_model.h"

#include "nn/state.h"

namespace fr {

void adopt_base_model(Config& config) {
  if (config.pfe.model.empty()) return;
  const LoadedModel model = load_model(config.pfe.model);
  Config untouched, base = model.config;
  const Schema given = describe(config), defaults = describe(untouched), wanted = describe(base);
  for (size_t i = 0; i < given.keys().size(); ++i) {
    const Key& key = given.keys()[i];
    const std::string value = key.get(), of_model = wanted.keys()[i].get();
    if (key.name.starts_with("network.") && value != of_model && value != defaults.keys()[i].get())
      throw Error(
          ErrorKind::usage,
          cat(key.name, " = ", value, ": the network of pfe.model = ", config.pfe.model, " has ", of_model));
  }
  config.network = base.network;
  config.data.patch = model.info.input.patch, config.test.flip = model.info.input.flip;
}

std::unique_ptr<Backbone> copy_network(const LoadedModel& model) {
  auto network = make_backbone(model.config.network);
  load_state(collect_state(model.model->network()), *network);
  return network;
}

}  // namespace fr
