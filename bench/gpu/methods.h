// Ways of computing that the library lets a program choose, for a scope; the rows' types name them.
#pragma once
#include <cstdlib>
#include <string>

#include "tensor/device.h"

namespace fr::bench::gpu {

struct WithTf32 {
  WithTf32() { select_tf32(true); }
  ~WithTf32() { select_tf32(false); }
};

// The convolutions for Hopper: nothing where the card is another, or where PROSOPON_HOPPER=0 says that they do not work.
inline bool is_hopper(const DeviceInterface& d) {
  const char* wanted = std::getenv("PROSOPON_HOPPER");
  return !(wanted && std::string(wanted) == "0") &&
         d.describe().find("compute capability 9.0") != std::string::npos;
}
struct WithHopper {
  WithHopper() { select_hopper(true); }
  ~WithHopper() { select_hopper(false); }
};

}  // namespace fr::bench::gpu
