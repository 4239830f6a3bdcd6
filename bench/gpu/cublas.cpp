#include "bench/gpu/cublas.h"

#ifdef PROSOPON_CUBLAS
#include <cublas_v2.h>

#include <stdexcept>

#include "base/error.h"
#include "cuda/device.h"

namespace fr::bench::gpu {
namespace {

void check(cublasStatus_t status, const char* what) {
  if (status != CUBLAS_STATUS_SUCCESS)
    throw std::runtime_error(cat("cuBLAS: ", what, ": ", cublasGetStatusString(status)));
}

cublasHandle_t handle() {
  static const cublasHandle_t one = [] {
    constexpr size_t kWorkspace = size_t{64} << 20;  // its own, or it would allocate while recording
    cublasHandle_t h = nullptr;
    check(cublasCreate(&h), "start");
    check(cublasSetStream(h, cuda::stream()), "stream");
    check(cublasSetWorkspace(h, cuda::device_alloc(kWorkspace), kWorkspace), "workspace");
    return h;
  }();
  return one;
}

template <class T>
constexpr cudaDataType kType = std::is_same_v<T, float> ? CUDA_R_32F : CUDA_R_16BF;

}  // namespace

// cuBLAS counts down columns: it is asked for C^T = op(B)^T op(A)^T.
template <class T, class To>
std::function<void(To*, const T*, const T*, const GemmShape&)> cublas_product(const DeviceInterface& device) {
  if (&device != cuda_device()) return {};
  handle();
  return [](To* c, const T* a, const T* b, const GemmShape& s) {
    const float one = 1, zero = 0;
    const auto compute = std::is_same_v<T, float> ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F;
    check(cublasGemmEx(handle(), s.transpose_b ? CUBLAS_OP_T : CUBLAS_OP_N,
                       s.transpose_a ? CUBLAS_OP_T : CUBLAS_OP_N, int(s.N), int(s.M), int(s.K), &one, b,
                       kType<T>, int(s.ldb), a, kType<T>, int(s.lda), &zero, c, kType<To>, int(s.ldc),
                       compute, CUBLAS_GEMM_DEFAULT),
          "product");
  };
}
#else
namespace fr::bench::gpu {
template <class T, class To>
std::function<void(To*, const T*, const T*, const GemmShape&)> cublas_product(const DeviceInterface&) {
  return {};
}
#endif

template std::function<void(float*, const float*, const float*, const GemmShape&)>
cublas_product<float, float>(const DeviceInterface&);
template std::function<void(bfloat16*, const bfloat16*, const bfloat16*, const GemmShape&)>
cublas_product<bfloat16, bfloat16>(const DeviceInterface&);
template std::function<void(float*, const bfloat16*, const bfloat16*, const GemmShape&)>
cublas_product<bfloat16, float>(const DeviceInterface&);

}  // namespace fr::bench::gpu
