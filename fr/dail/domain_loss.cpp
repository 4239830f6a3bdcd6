#include "fr/dail/domain_loss.h"

#include "autograd/ops/check.h"

namespace fr {
namespace {

const char* const kOp = "weighted_cross_entropy";

void check(const Var& z, const Tensor& k, const Tensor& weight) {
  check_inputs(kOp, {{"z", z, Is::wide}});
  check_rank(kOp, "z", z, 2);
  const int64_t N = z.dim(0), K = z.dim(1);
  FR_CHECK(N > 0 && K > 0, kOp, ": expected scores (N,K), got ", to_string(z.shape()));
  FR_CHECK(k && k.dtype() == DType::int64 && k.shape() == Shape{N}, kOp, ": expected data sets int64 (", N,
           "), got ", to_string(k.shape()));
  FR_CHECK(weight && weight.dtype() == z.dtype() && weight.shape() == Shape{N}, kOp, ": expected weights (",
           N, ") of ", to_string(z.dtype()), ", got ", to_string(weight.shape()), " of ",
           to_string(weight.dtype()));
  check_device(kOp, z, "the data sets", k);
  check_device(kOp, z, "the weights", weight);
  if (!k.on_host()) return;
  for (const int64_t own : k.host<int64_t>())
    FR_CHECK(own >= 0 && own < K, kOp, ": data set ", own, " of ", K);
}

// y += a x_n w_n, with x one number for all n                         y, w (N), x ()
void add_weighted(const Tensor& y, const Tensor& x, const Tensor& w, double a) {
  const Tensor scaled = like(w, {w.size()});
  with_kernels(y, [&](const auto& k) {
    k.affine_forward(scaled.data(), w.data(), a, 0, w.size());
    k.binary_backward(y.data(), nullptr, scaled.data(), scaled.data(), x.data(), Binary::mul,
                      {{1, 1, 1, w.size()}, {0, 0, 0, 1}, {0, 0, 0, 0}});
  });
}

}  // namespace

// Softmax cross-entropy with a weight for each row.                z (N,K), k (N), weight (N) -> ()
//   forward    L = (1/N) sum_n weight_n (lse_n - z_n,k)
//   backward   dz_nj += dL weight_n / N (exp(z_nj - lse_n) - [j = k])
// Saves z, lse, k and the weights.
Var weighted_cross_entropy(const Var& z, const Tensor& own, const Tensor& weight) {
  check(z, own, weight);
  const int64_t N = z.dim(0), K = z.dim(1);
  const Tensor zv = z.value(), loss = like(zv, {N}), lse = like(zv, {N}), sum = like(zv, {}),
               mean = like(zv, {});
  with_kernels(mean, [&](const auto& k) {
    k.softmax_cross_entropy_forward(loss.data(), lse.data(), zv.data(), own.data(), N, K);
    k.dot(sum.data(), loss.data(), weight.data(), N);
    k.affine_forward(mean.data(), sum.data(), 1.0 / double(N), 0, 1);
  });
  return record(kOp, mean, {z}, [zv, lse, own, weight, N, K](Node& self) {
    const Tensor dz = grad_of(self, 0), dloss = Tensor::zeros({N}, lse.dtype(), lse.device());
    if (!dz) return;
    add_weighted(dloss, self.grad, weight, 1.0 / double(N));
    with_kernels(dz, [&](const auto& k) {
      k.softmax_cross_entropy_backward(dz.data(), dloss.data(), zv.data(), lse.data(), own.data(), N, K,
                                       Gradient::add);
    });
  });
}

}  // namespace fr
