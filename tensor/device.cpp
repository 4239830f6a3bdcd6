// Which device tensors use: the card, or what a test put in its place.
#include "tensor/device.h"

#include "base/error.h"

namespace fr {
namespace {

const DeviceInterface* in_its_place = nullptr;

}  // namespace

const DeviceInterface* device() { return in_its_place ? in_its_place : cuda_device(); }
void use_device(const DeviceInterface* other) { in_its_place = other; }

const DeviceInterface& needed_device() {
  if (const DeviceInterface* found = device()) return *found;
  throw Error(ErrorKind::memory, "device cuda: " + cuda_status());
}

}  // namespace fr
