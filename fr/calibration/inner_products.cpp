#include "fr/calibration/inner_products.h"

#include <algorithm>
#include <vector>

#include "tensor/kernels.h"

namespace fr {
namespace {

// Up to here every kernel sums one element in the order of d, in one piece: blocks of K are not shorter (gemm_block.h,
// gemm_narrow.h), and K is split only beyond 512.
constexpr int64_t kDepth = 256;
// Fewer rows than these may be dot products, whose lanes lie along d (gemm_dot.h).
constexpr int64_t kFewestRows = 5;

void product(float* out, const float* a, int64_t n, const float* b, int64_t m, int64_t D) {
  for (int64_t d = 0; d < D; d += kDepth) {
    GemmShape s;
    s.transpose_b = true;
    s.M = n, s.N = m, s.K = std::min(kDepth, D - d);
    s.lda = s.ldb = D, s.ldc = m;
    kernels<float>().gemm(out, a + d, b + d, s, 1, d == 0 ? 0 : 1);
  }
}

}  // namespace

void inner_products(float* out, const float* a, int64_t n, const float* b, int64_t m, int64_t D) {
  if (n >= kFewestRows) return product(out, a, n, b, m, D);
  std::vector<float> rows(size_t(kFewestRows * D), 0.0f), products(size_t(kFewestRows * m));
  std::copy(a, a + n * D, rows.begin());
  product(products.data(), rows.data(), kFewestRows, b, m, D);
  std::copy(products.begin(), products.begin() + n * m, out);
}

}  // namespace fr
