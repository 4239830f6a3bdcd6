#include "fr/pfe/likelihood.h"

#include <algorithm>
#include <cmath>

#include "autograd/ops/check.h"
#include "fr/loss/pair_op.h"

namespace fr {
namespace {

const double kLog2Pi = std::log(2 * M_PI);

void check_rows(const char* op, const Var& mean, const Var& log_variance) {
  check_inputs(op, {{"mean", mean, Is::wide}, {"log_variance", log_variance, Is::wide}});
  check_rank(op, "mean (N,D)", mean, 2);
  check_shape(op, "log_variance", log_variance, mean.shape());
}

}  // namespace

Var mutual_likelihood(const Var& mean_a, const Var& log_variance_a, const Var& mean_b,
                      const Var& log_variance_b) {
  check_rows("mutual_likelihood", mean_a, log_variance_a);
  check_rows("mutual_likelihood", mean_b, log_variance_b);
  check_shape("mutual_likelihood", "the second mean", mean_b, mean_a.shape());
  const Var v = add(unary(log_variance_a, Unary::exp), unary(log_variance_b, Unary::exp));
  const Var apart = unary(sub(mean_a, mean_b), Unary::square);
  const Var parts = add(div(apart, v), unary(v, Unary::log));
  return affine(reduce(parts, Reduce::sum, 1), -0.5, -0.5 * kLog2Pi * double(mean_a.dim(1)));
}

// Forward and backward: Kernels::likelihood_pairs. Saves the derivatives.
Var likelihood_loss(const Var& mean, const Var& log_variance, const Tensor& labels) {
  check_rows("likelihood_loss", mean, log_variance);
  const int64_t N = mean.dim(0), D = mean.dim(1);
  FR_CHECK(labels && labels.dtype() == DType::int64 && labels.shape() == Shape{N},
           "likelihood_loss: expected labels int64 (", N, "), got ", to_string(labels.shape()));
  check_device("likelihood_loss", mean, "labels", labels);
  const Tensor loss = like(mean.value(), {}), ds = like(mean.value(), mean.shape());
  const Tensor dm = mean.requires_grad() ? like(mean.value(), mean.shape()) : Tensor();
  with_kernels(loss, [&](const auto& k) {
    k.likelihood_pairs(loss.data(), dm.data(), ds.data(), mean.value().data(), log_variance.value().data(),
                       labels.data(), N, D);
  });
  if (!dm) return loss_with_derivatives("likelihood_loss", loss, {log_variance}, {ds});
  return loss_with_derivatives("likelihood_loss", loss, {mean, log_variance}, {dm, ds});
}

// One logarithm serves a product of eight: variances between 1e-38 and 1e38 leave it within the range of double.
double mutual_likelihood(const float* mean_a, const float* variance_a, const float* mean_b,
                         const float* variance_b, int64_t D) {
  double sum = double(D) * kLog2Pi;
  for (int64_t begin = 0; begin < D; begin += 8) {
    double product = 1;
    for (int64_t l = begin; l < std::min(D, begin + 8); ++l) {
      const double v = double(variance_a[l]) + double(variance_b[l]);
      const double apart = double(mean_a[l]) - double(mean_b[l]);
      sum += apart * apart / v, product *= v;
    }
    sum += std::log(product);
  }
  return -0.5 * sum;
}

}  // namespace fr
