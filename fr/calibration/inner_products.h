// Inner products of rows, each a function of its two rows alone: the same bits whatever else is asked for in the same call.
#pragma once
#include <cstdint>

namespace fr {

// out_nm = sum_d a_nd b_md in float.                a (n,D), b (m,D) -> out (n,m)
// A plain gemm sums in another order for few rows, or cuts a long sum where it likes; here the sum is cut every 256 and few
// rows are padded. Safe to call from several threads.
void inner_products(float* out, const float* a, int64_t n, const float* b, int64_t m, int64_t D);

}  // namespace fr
