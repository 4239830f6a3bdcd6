// Per-channel kernels on x (rows, C): bias, PReLU, ARFA, batch normalisation.
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
void prelu_forward(T* y, const T* x, const T* a, const T* residual, int64_t rows, int64_t C) {
  for (int64_t i = 0; i < rows * C; ++i)
    y[i] = (x[i] > 0 ? x[i] : a[i % C] * x[i]) + (residual ? residual[i] : T(0));
}

template <class T>
void prelu_backward(T* dx, T* da, const T* dy, const T* x, const T* a, int64_t rows, int64_t C,
                    Gradient into) {
  if (da)
    for (int64_t c = 0; c < C; ++c)
      da[c] += T(sum_rows(rows, C, c,
                          [&](int64_t i) { return x[i] > 0 ? 0.0 : static_cast<double>(dy[i]) * x[i]; }));
  if (dx)
    for (int64_t i = 0; i < rows * C; ++i) give(dx[i], x[i] > 0 ? dy[i] : a[i % C] * dy[i], into);
}

// At 0 the side of the fraction is taken, whose slope there is k / a.
template <class T>
void arfa_forward(T* y, const T* x, const T* a, const T* k, int64_t rows, int64_t C) {
  for (int64_t i = 0; i < rows * C; ++i) y[i] = x[i] > 0 ? *k * x[i] : *k * x[i] / (a[i % C] - x[i]);
}

template <class T>
void arfa_backward(T* dx, T* da, const T* dy, const T* x, const T* a, const T* k, int64_t rows, int64_t C,
                   Gradient into) {
  if (da)
    for (int64_t c = 0; c < C; ++c)
      da[c] += T(sum_rows(rows, C, c, [&](int64_t i) {
        const double pole = static_cast<double>(a[c]) - x[i];
        return x[i] > 0 ? 0.0 : -static_cast<double>(*k) * x[i] / (pole * pole) * dy[i];
      }));
  if (dx)
    for (int64_t i = 0; i < rows * C; ++i) {
      const T pole = a[i % C] - x[i];
      give(dx[i], dy[i] * (x[i] > 0 ? *k : *k * a[i % C] / (pole * pole)), into);
    }
}

// A single row has no unbiased variance: rows - 1 counts as 1. No rows leave the running statistics as they
// are.
template <class T>
void batch_norm_statistics(T* mean, T* rstd, T* running_mean, T* running_var, const T* x, int64_t rows,
                           int64_t C, T eps, T momentum) {
  const double n = static_cast<double>(std::max<int64_t>(rows, 1));
  for (int64_t c = 0; c < C; ++c) {
    const double m = sum_rows(rows, C, c, [&](int64_t i) { return x[i]; }) / n;
    const double var = sum_rows(rows, C, c, [&](int64_t i) { return (x[i] - m) * (x[i] - m); }) / n;
    mean[c] = T(m);
    rstd[c] = T(1 / std::sqrt(var + eps));
    if (rows == 0) continue;
    const double unbiased = var * n / std::max(n - 1, 1.0);
    running_mean[c] = T((1 - momentum) * running_mean[c] + momentum * m);
    running_var[c] = T((1 - momentum) * running_var[c] + momentum * unbiased);
  }
}

// One channel of a BatchNormLine. u and du are rounded to T, as they are when normalisation and PReLU come one
// after the other.
template <class T>
struct Channel {
  double mean, rstd, gamma, beta;
  T slope;
  Channel(const BatchNormLine<T>& l, int64_t c)
      : mean(l.mean[c]),
        rstd(l.rstd[c]),
        gamma(l.gamma[c]),
        beta(l.beta[c]),
        slope(l.slope ? l.slope[c] : 1) {}
  double xh(T x) const { return (x - mean) * rstd; }
  T u(T x) const { return T(gamma * xh(x) + beta); }
  T act(T x) const { return u(x) > 0 ? u(x) : slope * u(x); }
  T du(T dy, T x) const { return u(x) > 0 ? dy : slope * dy; }
};

template <class T>
void batch_norm_apply(T* y, const T* x, const BatchNormLine<T>& line, const T* residual, int64_t rows,
                      int64_t C) {
  for (int64_t c = 0; c < C; ++c) {
    const Channel<T> at(line, c);
    for (int64_t i = c; i < rows * C; i += C) y[i] = at.act(x[i]) + (residual ? residual[i] : T(0));
  }
}

template <class T>
void batch_norm_backward(T* dx, T* dgamma, T* dbeta, T* dslope, const T* dy, const T* x,
                         const BatchNormLine<T>& line, int64_t rows, int64_t C, Gradient into) {
  for (int64_t c = 0; c < C; ++c) {
    const Channel<T> at(line, c);
    const double sum_du = sum_rows(rows, C, c, [&](int64_t i) { return at.du(dy[i], x[i]); });
    const double sum_du_xh =
        sum_rows(rows, C, c, [&](int64_t i) { return at.du(dy[i], x[i]) * at.xh(x[i]); });
    if (dgamma) dgamma[c] += T(sum_du_xh);
    if (dbeta) dbeta[c] += T(sum_du);
    if (dslope && line.slope)
      dslope[c] +=
          T(sum_rows(rows, C, c, [&](int64_t i) { return double(dy[i]) * std::min(at.u(x[i]), T(0)); }));
    if (!dx) continue;
    const double n = static_cast<double>(rows), scale = at.gamma * at.rstd;
    for (int64_t i = c; i < rows * C; i += C)
      give(dx[i], T(scale * (at.du(dy[i], x[i]) - sum_du / n - at.xh(x[i]) * (sum_du_xh / n))), into);
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
  k.arfa_forward = arfa_forward;
  k.arfa_backward = arfa_backward;
  k.batch_norm_statistics = batch_norm_statistics;
  k.batch_norm_apply = batch_norm_apply;
  k.batch_norm_backward = batch_norm_backward;
  k.batch_norm_line = batch_norm_line;
  k.batch_norm_inference_forward = batch_norm_inference_forward;
  k.batch_norm_inference_backward = batch_norm_inference_backward;
}

template void install_channel(Kernels<float>&);
template void install_channel(Kernels<double>&);

}  // namespace fr::ref
