// The matrix product of the contract on the blocked driver.
#include "tensor/cpu/simd/gemm_block.h"

namespace fr::FR_ISA {
namespace {

void gemm(float* c, const float* a, const float* b, const GemmShape& s, float alpha, float beta) {
  const Product product{s.M, s.N, s.K, s.batch, alpha, beta};
  multiply(product, MatrixA{a, s.lda, s.a_step, s.transpose_a}, MatrixB{b, s.ldb, s.b_step, s.transpose_b},
           MatrixC{c, s.ldc, s.c_step});
}

}  // namespace

void install_gemm(Kernels<float>& k) { k.gemm = gemm; }

}  // namespace fr::FR_ISA
