// The numbers of a training step (StepState) in the memory of a device, where kernels read and write them.
#pragma once
#include "tensor/tensor.h"

namespace fr {

class StepMemory {
 public:
  explicit StepMemory(Device device);
  void set(const StepState& state) const;
  StepState get() const;  // waits for all work asked for before
  StepState* at() const;  // a pointer for kernels: the host may read it on the CPU only

 private:
  Tensor memory_;
};

}  // namespace fr
