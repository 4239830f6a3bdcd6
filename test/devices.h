// The devices on which tests run what is made for a card: the stand-in and the emulator.
#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include "tensor/device.h"

namespace fr::test {

struct TestDevice {
  std::string name;
  const DeviceInterface* device;
  void (*limit)(size_t bytes);  // how many bytes it has; 0: many
  bool slow = false;
};
const std::vector<TestDevice>& devices();

// Tensors on cuda lie there while this is alive.
class UseDevice {
 public:
  explicit UseDevice(const DeviceInterface& device) { use_device(&device); }
  ~UseDevice() { use_device(nullptr); }
  UseDevice(const UseDevice&) = delete;
  UseDevice& operator=(const UseDevice&) = delete;
};

}  // namespace fr::test
