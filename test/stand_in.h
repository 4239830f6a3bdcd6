// A device for tests, without a card: the reference kernels on memory that the host cannot read. Its pointers lie outside
// of what an address may be, so a host that follows one crashes; a kernel that is given a host pointer, or memory that was
// released, is an error that says so. Memory starts as NaN. bfloat16 is the float reference on numbers rounded before and
// after each kernel. Work is done at once, but copies ahead at the last moment; recordings are lists of calls.
#pragma once
#include <cstdint>

#include "tensor/device.h"

namespace fr::test {

const DeviceInterface& stand_in();

// Bytes that may be handed out at one time; 0: no limit.
void limit_stand_in(size_t bytes);

struct StandInCounts {
  int64_t kernels = 0, replays = 0, downloads = 0, uploads = 0;
};
StandInCounts stand_in_counts();  // since the program's start

}  // namespace fr::test
