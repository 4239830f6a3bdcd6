// cuBLAS behind the entries gemm and gemm_wide. It is opened at run time, when it is first asked for, so that the programs do
// not depend on it.
#include "base/error.h"
#include "cuda/device.h"

#if __has_include(<cublas_v2.h>)
#include <cublas_v2.h>
#include <dlfcn.h>

namespace fr::cuda {
namespace {

#define FR_TEXT(x) #x
#define FR_SONAME(major) "libcublas.so." FR_TEXT(major)
constexpr const char* kLibrary = FR_SONAME(CUBLAS_VER_MAJOR);
constexpr size_t kWorkspace = size_t{64} << 20;  // ours: its own would be allocated while a step is recorded

void check(cublasStatus_t status, const char* what) {
  if (status != CUBLAS_STATUS_SUCCESS)
    throw Error(ErrorKind::memory, cat("cuBLAS, ", what, ": status ", int(status)));
}

// cublasGemmStridedBatchedEx, which the header overloads.
using Product = cublasStatus_t (*)(cublasHandle_t, cublasOperation_t, cublasOperation_t, int m, int n, int k,
                                   const void* alpha, const void* a, cudaDataType, int lda, long long a_step,
                                   const void* b, cudaDataType, int ldb, long long b_step, const void* beta,
                                   void* c, cudaDataType, int ldc, long long c_step, int batch,
                                   cublasComputeType_t, cublasGemmAlgo_t);

struct Library {
  void* opened = nullptr;
  cublasHandle_t handle = nullptr;
  Product product = nullptr;

  Library() {
    opened = dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL);
    if (!opened)
      throw Error(ErrorKind::memory,
                  cat("cuBLAS is asked for (run.cublas) but cannot be opened: ", dlerror()));
    product = find<Product>("cublasGemmStridedBatchedEx");
    check(find<decltype(&cublasCreate_v2)>("cublasCreate_v2")(&handle), "start");
    check(find<decltype(&cublasSetStream_v2)>("cublasSetStream_v2")(handle, stream()), "stream");
    check(find<decltype(&cublasSetWorkspace_v2)>("cublasSetWorkspace_v2")(handle, device_alloc(kWorkspace),
                                                                          kWorkspace),
          "workspace");
  }
  template <class F>
  F find(const char* name) const {
    void* f = dlsym(opened, name);
    if (!f) throw Error(ErrorKind::memory, cat(kLibrary, " has no ", name));
    return reinterpret_cast<F>(f);
  }
};

}  // namespace

// It counts down columns, so it is asked for C' = op(B)' op(A)'.
void cublas_gemm(Stored c_type, void* c, Stored type, const void* a, const void* b, const GemmShape& s,
                 float alpha, float beta) {
  static const Library library;
  const auto of = [](Stored t) { return t == Stored::bfloat16 ? CUDA_R_16BF : CUDA_R_32F; };
  const auto transposed = [](bool t) { return t ? CUBLAS_OP_T : CUBLAS_OP_N; };
  const bool rounds = type == Stored::float32 && tf32_selected();
  for (const int64_t size : {s.M, s.N, s.K, s.lda, s.ldb, s.ldc, s.batch})
    FR_CHECK(size < int64_t{1} << 31, "gemm: cuBLAS takes sizes below 2^31, got ", size);
  check(library.product(library.handle, transposed(s.transpose_b), transposed(s.transpose_a), int(s.N),
                        int(s.M), int(s.K), &alpha, b, of(type), int(s.ldb), s.b_step, a, of(type),
                        int(s.lda), s.a_step, &beta, c, of(c_type), int(s.ldc), s.c_step, int(s.batch),
                        rounds ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT),
        "product");
}

}  // namespace fr::cuda
#else
namespace fr::cuda {

void cublas_gemm(Stored, void*, Stored, const void*, const void*, const GemmShape&, float, float) {
  throw Error(ErrorKind::memory,
              "cuBLAS is asked for (run.cublas), but this program was built without its header");
}

}  // namespace fr::cuda
#endif
