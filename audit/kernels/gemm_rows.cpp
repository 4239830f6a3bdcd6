// Rows of the matrix product: all transposes, sizes around the tiles, rows longer than needed, batches, and beta = 0 on a
// C full of NaN.
#include <limits>

#include "audit/kernels/rows.h"

namespace fr::audit {
namespace {

// C (batch, M, ldc): NaN where beta = 0 must overwrite, numbers elsewhere and between the rows, which must survive.
std::vector<double> start_of_c(const GemmShape& s, double beta, int64_t size) {
  std::vector<double> c = numbers(size, 3);
  if (beta != 0) return c;
  for (int64_t b = 0; b < s.batch; ++b)
    for (int64_t m = 0; m < s.M; ++m)
      for (int64_t n = 0; n < s.N; ++n)
        c[static_cast<size_t>(b * s.c_step + m * s.ldc + n)] = std::numeric_limits<double>::quiet_NaN();
  return c;
}

enum class Output { narrow, wide };

Row gemm(bool ta, bool tb, int64_t M, int64_t N, int64_t depth, int64_t batch, int64_t padding, double alpha,
         double beta, Output result = Output::narrow) {
  GemmShape s{.transpose_a = ta, .transpose_b = tb, .M = M, .N = N, .K = depth, .batch = batch};
  s.lda = (ta ? M : depth) + padding, s.ldb = (tb ? depth : N) + padding, s.ldc = N + padding;
  s.a_step = s.lda * (ta ? depth : M) + padding, s.b_step = s.ldb * (tb ? N : depth) + padding;
  s.c_step = s.ldc * M + padding;
  Row row(cat(result == Output::wide ? "gemm_wide " : "gemm ", ta ? "T" : "N", tb ? "T" : "N", " ", M, "x", N,
              "x", depth, " batch ", batch, " padding ", padding, " alpha ", alpha, " beta ", beta));
  if (result == Output::wide)
    row.covers(&K::gemm_wide).wide({"c"}).forward([=](const auto& k, const auto& v) {
      k.gemm_wide(v["c"], v["a"], v["b"], s, alpha, beta);
    });
  else
    row.covers(&K::gemm).forward(
        [=](const auto& k, const auto& v) { k.gemm(v["c"], v["a"], v["b"], s, alpha, beta); });
  return row.state("c", start_of_c(s, beta, s.c_step * batch))
      .constant("a", numbers(s.a_step * batch, 1))
      .constant("b", numbers(s.b_step * batch, 2))
      .tolerance(1e-6 + 5e-8 * static_cast<double>(depth),
                 "K float products of numbers below 1; the error grows with K");
}

}  // namespace

std::vector<Row> gemm_rows() {
  std::vector<Row> rows;
  int i = 0;
  for (const int64_t M : {0, 1, 5, 16, 17, 63, 130})
    for (const int64_t N : {0, 1, 5, 16, 17, 63, 130})
      for (const int64_t depth : {0, 1, 5, 16, 17, 63, 130}) {
        const double beta = i % 3 == 0 ? 0 : i % 3 == 1 ? 1 : 0.5;
        const int64_t padding = i % 5 == 0 ? 0 : i % 5, batch = i % 11 == 0 ? 3 : 1;
        rows.push_back(gemm(i & 1, i & 2, M, N, depth, batch, padding, i % 13 ? 1 : -0.75, beta));
        ++i;
      }
  for (const bool ta : {false, true})
    for (const bool tb : {false, true}) {
      rows.push_back(gemm(ta, tb, 67, 129, 385, 1, 3, 1, 0));
      rows.push_back(gemm(ta, tb, 17, 35, 21, 4, 1, 1, 1));
      rows.push_back(
          gemm(ta, tb, 32, 96, 1344, 1, 0, 1, 0));  // FC1 of SphereFace, a sixteenth and a fifth of it
    }
  for (const bool ta : {false, true})
    for (const bool tb : {false, true}) {
      rows.push_back(gemm(ta, tb, 9, 11, 13, 1, 1, 1, 1, Output::wide));
      rows.push_back(gemm(ta, tb, 33, 70, 45, 2, 1, 0.5, 1, Output::wide));
      rows.push_back(gemm(ta, tb, 136, 72, 64, 1, 0, 1, 0, Output::wide));
    }
  for (const bool ta : {false, true})  // rows of whole 16-byte chunks with tails inside them
    for (const bool tb : {false, true}) {
      rows.push_back(gemm(ta, tb, 61, 69, 77, 1, 3, 0.5, 1));
      rows.push_back(gemm(ta, tb, 69, 133, 1021, 1, 3, 1, 0, Output::wide));
    }
  rows.push_back(gemm(false, true, 3, 2, 4, 0, 0, 1, 1));
  for (const int64_t M : {1, 2, 4})  // few rows
    for (const int64_t N : {1, 3, 16, 67})
      rows.push_back(gemm(false, true, M, N, 64 + N, 2, M % 2, 0.5, M % 4));
  for (const int64_t M : {5, 7, 16, 19, 32})
    rows.push_back(gemm(false, true, M, M + 1, 2048 + M, 1, M % 3, 1, M % 2 ? 1 : 0));
  for (const int64_t N : {13, 49, 70})  // tall, few columns, deep: rows of A as they lie
    for (const bool tb : {false, true}) rows.push_back(gemm(false, tb, 200 + N, N, 1500 + N, 1, 3, 1, N % 2));
  return rows;
}

}  // namespace fr::audit
