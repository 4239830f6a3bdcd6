// Elementwise ops with broadcasting: sum, difference, product, quotient, larger of two; one-argument
// functions; dropout.
#include <algorithm>

#include "autograd/ops.h"
#include "autograd/ops/check.h"

namespace fr {

namespace {

Shape broadcast_shape(const char* op, const Shape& a, const Shape& b) {
  Shape y(std::max(a.size(), b.size()), 1);
  FR_CHECK(y.size() <= 4, op, ": expected at most rank 4, got ", to_string(a), " and ", to_string(b));
  for (size_t i = 1; i <= y.size(); ++i) {
    const int64_t m = i <= a.size() ? a[a.size() - i] : 1, n = i <= b.size() ? b[b.size() - i] : 1;
    FR_CHECK(m == n || m == 1 || n == 1, op, ": shapes ", to_string(a), " and ", to_string(b),
             " do not broadcast");
    y[y.size() - i] = m == 1 ? n : m;
  }
  return y;
}

// Row-major strides of x aligned to the right of four axes; 0 where x has size 1 or no axis.
void fill_strides(int64_t (&stride)[4], const Shape& x) {
  int64_t step = 1;
  for (size_t i = 1; i <= x.size(); ++i) {
    stride[4 - i] = x[x.size() - i] == 1 ? 0 : step;
    step *= x[x.size() - i];
  }
}

BroadcastShape plan(const Shape& y, const Shape& a, const Shape& b) {
  BroadcastShape s;
  for (size_t i = 1; i <= y.size(); ++i) s.size[4 - i] = y[y.size() - i];
  fill_strides(s.a_stride, a);
  fill_strides(s.b_stride, b);
  return s;
}

// y = f(a, b), element by element after broadcasting.        a, b (rank <= 4) -> y
//   forward    y_i = a_i + b_i | a_i - b_i | a_i b_i | a_i / b_i | max(a_i, b_i)
//   backward   da_i += dy_i df/da, db_i += dy_i df/db, summed over the axes along which the input was
//   repeated;
//              a tie of max belongs to a.
// Saves a and b.
Var binary(const char* op, Binary f, const Var& a, const Var& b) {
  check_inputs(op, {{"a", a}, {"b", b}});
  FR_CHECK(b, op, ": expected two values, got an empty Var");
  const Tensor av = a.value(), bv = b.value();
  Tensor y = like(av, broadcast_shape(op, av.shape(), bv.shape()));
  const BroadcastShape s = plan(y.shape(), av.shape(), bv.shape());
  with_kernels(y, [&](const auto& k) { k.binary_forward(y.data(), av.data(), bv.data(), f, s); });
  return record(op, y, {a, b}, [as = Saved(a), bs = Saved(b), f, s](Node& self) mutable {
    const Tensor da = grad_of(self, 0), db = grad_of(self, 1);
    with_kernels(self.grad, [&](const auto& k) {
      k.binary_backward(da.data(), db.data(), self.grad.data(), as.take().data(), bs.take().data(), f, s);
    });
  });
}

}  // namespace

// The sum of two values of one shape hands its gradient on: residual connections cost no extra pass.
//   forward  y_i = a_i + b_i        backward  da_i += dy_i, db_i += dy_i
// Saves nothing. Where one of the two can be formed again, so can the sum: for the other one, at most as large.
Var add(const Var& a, const Var& b) {
  if (!a || !b || a.shape() != b.shape() || a.shape().size() > 4) return binary("add", Binary::add, a, b);
  check_inputs("add", {{"a", a}, {"b", b}});
  const BroadcastShape s = plan(a.shape(), a.shape(), b.shape());
  const auto sum = [s](const Tensor& av, const Tensor& bv) {
    const Tensor y = like(av, av.shape());
    with_kernels(y, [&](const auto& k) { k.binary_forward(y.data(), av.data(), bv.data(), Binary::add, s); });
    return y;
  };
  const Saved as(a), bs(b);
  const bool gains = as.depth() > 0 || bs.depth() > 0;
  return record(
      "add", sum(a.value(), b.value()), {a, b},
      [](Node& self) {
        if (self.inputs[1]->requires_grad) {
          add_gradient(self, 0);
          hand_over_gradient(self, 1);
        } else {
          hand_over_gradient(self, 0);
        }
      },
      gains ? Form({&as, &bs}, [=] { return sum(as.look(), bs.look()); }) : Form());
}

Var sub(const Var& a, const Var& b) { return binary("sub", Binary::sub, a, b); }
Var mul(const Var& a, const Var& b) { return binary("mul", Binary::mul, a, b); }
Var div(const Var& a, const Var& b) { return binary("div", Binary::div, a, b); }
Var maximum(const Var& a, const Var& b) { return binary("maximum", Binary::max, a, b); }

// y = f(x), element by element.                              x (any) -> y (same)
//   forward    y_i = f(x_i)
//   backward   dx_i += dy_i f'(x_i);   at 0: relu' = 0, abs' = 0
// Saves x and y: f' is written in whichever is cheaper (exp' = y, tanh' = 1 - y^2, log' = 1/x).
Var unary(const Var& x, Unary f) {
  check_inputs("unary", {{"x", x}});
  const Tensor xv = x.value();
  Tensor y = like(xv, xv.shape());
  with_kernels(y, [&](const auto& k) { k.unary_forward(y.data(), xv.data(), f, y.size()); });
  return record("unary", y, {x}, [xs = Saved(x), y, f](Node& self) mutable {
    const Tensor dx = grad_of(self, 0);
    with_kernels(dx, [&](const auto& k) {
      k.unary_backward(dx.data(), self.grad.data(), xs.take().data(), y.data(), f, dx.size());
    });
  });
}

// A straight line of every element.                          x (any) -> y (same)
//   forward    y_i = a x_i + b
//   backward   dx_i += a dy_i
// Saves the number a.
Var affine(const Var& x, double a, double b) {
  check_inputs("affine", {{"x", x}});
  Tensor y = like(x.value(), x.shape());
  with_kernels(y, [&](const auto& k) { k.affine_forward(y.data(), x.value().data(), a, b, y.size()); });
  return record("affine", y, {x}, [a](Node& self) {
    const Tensor dx = grad_of(self, 0);
    with_kernels(dx, [&](const auto& k) { k.add_scaled(dx.data(), self.grad.data(), a, dx.size()); });
  });
}

// Inverted dropout: each element survives with probability 1 - p and is scaled so that its mean is unchanged.
//                                                            x (any) -> y (same)
//   forward    y_i = m_i x_i / (1 - p),   m_i = [u_i >= p], u_i drawn from the key at index i
//   backward   dx_i += m_i dy_i / (1 - p)
// Saves the key alone: the mask is drawn again.              Srivastava et al. 2014
Var dropout(const Var& x, double p, const PhiloxKey& key) {
  check_inputs("dropout", {{"x", x}});
  FR_CHECK(p >= 0 && p < 1, "dropout: expected 0 <= p < 1, got ", p);
  if (p == 0) return x;
  Tensor y = like(x.value(), x.shape());
  with_kernels(y, [&](const auto& k) { k.dropout_forward(y.data(), x.value().data(), key, p, y.size()); });
  return record("dropout", y, {x}, [p, key](Node& self) {
    const Tensor dx = grad_of(self, 0);
    with_kernels(dx,
                 [&](const auto& k) { k.dropout_backward(dx.data(), self.grad.data(), key, p, dx.size()); });
  });
}

}  // namespace fr
