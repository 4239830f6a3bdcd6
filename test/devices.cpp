#include "test/devices.h"

#include "test/stand_in.h"
#if __has_include("test/emulator/device.h")
#include "test/emulator/device.h"
#define FR_HAS_EMULATED_DEVICE
#endif

namespace fr::test {

const std::vector<TestDevice>& devices() {
  static const std::vector<TestDevice> all = {
      {"StandIn", &stand_in(), limit_stand_in},
#ifdef FR_HAS_EMULATED_DEVICE
      {"Emulator", &emulated_device(),
       [](size_t bytes) { emulator::set_device_memory(bytes ? bytes : size_t{16} << 30); }, true},
#endif
  };
  return all;
}

}  // namespace fr::test
