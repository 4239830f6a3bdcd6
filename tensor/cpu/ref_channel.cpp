// Per-channel kernels on x (rows, C): bias, PReLU, batch normalisation.
#include <algorithm>

#include "tensor/cpu/ref.h"

namespace fr::ref {
namespace {

// sum_r f(r C + c) in double
template <class F>
double sum_rows(int64_t rows, int64_t C, int64_t c, const F& f) {
  double sum = 0;
  for (int64_t r = 0; r < rows; ++r) sum += f(r * C + c);
  return sum;
}

template <class T>
void bias_forward(T* y, const T* x, const T* b, int64_t rows, int64_t C) {
  for (int64_t i = 0; i < rows * C; ++i) y[i] = x[i] + b[i % C];
}

template <class T>
void bias_backward(T* db, const T* dy, int64_t rows, int64_t C) {
  for (int64_t c = 0; c < C; ++c) db[c] += T(sum_rows(rows, C, c, [&](int64_t i) { return dy[i]; }));
}

// At 0 the negative side is taken.
template <class T>
void prelu_forward(T* y, const T* x, const T* a, int64_t rows, int64_t C) {
  for (int64_t i = 0; i < rows * C; ++i) y[i] = x[i] > 0 ? x[i] : a[i % C] * x[i];
}

template <class T>
void prelu_backward(T* dx, T* da, const T* dy, const T* x, const T* a, int64_t rows, int64_t C,
                    Gradient into) {
  if (dx)
    for (int64_t i = 0; i < rows * C; ++i) give(dx[i], x[i] > 0 ? dy[i] : a[i % C] * dy[i], into);
  if (da)
    for (int64_t c = 0; c < C; ++c)
      da[c] += T(sum_rows(rows, C, c,
                          [&](int64_t i) { return x[i] > 0 ? 0.0 : static_cast<double>(dy[i]) * x[i]; }));
}

// A single row has no unbiased variance: rows - 1 counts as 1. No rows leave the running statistics as they
// are.
template <class T>
void batch_norm_forward(T* y, T* mean, T* rstd, T* running_mean, T* running_var, const T* x, const T* gamma,
                        const T* beta, int64_t rows, int64_t C, T eps, T momentum) {
  const double n = static_cast<double>(std::max<int64_t>(rows, 1));
  for (int64_t c = 0; c < C; ++c) {
    const double m = sum_rows(rows, C, c, [&](int64_t i) { return x[i]; }) / n;
    const double var = sum_rows(rows, C, c, [&](int64_t i) { return (x[i] - m) * (x[i] - m); }) / n;
    const double r = 1 / std::sqrt(var + eps);
    mean[c] = T(m);
    rstd[c] = T(r);
    if (rows > 0) {
      const double unbiased = var * n / std::max(n - 1, 1.0);
      running_mean[c] = T((1 - momentum) * running_mean[c] + momentum * m);
      running_var[c] = T((1 - momentum) * running_var[c] + momentum * unbiased);
    }
    for (int64_t i = c; i < rows * C; i += C) y[i] = T(gamma[c] * ((x[i] - m) * r) + beta[c]);
  }
}

template <class T>
void batch_norm_backward(T* dx, T* dgamma, T* dbeta, const T* dy, const T* x, const T* mean, const T* rstd,
                         const T* gamma, int64_t rows, int64_t C, Gradient into) {
  for (int64_t c = 0; c < C; ++c) {
    const auto xh = [&](int64_t i) { return (static_cast<double>(x[i]) - mean[c]) * rstd[c]; };
    const double sum_dy = sum_rows(rows, C, c, [&](int64_t i) { return dy[i]; });
    const double sum_dy_xh = sum_rows(rows, C, c, [&](int64_t i) { return dy[i] * xh(i); });
    if (dgamma) dgamma[c] += T(sum_dy_xh);
    if (dbeta) dbeta[c] += T(sum_dy);
    if (!dx) continue;
    const double n = static_cast<double>(rows), scale = static_cast<double>(gamma[c]) * rstd[c];
    for (int64_t i = c; i < rows * C; i += C)
      give(dx[i], T(scale * (dy[i] - sum_dy / n - xh(i) * (sum_dy_xh / n))), into);
  }
}

template <class T>
void batch_norm_line(T* scale, T* shift, const T* gamma, const T* beta, const T* mean, const T* var,
                     int64_t C, T eps) {
  for (int64_t c = 0; c < C; ++c) {
    const double a = gamma[c] / std::sqrt(static_cast<double>(var[c]) + eps);
    scale[c] = T(a), shift[c] = T(beta[c] - mean[c] * a);
  }
}

template <class T>
void batch_norm_inference_forward(T* y, const T* x, const T* gamma, const T* beta, const T* mean,
                                  const T* var, int64_t rows, int64_t C, T eps) {
  for (int64_t i = 0; i < rows * C; ++i) {
    const int64_t c = i % C;
    y[i] = gamma[c] * ((x[i] - mean[c]) / std::sqrt(var[c] + eps)) + beta[c];
  }
}

template <class T>
void batch_norm_inference_backward(T* dx, T* dgamma, T* dbeta, const T* dy, const T* x, const T* gamma,
                                   const T* mean, const T* var, int64_t rows, int64_t C, T eps) {
  for (int64_t c = 0; c < C; ++c) {
    const double r = 1 / std::sqrt(static_cast<double>(var[c]) + eps);
    if (dgamma)
      dgamma[c] += T(sum_rows(
          rows, C, c, [&](int64_t i) { return dy[i] * ((static_cast<double>(x[i]) - mean[c]) * r); }));
    if (dbeta) dbeta[c] += T(sum_rows(rows, C, c, [&](int64_t i) { return dy[i]; }));
    if (dx)
      for (int64_t i = c; i < rows * C; i += C) dx[i] += T(gamma[c] * r * dy[i]);
  }
}

}  // namespace

template <class T>
void install_channel(Kernels<T>& k) {
  k.bias_forward = bias_forward;
  k.bias_backward = bias_backward;
  k.prelu_forward = prelu_forward;
  k.prelu_backward = prelu_backward;
  k.batch_norm_forward = batch_norm_forward;
  k.batch_norm_backward = batch_norm_backward;
  k.batch_norm_line = batch_norm_line;
  k.batch_norm_inference_forward = batch_norm_inference_forward;
  k.batch_norm_inference_backward = batch_norm_inference_backward;
}

template void install_channel(Kernels<float>&);
template void install_channel(Kernels<double>&);

}  // namespace fr::ref
