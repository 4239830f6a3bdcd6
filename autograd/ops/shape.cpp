// Ops that move numbers and compute nothing: reshape, flatten, concatenation; and the change of type.
#include "autograd/ops.h"
#include "autograd/ops/check.h"

namespace fr {

namespace {

// y (rows, columns) = x (rows, columns), both within longer rows.
struct Block {
  int64_t rows, columns;
  int64_t y_row, y_first;  // elements of a row, and the first one written
  int64_t x_row, x_first;
};
void copy_block(const Tensor& y, const Tensor& x, const Block& b) {
  with_kernels(x, [&]<class T>(const Kernels<T>& k) {
    if constexpr (std::is_same_v<T, Wide<T>>)
      k.narrow(y.as<T>() + b.y_first, x.as<T>() + b.x_first, b.rows, b.columns, b.y_row, b.x_row);
  });
}

// dx += columns of dy
void add_columns(const Tensor& dx, const Tensor& dy, int64_t first) {
  if (!dx) return;
  const int64_t N = dx.dim(0), columns = dx.dim(1);
  const Tensor part = like(dx, dx.shape());
  copy_block(part, dy, {N, columns, columns, 0, dy.dim(1), first});
  with_kernels(dx, [&](const auto& k) { k.add_scaled(dx.data(), part.data(), 1, dx.size()); });
}

}  // namespace

// The same numbers under another shape.                      x (any) -> y (shape), equal element counts
//   forward    y shares x's memory
//   backward   dx += dy, handed over without a copy when x has no gradient yet
// Saves nothing; what x can be formed again from serves y too.
Var reshape(const Var& x, Shape shape) {
  check_inputs("reshape", {{"x", x}});
  const Tensor y = x.value().reshape(std::move(shape));
  const Saved xs(x);
  return record(
      "reshape", y, {x}, [](Node& self) { hand_over_gradient(self, 0); },
      xs.depth() > 0 ? Form({&xs}, [xs, to = y.shape()] { return xs.look().reshape(to); }) : Form());
}

// Rounded to the nearest of another type, float32 or bfloat16; x itself when it has that type.      x (any) -> y (same)
//   forward    y = x in the other type
//   backward   dx += dy in x's type
// Saves nothing.
Var cast(const Var& x, DType type) {
  FR_CHECK(x, "cast: expected a value, got an empty Var");
  if (x.dtype() == type) return x;
  FR_CHECK(wide(x.dtype()) == DType::float32 && wide(type) == DType::float32, "cast: no gradient from ",
           to_string(x.dtype()), " to ", to_string(type));
  return record("cast", x.value().to(type), {x}, [](Node& self) {
    const GradientTarget dx = target_of(self, 0);
    if (dx.into == Gradient::overwrite) return dx.grad.copy_from(self.grad);
    const Tensor dy = self.grad.to(dx.grad.dtype());
    with_kernels(dx.grad, [&](const auto& k) { k.add_scaled(dx.data(), dy.data(), 1, dy.size()); });
  });
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
  check_inputs("concat_columns", {{"a", a, Is::wide}, {"b", b, Is::wide}});
  check_rank("concat_columns", "a", a, 2);
  check_rank("concat_columns", "b", b, 2);
  const int64_t N = a.dim(0), A = a.dim(1), B = b.dim(1);
  FR_CHECK(b.dim(0) == N, "concat_columns: expected equal rows, got ", to_string(a.shape()), " and ",
           to_string(b.shape()));
  const Tensor y = like(a.value(), {N, A + B});
  copy_block(y, a.value(), {N, A, A + B, 0, A, 0});
  copy_block(y, b.value(), {N, B, A + B, A, B, 0});
  return record("concat_columns", y, {a, b}, [A](Node& self) {
    add_columns(grad_of(self, 0), self.grad, 0);
    add_columns(grad_of(self, 1), self.grad, A);
  });
}

}  // namespace fr
