// The matrix product, either side optionally transposed.
#include "autograd/ops.h"
#include "autograd/ops/check.h"

namespace fr {

namespace {

struct Matrix {
  const Tensor& values;
  bool transposed;
};

// c (M,N) += op(a) op(b), or = when beta is 0
void product(const Tensor& c, const Matrix& a, const Matrix& b, double beta) {
  if (!c) return;
  GemmShape s;
  s.transpose_a = a.transposed, s.transpose_b = b.transposed;
  s.M = c.dim(0), s.N = c.dim(1), s.K = a.transposed ? a.values.dim(0) : a.values.dim(1);
  s.lda = a.values.dim(1), s.ldb = b.values.dim(1), s.ldc = s.N;
  with_kernels(c, [&](const auto& k) { k.gemm(c.data(), a.values.data(), b.values.data(), s, 1, beta); });
}

}  // namespace

// Product of two matrices.       op(a) (M,K), op(b) (K,N) -> y (M,N);  op transposes what is stored when
// asked
//   forward    y = op(a) op(b)
//   backward   d op(a) += dy op(b)^T,   d op(b) += op(a)^T dy,   transposed back into the stored layout
// Saves a and b.
Var matmul(const Var& a, const Var& b, bool transpose_a, bool transpose_b) {
  check_inputs("matmul", {{"a", a}, {"b", b}});
  check_rank("matmul", "a", a, 2);
  check_rank("matmul", "b", b, 2);
  const Tensor av = a.value(), bv = b.value();
  FR_CHECK(av.dim(transpose_a ? 0 : 1) == bv.dim(transpose_b ? 1 : 0), "matmul: inner sizes differ, got ",
           to_string(av.shape()), transpose_a ? "^T" : "", " x ", to_string(bv.shape()),
           transpose_b ? "^T" : "");
  Tensor y = like(av, {av.dim(transpose_a ? 1 : 0), bv.dim(transpose_b ? 0 : 1)});
  product(y, {av, transpose_a}, {bv, transpose_b}, 0);
  return record("matmul", y, {a, b},
                [as = Saved(a), bs = Saved(b), transpose_a, transpose_b](Node& self) mutable {
                  const Tensor a_value = as.take(), b_value = bs.take();
                  const Tensor& dy = self.grad;
                  const Tensor da = grad_of(self, 0), db = grad_of(self, 1);
                  if (transpose_a)
                    product(da, {b_value, transpose_b}, {dy, true}, 1);  // op(b) dy^T
                  else
                    product(da, {dy, false}, {b_value, !transpose_b}, 1);  // dy op(b)^T
                  if (transpose_b)
                    product(db, {dy, true}, {a_value, transpose_a}, 1);  // dy^T op(a)
                  else
                    product(db, {a_value, !transpose_a}, {dy, false}, 1);  // op(a)^T dy
                });
}

}  // namespace fr
