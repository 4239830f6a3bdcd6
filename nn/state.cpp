// Collecting and loading named tensors.
#include "nn/state.h"

#include "base/file.h"

namespace fr {

namespace {

constexpr char kOptimizer[] = "optimizer.";

void insert(NamedTensors& state, const std::string& name, const Tensor& tensor) {
  if (!state.emplace(name, tensor).second)
    throw Error(ErrorKind::internal, cat("state: two tensors are called '", name, "'"));
}

std::string describe(const Tensor& t) { return cat(to_string(t.shape()), " ", to_string(t.dtype())); }

// What keeps `from` from filling `into`, one line each, in order of name.
std::vector<std::string> mismatches(const NamedTensors& from, const NamedTensors& into, bool with_optimizer) {
  std::vector<std::string> lines;
  for (const auto& [name, tensor] : into) {
    const auto found = from.find(name);
    if (found == from.end())
      lines.push_back(cat("missing: '", name, "' ", describe(tensor)));
    else if (found->second.shape() != tensor.shape() || found->second.dtype() != tensor.dtype())
      lines.push_back(
          cat("different: '", name, "' expected ", describe(tensor), ", got ", describe(found->second)));
  }
  for (const auto& [name, tensor] : from)
    if (!into.count(name) && (with_optimizer || name.rfind(kOptimizer, 0) != 0))
      lines.push_back(cat("unexpected: '", name, "' ", describe(tensor)));
  return lines;
}

// "" when there are none
std::string to_text(const std::vector<std::string>& lines) {
  constexpr size_t most = 10;
  if (lines.empty()) return {};
  std::string text = cat(lines.size(), " mismatches");
  for (size_t i = 0; i < lines.size() && i < most; ++i) text += "\n  " + lines[i];
  if (lines.size() > most) text += cat("\n  ... and ", lines.size() - most, " more");
  return text;
}

bool finite(const Tensor& t) {
  if (!t || t.dtype() == DType::int64) return true;
  const Tensor index(Shape{}, DType::int64, t.device());
  with_kernels(t, [&](const auto& k) { k.find_nonfinite(index.data(), t.data(), t.size()); });
  return index.item() < 0;
}

template <class List>
std::string first_of(const List& tensors) {
  for (const auto& [name, tensor] : tensors)
    if (!finite(tensor)) return name;
  return {};
}

}  // namespace

NamedTensors collect_state(Module& module, const Optimizer* optimizer) {
  NamedTensors state;
  for (const auto& [name, parameter] : module.parameters()) insert(state, name, parameter->var.value());
  for (const auto& [name, buffer] : module.buffers()) insert(state, name, *buffer);
  if (!optimizer) return state;
  for (const auto& [name, tensor] : optimizer->state()) insert(state, kOptimizer + name, tensor);
  return state;
}

void load_state(const NamedTensors& from, Module& module, const Optimizer* optimizer) {
  const NamedTensors into = collect_state(module, optimizer);
  if (const std::string found = to_text(mismatches(from, into, optimizer != nullptr)); !found.empty())
    throw Error(ErrorKind::state, "state does not fit: " + found);
  for (const auto& [name, tensor] : into) tensor.copy_from(from.at(name));
  module.round_weights();
}

std::string misfit(const NamedTensors& from, const NamedTensors& into) {
  return to_text(mismatches(from, into, true));
}

std::string weights_fingerprint(Module& module) {
  uint32_t crc = 0;
  for (const auto& [name, tensor] : collect_state(module)) {
    const Tensor host = tensor.to(Device::cpu);
    crc = crc32c({reinterpret_cast<const uint8_t*>(name.data()), name.size()}, crc);
    crc = crc32c({static_cast<const uint8_t*>(static_cast<void*>(host.data())), host.bytes()}, crc);
  }
  char text[9];
  std::snprintf(text, sizeof text, "%08x", crc);
  return text;
}

std::string first_nonfinite(const NamedTensors& tensors) { return first_of(tensors); }
std::string first_nonfinite(const std::vector<std::pair<std::string, Tensor>>& tensors) {
  return first_of(tensors);
}

}  // namespace fr
