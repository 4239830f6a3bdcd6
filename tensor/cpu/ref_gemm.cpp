// The matrix product, one dot product per element of C.
#include "tensor/cpu/ref.h"

namespace fr::ref {
namespace {

template <class T>
void gemm(T* c, const T* a, const T* b, const GemmShape& s, T alpha, T beta) {
  const int64_t a_row = s.transpose_a ? 1 : s.lda, a_column = s.transpose_a ? s.lda : 1;
  const int64_t b_row = s.transpose_b ? 1 : s.ldb, b_column = s.transpose_b ? s.ldb : 1;
  parallel_for(s.batch * s.M, [&](int64_t i) {
    const int64_t batch = i / s.M, m = i % s.M;
    const T* a_m = a + batch * s.a_step + m * a_row;
    const T* b_batch = b + batch * s.b_step;
    T* c_m = c + batch * s.c_step + m * s.ldc;
    for (int64_t n = 0; n < s.N; ++n) {
      double sum = 0;
      for (int64_t k = 0; k < s.K; ++k)
        sum += static_cast<double>(a_m[k * a_column]) * b_batch[k * b_row + n * b_column];
      c_m[n] = T(alpha * sum + (beta == 0 ? 0.0 : static_cast<double>(beta) * c_m[n]));
    }
  });
}

}  // namespace

template <class T>
void install_gemm(Kernels<T>& k) {
  k.gemm = gemm;
  k.gemm_wide = gemm;
}

template void install_gemm(Kernels<float>&);
template void install_gemm(Kernels<double>&);

}  // namespace fr::ref
