#include "cuda/upload.h"

#include "cuda/device.h"

namespace fr::cuda {

UploadsAhead::UploadsAhead() {
  check_call(cudaStreamCreateWithFlags(&copies_, cudaStreamNonBlocking), "a stream for copies");
  for (Slot& slot : slots_)
    for (cudaEvent_t* event : {&slot.arrived, &slot.read})
      check_call(cudaEventCreateWithFlags(event, cudaEventDisableTiming), "an event");
}

void UploadsAhead::upload(void* to, const void* pinned, size_t bytes) {
  if (!bytes) return;
  Slot& slot = slots_[next_++ % slots_.size()];
  if (slot.bytes < bytes) {
    device_release(slot.p);
    slot.p = nullptr, slot.bytes = 0;
    slot.p = device_alloc(bytes), slot.bytes = bytes;
    check_call(cudaEventRecord(slot.read, stream()), "an event");  // the block's last user
  }
  check_call(cudaStreamWaitEvent(copies_, slot.read, 0), "waiting for a slot");
  check_call(cudaMemcpyAsync(slot.p, pinned, bytes, cudaMemcpyHostToDevice, copies_), "copying ahead");
  check_call(cudaEventRecord(slot.arrived, copies_), "an event");
  check_call(cudaStreamWaitEvent(stream(), slot.arrived, 0), "waiting for a copy");
  copy_on_device(to, slot.p, bytes);
  check_call(cudaEventRecord(slot.read, stream()), "an event");
}

void UploadsAhead::wait() { check_call(cudaStreamSynchronize(copies_), "copies ahead"); }

}  // namespace fr::cuda
