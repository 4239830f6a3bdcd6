// The table of one instruction set: the reference, overridden family by family. Call it only after CPU
// detection.
#include "tensor/cpu/simd/simd.h"

namespace fr::FR_ISA {
namespace {

#ifdef __AVX512F__
constexpr const char* kName = "avx512";
#else
constexpr const char* kName = "avx2";
#endif

Kernels<float> build() {
  Kernels<float> k = ref_kernels<float>();
  k.name = kName;
  install_gemm(k);
  install_conv2d(k);
  install_elementwise(k);
  install_reduce(k);
  install_channel(k);
  install_pool2d(k);
  install_rows(k);
  install_distances(k);
  install_search(k);
  install_sgd(k);
  install_adam(k);
  return k;
}

}  // namespace

const Kernels<float>& table() {
  static const Kernels<float> k = build();
  return k;
}

}  // namespace fr::FR_ISA
