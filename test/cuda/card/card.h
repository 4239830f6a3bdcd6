// What the tests of build/gpu_tests run on: the card, or with --emulated the emulator.
#pragma once
#include "tensor/device.h"

namespace fr::test {

const DeviceInterface& card();
bool emulated();
bool quick();  // small rows only

template <class T>
const Kernels<T>* card_kernels();  // null: the card cannot do T

}  // namespace fr::test
