#include "tensor/cpu/simd/simd.h"

namespace fr::FR_ISA {

void install_conv2d(Kernels<float>&) {}

}  // namespace fr::FR_ISA
