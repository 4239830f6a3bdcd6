// The matrix product of the contract: dot products where packing does not pay, rows of A as they lie where it is tall, otherwise the blocked driver.
#include "tensor/cpu/simd/gemm_block.h"
#include "tensor/cpu/simd/gemm_direct.h"
#include "tensor/cpu/simd/gemm_dot.h"
#include "tensor/cpu/simd/gemm_narrow.h"

namespace fr::FR_ISA {
namespace {

void gemm(float* c, const float* a, const float* b, const GemmShape& s, float alpha, float beta) {
  if (dot_pays(s)) return dot_product(c, a, b, s, alpha, beta);
  if (direct_pays(s)) return direct_product(c, a, b, s, alpha, beta);
  if (narrow_pays(s)) return narrow_product(c, a, b, s, alpha, beta);
  const Product product{s.M, s.N, s.K, s.batch, alpha, beta};
  multiply(product, MatrixA{a, s.lda, s.a_step, s.transpose_a}, MatrixB{b, s.ldb, s.b_step, s.transpose_b},
           MatrixC{c, s.ldc, s.c_step});
}

}  // namespace

void install_gemm(Kernels<float>& k) { k.gemm = k.gemm_wide = gemm; }

}  // namespace fr::FR_ISA
