// The emulated device as a device, above all its recordings: what a card's graph does, and what it may not.
#include "test/emulator/device.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <vector>

#include "base/error.h"
#include "test/emulator/emulator.h"

namespace fr {
namespace {

const DeviceInterface& device() { return emulated_device(); }
const Kernels<float>& k() { return *device().single; }

float* floats(const std::vector<float>& values) {
  auto* p = static_cast<float*>(k().alloc(values.size() * sizeof(float)));
  k().upload(p, values.data(), values.size() * sizeof(float));
  return p;
}
std::vector<float> host(const float* p, size_t n) {
  std::vector<float> values(n);
  k().download(values.data(), p, n * sizeof(float));
  return values;
}
using Numbers = std::vector<float>;

TEST(EmulatedDevice, MemoryStartsAsNaNAndIsCounted) {
  const size_t before = device().memory().in_use;
  auto* p = static_cast<float*>(k().alloc(1000));
  EXPECT_TRUE(std::isnan(host(p, 1)[0]));
  EXPECT_EQ(device().memory().in_use, before + 1024);
  k().release(p);
  EXPECT_EQ(device().memory().in_use, before);
  EXPECT_GE(device().memory().peak, before + 1024);
  device().reset_peak();
  EXPECT_EQ(device().memory().peak, before);
}

TEST(EmulatedDevice, OutOfMemorySaysHowMuch) {
  emulator::set_device_memory(device().memory().reserved + 1000000);
  try {
    k().alloc(2000000);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::memory);
    EXPECT_NE(std::string(e.what()).find("asked for 2000000 bytes"), std::string::npos) << e.what();
    EXPECT_NE(std::string(e.what()).find("1000000 free"), std::string::npos) << e.what();
  }
  emulator::set_device_memory(size_t{16} << 30);
}

TEST(EmulatedDevice, ARecordingIsDoneWhenItIsReplayed) {
  float *x = floats({1, 2}), *y = floats({0, 0});
  device().begin_recording();
  k().copy(y, x, 2 * sizeof(float));
  void* recording = device().end_recording();
  EXPECT_EQ(host(y, 2), (Numbers{0, 0}));
  device().replay(recording);
  EXPECT_EQ(host(y, 2), (Numbers{1, 2}));
  k().fill(x, 7, 2);  // what is in device memory is read at replay
  device().replay(recording);
  EXPECT_EQ(host(y, 2), (Numbers{7, 7}));
  device().drop(recording);
  EXPECT_THROW(device().replay(recording), std::logic_error);
  k().release(x), k().release(y);
}

TEST(EmulatedDevice, ARecordingKeepsTheHostsNumbers) {
  float* y = floats({0});
  float value = 3;
  device().begin_recording();
  k().fill(y, value, 1);
  void* recording = device().end_recording();
  value = 4;
  device().replay(recording);
  EXPECT_EQ(host(y, 1), (Numbers{3}));
  device().drop(recording);
  k().release(y);
}

TEST(EmulatedDevice, CopiesFromAndToTheHostCannotBeRecorded) {
  float* y = floats({0});
  float value = 1;
  auto* pinned = static_cast<float*>(device().alloc_pinned(sizeof(float)));
  *pinned = 1;
  device().begin_recording();
  EXPECT_THROW(k().upload(y, &value, sizeof value), std::logic_error);
  EXPECT_THROW(k().download(&value, y, sizeof value), std::logic_error);
  EXPECT_THROW(device().upload_ahead(y, pinned, sizeof value), std::logic_error);
  EXPECT_THROW(device().synchronize(), std::logic_error);
  EXPECT_THROW(device().begin_recording(), std::logic_error);
  device().drop(device().end_recording());
  EXPECT_THROW(device().end_recording(), std::logic_error);
  device().release_pinned(pinned);
  k().release(y);
}

TEST(EmulatedDevice, ARecordingHasItsOwnMemory) {
  const size_t before = device().memory().in_use;
  float* y = floats({0, 0});
  device().begin_recording();
  auto* first = static_cast<float*>(k().alloc(2 * sizeof(float)));
  k().fill(first, 5, 2);
  k().copy(y, first, 2 * sizeof(float));
  k().release(first);
  auto* second = static_cast<float*>(k().alloc(2 * sizeof(float)));
  EXPECT_EQ(first, second);  // one after the other, as in the replay
  k().fill(second, 6, 1);    // and [1] is undefined again
  void* recording = device().end_recording();
  k().release(second);
  for (int i = 0; i < 20; ++i) {
    void* other = k().alloc(2 * sizeof(float));
    EXPECT_NE(other, first);
    k().release(other);
  }
  device().replay(recording);
  EXPECT_EQ(host(y, 2), (Numbers{5, 5}));
  EXPECT_EQ(second[0], 6);
  EXPECT_TRUE(std::isnan(second[1]));
  device().drop(recording);
  k().release(y);
  EXPECT_EQ(device().memory().in_use, before);
}

TEST(EmulatedDevice, WhatIsReleasedWhileRecordingStaysForTheReplay) {
  float *x = floats({1}), *y = floats({0});
  device().begin_recording();
  k().copy(y, x, sizeof(float));
  k().release(x);
  void* recording = device().end_recording();
  float* other = floats({9});
  EXPECT_NE(other, x);
  device().replay(recording);
  EXPECT_EQ(host(y, 1), (Numbers{1}));
  device().drop(recording);
  k().release(other), k().release(y);
}

TEST(EmulatedDevice, WhatARecordingLeavesOutlivesIt) {
  const DeviceMemory before = device().memory();
  device().begin_recording();
  auto* y = static_cast<float*>(k().alloc(sizeof(float)));
  k().fill(y, 2, 1);
  void* recording = device().end_recording();
  device().replay(recording);
  device().drop(recording);
  EXPECT_EQ(host(y, 1), (Numbers{2}));
  k().release(y);
  device().trim();
  EXPECT_EQ(device().memory().in_use, before.in_use);
  EXPECT_EQ(device().memory().reserved, before.reserved);
}

TEST(EmulatedDevice, UploadsAheadWantPinnedMemoryThatStaysAsItIs) {
  float* y = floats({0, 0});
  auto* pinned = static_cast<float*>(device().alloc_pinned(2 * sizeof(float)));
  pinned[0] = 1, pinned[1] = 2;
  device().upload_ahead(y, pinned, 2 * sizeof(float));
  EXPECT_EQ(host(y, 2), (Numbers{1, 2}));
  EXPECT_THROW(device().release_pinned(pinned), std::logic_error);
  device().copied();
  pinned[0] = 3;  // allowed now
  device().upload_ahead(y, pinned, 2 * sizeof(float));
  pinned[0] = 4;
  EXPECT_THROW(device().copied(), std::logic_error);
  EXPECT_THROW(device().upload_ahead(y, y, sizeof(float)), std::logic_error);
  device().release_pinned(pinned);
  k().release(y);
}

}  // namespace
}  // namespace fr
