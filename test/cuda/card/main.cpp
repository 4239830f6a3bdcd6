// build/gpu_tests [--emulated] [--quick] [--gtest_...]: the rows of the contract and the device's own promises on the card.
// Exit code 77 where there is none.
#include <gtest/gtest.h>

#include <cstring>
#include <iostream>

#include "test/cuda/card/card.h"
#include "test/emulator/device.h"

namespace fr::test {
namespace {

const DeviceInterface* chosen = nullptr;
bool only_small = false;

}  // namespace

const DeviceInterface& card() { return *chosen; }
bool emulated() { return chosen == &emulated_device(); }
bool quick() { return only_small; }

template <>
const Kernels<float>* card_kernels<float>() {
  return card().single;
}
template <>
const Kernels<bfloat16>* card_kernels<bfloat16>() {
  return card().half;
}

}  // namespace fr::test

int main(int argc, char** argv) {
  using namespace fr;
  testing::InitGoogleTest(&argc, argv);
  for (int i = 1; i < argc; ++i) {
    if (!std::strcmp(argv[i], "--emulated")) {
      test::chosen = &emulated_device();
    } else if (!std::strcmp(argv[i], "--quick")) {
      test::only_small = true;
    } else {
      std::cerr << "usage: gpu_tests [--emulated] [--quick] [--gtest_filter=...]\n";
      return 2;
    }
  }
  if (!test::chosen) test::chosen = cuda_device();
  if (!test::chosen) {
    std::cout << "gpu_tests: skipped: " << cuda_status() << "\n";
    return 77;
  }
  std::cout << "gpu_tests: on " << test::chosen->describe() << std::endl;
  return RUN_ALL_TESTS();
}
