// Ops that move numbers and compute nothing: reshape, flatten, concatenation; and the change of type.
#include <algorithm>

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
// bfloat16 goes by way of float, which holds each of its values.
void copy_block(const Tensor& y, const Tensor& x, const Block& b) {
  with_kernels(x, [&]<class T>(const Kernels<T>& k) {
    if constexpr (std::is_same_v<T, Wide<T>>) {
      k.narrow(y.as<T>() + b.y_first, x.as<T>() + b.x_first, b.rows, b.columns, b.y_row, b.x_row);
    } else {
      const Tensor values = wide_like(x, {b.rows, b.columns});
      k.widen(values.data(), x.as<T>() + b.x_first, b.rows, b.columns, b.columns, b.x_row);
      k.narrow(y.as<T>() + b.y_first, values.data(), b.rows, b.columns, b.y_row, b.columns);
    }
  });
}

// Input i's gradient += columns of dy (rows, row)
void pass_columns(Node& self, size_t i, int64_t rows, int64_t row, int64_t first) {
  const GradientTarget dx = target_of(self, i);
  if (!dx) return;
  const int64_t columns = dx.grad.dim(-1);
  const Block block{rows, columns, columns, 0, row, first};
  if (dx.into == Gradient::overwrite) return copy_block(dx.grad, self.grad, block);
  const Tensor part = like(dx.grad, dx.grad.shape());
  copy_block(part, self.grad, block);
  with_kernels(part, [&](const auto& k) { k.add_scaled(dx.data(), part.data(), 1, part.size()); });
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

// The channels of every part, one part after the other.      parts (..., A), (..., B), ... -> y (..., A+B+...)
//   forward    y_rj = a_rj (j < A),  y_r,A+j = b_rj, ...
//   backward   da_rj += dy_rj,       db_rj += dy_r,A+j, ...
// Saves the sizes.
Var concat_channels(const std::vector<Var>& parts) {
  FR_CHECK(!parts.empty() && parts[0] && !parts[0].shape().empty(),
           "concat_channels: expected parts (..., C), got ", parts.empty() ? "none" : "one without channels");
  Shape shape = parts[0].shape();
  shape.back() = 0;
  const int64_t rows = elements(Shape(shape.begin(), shape.end() - 1));
  for (const Var& part : parts) {
    check_inputs("concat_channels", {{"the first part", parts[0]}, {"another", part}});
    FR_CHECK(part && part.shape().size() == shape.size() &&
                 std::equal(shape.begin(), shape.end() - 1, part.shape().begin()),
             "concat_channels: expected parts that differ in their last size alone, got ",
             to_string(parts[0].shape()), " and ", part ? to_string(part.shape()) : "an empty Var");
    shape.back() += part.dim(-1);
  }
  const Tensor y = like(parts[0].value(), shape);
  const int64_t row = shape.back();
  std::vector<int64_t> first;  // channel of each part
  for (int64_t c = 0; const Var& part : parts) {
    const int64_t columns = part.dim(-1);
    copy_block(y, part.value(), {rows, columns, row, c, columns, 0});
    first.push_back(c);
    c += columns;
  }
  return record("concat_channels", y, parts, [first, rows, row](Node& self) {
    for (size_t i = 0; i < first.size(); ++i) pass_columns(self, i, rows, row, first[i]);
  });
}

// Columns of a, then columns of b.                           a (N,A), b (N,B) -> y (N,A+B)
Var concat_columns(const Var& a, const Var& b) {
  check_rank("concat_columns", "a", a, 2);
  check_rank("concat_columns", "b", b, 2);
  FR_CHECK(b.dim(0) == a.dim(0), "concat_columns: expected equal rows, got ", to_string(a.shape()), " and ",
           to_string(b.shape()));
  return concat_channels({a, b});
}

}  // namespace fr
