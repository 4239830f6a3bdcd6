// The state of a module and its optimiser as named tensors: what a checkpoint holds.
#pragma once
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "nn/module.h"
#include "nn/optimizer.h"

namespace fr {

using NamedTensors = std::map<std::string, Tensor>;

// Parameters and buffers of the module, the state of the optimiser (may be null) under "optimizer.".
// The tensors share memory with their owners: reading them shows the present, writing them sets it.
NamedTensors collect_state(Module& module, const Optimizer* optimizer = nullptr);

// Copies the values in, all or nothing. Throws Error{state} that lists the first ten missing, unexpected and
// misshapen names. Without an optimiser, tensors under "optimizer." are ignored.
void load_state(const NamedTensors& from, Module& module, const Optimizer* optimizer = nullptr);

// What keeps `from` from filling `into`: their number and the first ten, as load_state() has them; "" when nothing does.
std::string misfit(const NamedTensors& from, const NamedTensors& into);

// Which weights these are: CRC-32C over the names and values of all parameters and buffers, eight hexadecimal digits.
std::string weights_fingerprint(Module& module);

// The name of the first tensor that holds a value that is not finite, "" when there is none. int64 is always
// finite.
std::string first_nonfinite(const NamedTensors& tensors);
std::string first_nonfinite(const std::vector<std::pair<std::string, Tensor>>& tensors);

}  // namespace fr
