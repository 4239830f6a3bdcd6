// The emulator as a device beside the CPU (tensor/device.h). Every block is an allocation of its own, so that the address
// sanitizer sees accesses past its end; only a recording has a pool, as on a card. It finds what a card would let pass:
// host copies while recording, a source of upload_ahead() that changes before copied(), memory that nobody wrote (NaN).
#pragma once
#include "tensor/device.h"

namespace fr {

const DeviceInterface& emulated_device();

namespace emulator {
void set_device_memory(size_t total);  // how much the card has: 16 GiB at the start
}

}  // namespace fr
