// Reductions over one axis and over everything.
#include "autograd/ops.h"
#include "autograd/ops/check.h"

namespace fr {

namespace {

struct Axes {
  int64_t outer, n, inner;
};

// x seen as (outer, n, inner): y_oi = f over j of x_oji.  Shared by the axis and the whole-tensor form.
//   forward    sum: y_oi = sum_j x_oji;   mean: the same / n;   max: y_oi = max_j x_oji
//   backward   sum: dx_oji += dy_oi;      mean: the same / n;   max: only at the lowest j that holds the
//   largest
// Saves x and y for max; sum and mean read neither in their backward.
Var reduce_axes(const Var& x, Reduce f, const Axes& s, Shape shape) {
  const Tensor xv = x.value();
  Tensor y = like(xv, std::move(shape));
  with_kernels(y, [&](const auto& k) { k.reduce_forward(y.data(), xv.data(), f, s.outer, s.n, s.inner); });
  return record("reduce", y, {x},
                [xs = f == Reduce::max ? Saved(x) : Saved(), ys = f == Reduce::max ? y : Tensor(), f,
                 s](Node& self) mutable {
                  const Tensor dx = grad_of(self, 0);
                  with_kernels(dx, [&](const auto& k) {
                    k.reduce_backward(dx.data(), self.grad.data(), xs.take().data(), ys.data(), f, s.outer,
                                      s.n, s.inner);
                  });
                });
}

}  // namespace

// f over one axis, which disappears; a negative axis counts from the end.   x (.., n, ..) -> y (.., ..)
Var reduce(const Var& x, Reduce f, int axis) {
  check_inputs("reduce", {{"x", x}});
  const int rank = x.value().rank(), a = axis < 0 ? axis + rank : axis;
  FR_CHECK(a >= 0 && a < rank, "reduce: axis ", axis, " is outside of ", to_string(x.shape()));
  FR_CHECK(x.dim(a) > 0 || f == Reduce::sum, "reduce: mean and max need elements, got ", to_string(x.shape()),
           " along axis ", axis);
  Axes s{1, x.dim(a), 1};
  for (int i = 0; i < a; ++i) s.outer *= x.dim(i);
  for (int i = a + 1; i < rank; ++i) s.inner *= x.dim(i);
  Shape shape = x.shape();
  shape.erase(shape.begin() + a);
  return reduce_axes(x, f, s, shape);
}

// The largest of each group of neighbouring channels.         x (..., C) -> y (..., C / group)
//   forward    y_rj = max_i x_r,(group j + i),  0 <= i < group
//   backward   at the lowest i that holds the largest: dx_r,(group j + i) += dy_rj
// Saves what reduce saves.                                    Goodfellow et al. 2013, "Maxout Networks"
Var maxout(const Var& x, int64_t group) {
  check_inputs("maxout", {{"x", x}});
  FR_CHECK(!x.shape().empty() && group > 0 && x.dim(-1) % group == 0, "maxout: expected groups of ", group,
           " channels, got x ", to_string(x.shape()));
  Shape groups = x.shape();
  groups.back() /= group;
  groups.push_back(group);
  return reduce(reshape(x, groups), Reduce::max, -1);
}

// All elements: x (any) -> y (),  y = sum_i x_i
Var sum(const Var& x) {
  check_inputs("sum", {{"x", x}});
  return reduce_axes(x, Reduce::sum, {1, x.value().size(), 1}, {});
}

// All elements: x (any) -> y (),  y = sum_i x_i / count
Var mean(const Var& x) {
  check_inputs("mean", {{"x", x}});
  FR_CHECK(x.value().size() > 0, "mean: expected elements, got ", to_string(x.shape()));
  return reduce_axes(x, Reduce::mean, {1, x.value().size(), 1}, {});
}

}  // namespace fr
