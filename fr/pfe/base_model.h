// The model whose network an uncertainty module is trained on.
#pragma once
#include <memory>

#include "fr/checkpoint.h"

namespace fr {

// Makes [network], data.patch and test.flip of a run with pfe.model those of the model. Throws Error{usage} naming the first key
// of [network] that was given another value than the model's, and what load_model() throws.
void adopt_base_model(Config& config);

// A network of the same weights.
std::unique_ptr<Backbone> copy_network(const LoadedModel& model);

}  // namespace fr
