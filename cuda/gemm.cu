// The matrix product: C_b = alpha op(A_b) op(B_b) + beta C_b as tile products (cuda/product.h). A matrix that is not
// transposed has k contiguous in A and columns contiguous in B; a transposed one the other way round: four kernels.
#include "cuda/product.h"

namespace fr::FR_GPU {
namespace {

template <class T, Contiguous a_contiguous, Contiguous b_contiguous, Access access>
struct GemmProblem {
  using Element = T;
  static constexpr Contiguous kA = a_contiguous, kB = b_contiguous;
  static constexpr Access kAccess = access;
  static constexpr Statistics kStatistics = Statistics::no;

  const T *a_start, *b_start;
  T* narrow;  // C, or null
  Wide<T>* wide;
  GemmShape s;
  float alpha, beta;
  bool vector;  // C may be moved by 16 bytes

  FR_HOST_DEVICE Extent extent() const { return {s.M, s.N, s.K, s.batch}; }
  template <class Panel>
  FR_DEVICE auto a(int64_t z, int64_t m, int64_t k) const {
    return MatrixLoader<Panel, access>({a_start + z * s.a_step, s.lda, s.M, s.K}, m, k);
  }
  template <class Panel>
  FR_DEVICE auto b(int64_t z, int64_t n, int64_t k) const {
    return MatrixLoader<Panel, access>({b_start + z * s.b_step, s.ldb, s.N, s.K}, n, k);
  }
  template <class C>
  FR_DEVICE void finish_in(C* c, float (&v)[8], int count) const {
    float before[8] = {};
    if (beta != 0) read_eight(before, c, count, vector);
    for (int e = 0; e < 8; ++e) v[e] = alpha * v[e] + (beta != 0 ? beta * before[e] : 0);
    write_eight(c, v, count, vector);
  }
  FR_DEVICE void finish(int64_t z, int64_t m, int64_t n, float (&v)[8], int count) const {
    const int64_t at = z * s.c_step + m * s.ldc + n;
    if constexpr (!std::is_same_v<T, Wide<T>>)
      if (wide) return finish_in(wide + at, v, count);
    finish_in(narrow + at, v, count);
  }
};

template <class T>
bool by_chunks(const T* p, int64_t line, int64_t step, int64_t batch) {
  return aligned16(p) && line % kPack<T> == 0 && (batch == 1 || step % kPack<T> == 0);
}

template <class T, Contiguous a_contiguous, Contiguous b_contiguous>
void multiply_matrices(T* narrow, Wide<T>* wide, const T* a, const T* b, const GemmShape& s, float alpha,
                       float beta) {
  const bool vector =
      wide ? by_chunks(wide, s.ldc, s.c_step, s.batch) : by_chunks(narrow, s.ldc, s.c_step, s.batch);
  if (by_chunks(a, s.lda, s.a_step, s.batch) && by_chunks(b, s.ldb, s.b_step, s.batch))
    multiply(GemmProblem<T, a_contiguous, b_contiguous, Access::vector>{a, b, narrow, wide, s, alpha, beta,
                                                                        vector});
  else
    multiply(GemmProblem<T, a_contiguous, b_contiguous, Access::scalar>{a, b, narrow, wide, s, alpha, beta,
                                                                        vector});
}

template <class T>
void gemm_any(T* narrow, Wide<T>* wide, const T* a, const T* b, const GemmShape& s, float alpha, float beta) {
  constexpr Contiguous k = Contiguous::k, side = Contiguous::side;
  const auto f = s.transpose_a
                     ? s.transpose_b ? multiply_matrices<T, side, k> : multiply_matrices<T, side, side>
                 : s.transpose_b ? multiply_matrices<T, k, k>
                                 : multiply_matrices<T, k, side>;
  f(narrow, wide, a, b, s, alpha, beta);
}

template <class T>
void gemm(T* c, const T* a, const T* b, const GemmShape& s, Wide<T> alpha, Wide<T> beta) {
  gemm_any<T>(c, nullptr, a, b, s, alpha, beta);
}
template <class T>
void gemm_wide(Wide<T>* c, const T* a, const T* b, const GemmShape& s, Wide<T> alpha, Wide<T> beta) {
  if constexpr (std::is_same_v<T, Wide<T>>)
    gemm_any<T>(c, nullptr, a, b, s, alpha, beta);
  else
    gemm_any<T>(nullptr, c, a, b, s, alpha, beta);
}

}  // namespace

template <class T>
void install_gemm(Kernels<T>& k) {
  k.gemm = gemm<T>;
  k.gemm_wide = gemm_wide<T>;
}

template void install_gemm(Kernels<float>&);
template void install_gemm(Kernels<bfloat16>&);

}  // namespace fr::FR_GPU
