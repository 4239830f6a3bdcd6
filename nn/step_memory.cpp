// A StepState as a tensor of words.
#include "nn/step_memory.h"

#include <cstring>

namespace fr {
namespace {

constexpr int64_t kWords = sizeof(StepState) / sizeof(int64_t);
static_assert(kWords * sizeof(int64_t) == sizeof(StepState));

}  // namespace

StepMemory::StepMemory(Device device) : memory_({kWords}, DType::int64, device) { set({}); }

void StepMemory::set(const StepState& state) const {
  const Tensor words({kWords}, DType::int64);
  std::memcpy(words.as<int64_t>(), &state, sizeof state);
  memory_.copy_from(words);
}

StepState StepMemory::get() const {
  StepState state;
  std::memcpy(static_cast<void*>(&state), memory_.to(Device::cpu).as<int64_t>(), sizeof state);
  return state;
}

StepState* StepMemory::at() const { return static_cast<StepState*>(static_cast<void*>(memory_.data())); }

}  // namespace fr
