#include "fr/loss/class_cross_entropy.h"

#include <algorithm>

#include "autograd/ops/check.h"

namespace fr {
namespace {

const char* const kOp = "class_cross_entropy";
// Classes that go into one product: what the product arranges or rounds of weights and scores stays small beside them.
constexpr int64_t kClassBlock = 4096;

// What the backward pass reads. z is the one (N,M) matrix: scores until their gradient takes their place.
struct Kept {
  int64_t N, M, D;
  Tensor x, w, labels;  // x (N,D) of the products' type
  Tensor z, lse;        // (N,M), (N)
};

void check(const Var& x, const Var& w, const Var& b, const Tensor& labels) {
  check_inputs(kOp, {{"x", x, Is::wide}, {"w", w, Is::wide}, {"b", b, Is::wide}});
  check_rank(kOp, "x", x, 2);
  check_rank(kOp, "w", w, 2);
  const int64_t N = x.dim(0), M = w.dim(0);
  FR_CHECK(N > 0 && M > 0 && x.dim(1) > 0 && w.dim(1) == x.dim(1), kOp,
           ": expected x (N,D) and w (M,D), none empty, got ", to_string(x.shape()), " and ",
           to_string(w.shape()));
  if (b) check_shape(kOp, "b", b, {M});
  FR_CHECK(labels && labels.dtype() == DType::int64 && labels.shape() == Shape{N}, kOp,
           ": expected labels int64 (", N, "), got ", to_string(labels.shape()));
  check_device(kOp, x, "the labels", labels);
  if (!labels.on_host()) return;
  for (int64_t label : labels.host<int64_t>())
    FR_CHECK(label >= 0 && label < M, kOp, ": label ", label, " of ", M, " classes");
}

// f(first, classes) for each block of the classes [begin, end)
template <class F>
void for_class_blocks(int64_t begin, int64_t end, const F& f) {
  for (int64_t m = begin; m < end; m += kClassBlock) f(m, std::min(kClassBlock, end - m));
}

// A matrix (rows, columns) of the products' type and the distance between its rows: x itself, or x rounded.
template <class T>
struct Factor {
  const T* data;
  int64_t row;
  Tensor rounded;
};
template <class T>
Factor<T> factor(const Kernels<T>& k, const Tensor& of, const Wide<T>* x, int64_t rows, int64_t columns,
                 int64_t row) {
  if constexpr (std::is_same_v<T, Wide<T>>) {
    return {x, row, {}};
  } else {
    const Tensor rounded({rows, columns}, dtype_of<T>(), of.device());
    k.narrow(rounded.data(), x, rows, columns, columns, row);
    return {rounded.as<T>(), columns, rounded};
  }
}

// z = x w^T
template <class T>
void scores(const Kernels<T>& k, const Kept& s) {
  for_class_blocks(0, s.M, [&](int64_t m, int64_t classes) {
    const Factor<T> w = factor(k, s.w, s.w.as<Wide<T>>() + m * s.D, classes, s.D, s.D);
    k.gemm_wide(s.z.as<Wide<T>>() + m, s.x.data(), w.data, {false, true, s.N, classes, s.D, s.D, w.row, s.M},
                1, 0);
  });
}

// dx (+)= d w
template <class T>
void embedding_gradient(const Kernels<T>& k, const Kept& s, const GradientTarget& dx) {
  for_class_blocks(0, s.M, [&](int64_t m, int64_t classes) {
    const Factor<T> w = factor(k, s.w, s.w.as<Wide<T>>() + m * s.D, classes, s.D, s.D),
                    d = factor(k, s.z, s.z.as<Wide<T>>() + m, s.N, classes, s.M);
    k.gemm_wide(dx.data(), d.data, w.data, {false, false, s.N, s.D, classes, d.row, w.row, s.D}, 1,
                m > 0 || dx.into == Gradient::add);
  });
}

// Rows [first, first + rows) of dw += d^T x; g is the first of them.
template <class T>
void weight_gradient(const Kernels<T>& k, const Kept& s, const Tensor& g, int64_t first, int64_t rows) {
  for_class_blocks(first, first + rows, [&](int64_t m, int64_t classes) {
    const Factor<T> d = factor(k, s.z, s.z.as<Wide<T>>() + m, s.N, classes, s.M);
    k.gemm_wide(g.as<Wide<T>>() + (m - first) * s.D, d.data, s.x.data(),
                {true, false, classes, s.D, s.N, d.row, s.D, s.D}, 1, 1);
  });
}

// db_m += sum_n d_nm, as a product with ones
void bias_gradient(const Kept& s, const Tensor& db) {
  const Tensor ones = Tensor::full({s.N}, 1, s.z.dtype(), s.z.device());
  with_kernels(s.z, [&]<class T>(const Kernels<T>& k) {
    for_class_blocks(0, s.M, [&](int64_t m, int64_t classes) {
      k.gemm(db.as<T>() + m, s.z.as<T>() + m, ones.as<T>(), {true, false, classes, 1, s.N, s.M, 1, 1}, 1, 1);
    });
  });
}

// z_nm <- d_nm = dL/dz_nm
void score_gradient(const Kept& s, const Tensor& dloss_mean) {
  const Tensor dloss = Tensor::zeros({s.N}, s.z.dtype(), s.z.device());
  with_kernels(s.z, [&](const auto& k) {
    k.reduce_backward(dloss.data(), dloss_mean.data(), nullptr, nullptr, Reduce::mean, 1, s.N, 1);
    k.softmax_cross_entropy_backward(s.z.data(), dloss.data(), s.z.data(), s.lse.data(), s.labels.data(), s.N,
                                     s.M, Gradient::overwrite);
  });
}

void backward_of(const Kept& s, Node& self) {
  score_gradient(s, self.grad);
  if (const Tensor db = grad_of(self, 2)) bias_gradient(s, db);
  const auto add_rows = [s](const Tensor& g, int64_t first, int64_t rows) {
    with_kernels(s.x, [&](const auto& k) { weight_gradient(k, s, g, first, rows); });
  };
  if (by_rows(self, 1))
    leave_rows(self, 1, add_rows);
  else if (const Tensor dw = grad_of(self, 1))
    add_rows(dw, 0, s.M);
  if (const GradientTarget dx = target_of(self, 0))
    with_kernels(s.x, [&](const auto& k) { embedding_gradient(k, s, dx); });
}

}  // namespace

// How surprised softmax(x w^T + b) is by the labels, as a mean.     x (N,D), w (M,D), b (M), labels (N) -> ()
//   forward    z_nm = sum_d x_nd w_md + b_m,   L = sum_n (lse_n - z_n,label) / N,   lse_n = log sum_m exp z_nm
//   backward   d_nm = (exp(z_nm - lse_n) - [m = label_n]) / N
//              dx += d w,   dw += d^T x,   db_m += sum_n d_nm
// Classes that `datasets` leaves out have z_nm = -infinity, and with it d_nm = 0.
// Saves x, lse and the one matrix z, which the backward pass turns into d.
Var class_cross_entropy(const Var& x, const Var& w, const Var& b, const Tensor& labels, DType products,
                        Tensor* prediction, const DatasetClasses& datasets, LargestOther* other) {
  check(x, w, b, labels);
  const int64_t N = x.dim(0), D = x.dim(1), M = w.dim(0);
  const Tensor xv = products == DType::bfloat16 ? x.value().to(products) : x.value();
  const Kept s{N, M, D, xv, w.value(), labels, like(x.value(), {N, M}), like(x.value(), {N})};
  const Tensor loss = like(s.lse, {N}), mean = like(s.lse, {});
  if (prediction) *prediction = Tensor({N}, DType::int64, x.device());
  with_kernels(s.x, [&](const auto& k) { scores(k, s); });
  if (b)
    with_kernels(s.z, [&](const auto& k) { k.bias_forward(s.z.data(), s.z.data(), b.value().data(), N, M); });
  leave_out(s.z, labels, datasets);
  with_kernels(mean, [&](const auto& k) {
    k.softmax_cross_entropy_forward(loss.data(), s.lse.data(), s.z.data(), labels.data(), N, M);
    if (prediction) k.argmax_rows(prediction->data(), s.z.data(), N, M);
    k.reduce_forward(mean.data(), loss.data(), Reduce::mean, 1, N, 1);
  });
  if (other) *other = largest_other(s.z, labels);
  return record(kOp, mean, {x, w, b}, [s](Node& self) { backward_of(s, self); });
}

}  // namespace fr
