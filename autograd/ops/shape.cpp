// Ops that move numbers and compute nothing: reshape, flatten, concatenation.
#include <algorithm>

#include "autograd/ops.h"
#include "autograd/ops/check.h"

namespace fr {

namespace {

// dst (rows, :) of pitch dst_columns at column dst_first  (+)=  src (rows, :) at src_first, `columns` wide.
struct Block {
  int64_t rows, columns, dst_columns, dst_first, src_columns, src_first;
};

template <class T>
void copy_block(T* dst, const T* src, const Block& b) {
  for (int64_t r = 0; r < b.rows; ++r)
    std::copy_n(src + r * b.src_columns + b.src_first, b.columns, dst + r * b.dst_columns + b.dst_first);
}

template <class T>
void add_block(T* dst, const T* src, const Block& b) {
  if (!dst) return;
  for (int64_t r = 0; r < b.rows; ++r)
    for (int64_t c = 0; c < b.columns; ++c)
      dst[r * b.dst_columns + b.dst_first + c] += src[r * b.src_columns + b.src_first + c];
}

// f(T{}) with T the tensor's floating-point type.
template <class F>
void with_type(const Tensor& x, const F& f) {
  if (x.dtype() == DType::float64)
    f(double{});
  else
    f(float{});
}

}  // namespace

// The same numbers under another shape.                      x (any) -> y (shape), equal element counts
//   forward    y shares x's memory
//   backward   dx += dy, handed over without a copy when x has no gradient yet
// Saves nothing; what x can be formed again from serves y too.
Var reshape(const Var& x, Shape shape) {
  check_types("reshape", {&x});
  const Tensor y = x.value().reshape(std::move(shape));
  const Saved xs(x);
  return record(
      "reshape", y, {x}, [](Node& self) { hand_over_gradient(self, 0); },
      xs.depth() > 0 ? Form({&xs}, [xs, to = y.shape()] { return xs.look().reshape(to); }) : Form());
}

// (N, ...) -> (N, rest)
Var flatten(const Var& x) {
  FR_CHECK(x && !x.shape().empty(), "flatten: expected rank 1 or more, got ",
           x ? to_string(x.shape()) : "an empty Var");
  int64_t rest = 1;
  for (size_t i = 1; i < x.shape().size(); ++i) rest *= x.shape()[i];
  return reshape(x, {x.dim(0), rest});
}

// Columns of a, then columns of b.                           a (N,A), b (N,B) -> y (N,A+B)
//   forward    y_nj = a_nj (j < A),  y_n,A+j = b_nj
//   backward   da_nj += dy_nj,       db_nj += dy_n,A+j
// Saves the sizes.
Var concat_columns(const Var& a, const Var& b) {
  check_types("concat_columns", {&a, &b});
  check_rank("concat_columns", "a", a, 2);
  check_rank("concat_columns", "b", b, 2);
  const int64_t N = a.dim(0), A = a.dim(1), B = b.dim(1);
  FR_CHECK(b.dim(0) == N, "concat_columns: expected equal rows, got ", to_string(a.shape()), " and ",
           to_string(b.shape()));
  Tensor y({N, A + B}, a.dtype());
  with_type(y, [&](auto zero) {
    using T = decltype(zero);
    copy_block<T>(y.data(), a.value().data(), {N, A, A + B, 0, A, 0});
    copy_block<T>(y.data(), b.value().data(), {N, B, A + B, A, B, 0});
  });
  return record("concat_columns", y, {a, b}, [N, A, B](Node& self) {
    const Tensor da = grad_of(self, 0), db = grad_of(self, 1);
    with_type(self.grad, [&](auto zero) {
      using T = decltype(zero);
      add_block<T>(da.data(), self.grad.data(), {N, A, A, 0, A + B, 0});
      add_block<T>(db.data(), self.grad.data(), {N, B, B, 0, A + B, A});
    });
  });
}

}  // namespace fr
