#include "tensor/cpu/simd/simd.h"

namespace fr::FR_ISA {

void install_channel(Kernels<float>&) {}

}  // namespace fr::FR_ISA
