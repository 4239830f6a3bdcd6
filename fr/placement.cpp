#include "fr/placement.h"

namespace fr {

Placement placement_of(DeviceChoice choice, DType maps) {
  const bool cuda = choice == DeviceChoice::cuda || (choice == DeviceChoice::automatic && device());
  if (!cuda && maps == DType::bfloat16)
    throw Error(ErrorKind::usage, "precision bf16 needs a card, and the device is the cpu" +
                                      (choice == DeviceChoice::automatic ? " (" + cuda_status() + ")" : ""));
  if (!cuda) return {};
  const DeviceInterface& card = needed_device();
  if (maps == DType::bfloat16 && !card.half)
    throw Error(ErrorKind::usage,
                "precision bf16: " + card.describe() + " has no arithmetic for it; use float");
  return {Device::cuda, maps};
}

const char* precision_word(DType maps) { return maps == DType::bfloat16 ? "bf16" : "float"; }

std::string to_string(const Placement& placement) {
  return cat(placement.device == Device::cpu ? "cpu" : needed_device().describe(), ", ",
             precision_word(placement.maps));
}

}  // namespace fr
