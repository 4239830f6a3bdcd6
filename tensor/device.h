// A device beside the CPU: its kernels, and what only a device has. There is one at most: a CUDA card, or in tests the
// emulator. All work goes to one stream and is done in the order in which it was asked for.
#pragma once
#include <cstddef>
#include <string>

#include "tensor/kernels.h"

namespace fr {

struct DeviceMemory {
  size_t in_use = 0;    // bytes handed out
  size_t peak = 0;      // largest in_use since the last reset_peak()
  size_t reserved = 0;  // bytes held from the driver
  size_t free = 0;      // bytes that the driver still has
  size_t total = 0;     // of the card
};

struct DeviceInterface {
  const Kernels<float>* single;   // never null
  const Kernels<bfloat16>* half;  // null: the card cannot (before sm_80)
  std::string (*describe)();      // "NVIDIA H200, compute capability 9.0, driver 13.0, 141 GB"

  void (*synchronize)();  // until everything asked for is done; Error{memory} for what went wrong on the way

  // Work asked for between begin_recording() and end_recording() is not done but recorded (a CUDA graph); replay() asks for
  // all of it. While recording, alloc() takes from a pool of the recording's own, which stays reserved until drop(), so that
  // no one else is given what the recording writes. upload() and download() are not allowed meanwhile (std::logic_error).
  void (*begin_recording)();
  void* (*end_recording)();
  void (*replay)(void* recording);
  void (*drop)(void* recording);

  // Host memory from which copies run beside kernels. upload_ahead() starts a copy and returns; work asked for afterwards
  // waits for it, and `to` is written when the work asked for before is done. copied() waits until the source of every
  // such copy may be changed.
  void* (*alloc_pinned)(size_t bytes);
  void (*release_pinned)(void* p);
  void (*upload_ahead)(void* to, const void* pinned, size_t bytes);
  void (*copied)();

  DeviceMemory (*memory)();
  void (*reset_peak)();
  void (*trim)();  // cached blocks back to the driver
};

// The card, found at the first call: null when there is none that can be used, and then cuda_status() says why in one line
// ("built without CUDA", "no NVIDIA driver", "driver 12.2 is older than CUDA 13.0 needs", "GeForce GTX 1080, compute
// capability 6.1: the kernels need 7.5 or later", ...). With a card it describes it.
const DeviceInterface* cuda_device();
std::string cuda_status();

// What tensors with Device::cuda use: cuda_device(), unless a test put another in its place (null: back to cuda_device()).
const DeviceInterface* device();
void use_device(const DeviceInterface* other);
const DeviceInterface& needed_device();  // device(), or Error{memory} that says why there is none

}  // namespace fr
