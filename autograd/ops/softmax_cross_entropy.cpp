// Softmax cross-entropy, averaged over the batch.
#include "autograd/ops.h"
#include "autograd/ops/check.h"

namespace fr {

namespace {

void check_labels(const Var& z, const Tensor& labels) {
  check_inputs("softmax_cross_entropy", {{"z", z, Is::wide}});
  check_rank("softmax_cross_entropy", "z (N,M)", z, 2);
  const int64_t N = z.dim(0), M = z.dim(1);
  FR_CHECK(N > 0, "softmax_cross_entropy: expected rows, got z ", to_string(z.shape()));
  FR_CHECK(labels && labels.dtype() == DType::int64 && labels.shape() == Shape{N},
           "softmax_cross_entropy: expected labels (", N, ") int64, got ", to_string(labels.shape()), " ",
           to_string(labels.dtype()));
  check_device("softmax_cross_entropy", z, "the labels", labels);
  if (!labels.on_host()) return;  // who uploaded them has looked
  const int64_t* label = labels.data();
  for (int64_t n = 0; n < N; ++n)
    FR_CHECK(label[n] >= 0 && label[n] < M, "softmax_cross_entropy: expected 0 <= label < ", M, ", got ",
             label[n], " in row ", n);
}

}  // namespace

// How surprised softmax(z) is by the labels, as a mean.      z (N,M), labels (N) -> y ()
//   forward    lse_n = log sum_m exp z_nm,   y = sum_n (lse_n - z_n,label_n) / N
//   backward   dz_nm += dy / N (exp(z_nm - lse_n) - [m = label_n])
// Saves z, lse and the labels; the probabilities are formed again, and dz takes the place of z.
Var softmax_cross_entropy(const Var& z, const Tensor& labels) {
  check_labels(z, labels);
  const int64_t N = z.dim(0), M = z.dim(1);
  const Tensor zv = z.value();
  Tensor loss = like(zv, {N}), lse = like(zv, {N}), y = like(zv, {});
  with_kernels(y, [&](const auto& k) {
    k.softmax_cross_entropy_forward(loss.data(), lse.data(), zv.data(), labels.data(), N, M);
    k.reduce_forward(y.data(), loss.data(), Reduce::mean, 1, N, 1);
  });
  return record("softmax_cross_entropy", y, {z}, [zs = Saved(z), lse, labels, N, M](Node& self) mutable {
    const Tensor scores = zs.take(), dloss = Tensor::zeros({N}, lse.dtype(), lse.device());
    const GradientTarget dz = target_of(self, 0, scores);
    with_kernels(dloss, [&](const auto& k) {
      k.reduce_backward(dloss.data(), self.grad.data(), nullptr, nullptr, Reduce::mean, 1, N, 1);
      k.softmax_cross_entropy_backward(dz.data(), dloss.data(), scores.data(), lse.data(), labels.data(), N,
                                       M, dz.into);
    });
  });
}

}  // namespace fr
