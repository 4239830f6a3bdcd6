// Row by row: unit length, softmax cross-entropy, margin softmax.
#include <algorithm>
#include <limits>

#include "tensor/cpu/ref.h"

namespace fr::ref {
namespace {

template <class T>
void l2_normalize_forward(T* y, T* norm, const T* x, int64_t N, int64_t D, T eps) {
  for (int64_t n = 0; n < N; ++n) {
    const T* x_n = x + n * D;
    double sum = 0;
    for (int64_t d = 0; d < D; ++d) sum += static_cast<double>(x_n[d]) * x_n[d];
    norm[n] = T(std::sqrt(sum));
    for (int64_t d = 0; d < D; ++d) y[n * D + d] = norm[n] < eps ? T(0) : x_n[d] / norm[n];
  }
}

template <class T>
void l2_normalize_backward(T* dx, const T* dy, const T* dnorm, const T* y, const T* norm, int64_t N,
                           int64_t D, T eps) {
  for (int64_t n = 0; n < N; ++n) {
    if (norm[n] < eps) continue;
    const T *y_n = y + n * D, *dy_n = dy + n * D;
    double along = 0;
    for (int64_t d = 0; d < D; ++d) along += static_cast<double>(y_n[d]) * dy_n[d];
    for (int64_t d = 0; d < D; ++d) {
      dx[n * D + d] += T((dy_n[d] - y_n[d] * along) / norm[n]);
      if (dnorm) dx[n * D + d] += dnorm[n] * y_n[d];
    }
  }
}

// log sum_m exp z(m), the largest subtracted
template <class F>
double log_sum_exp(int64_t M, const F& z) {
  double largest = -std::numeric_limits<double>::infinity(), sum = 0;
  for (int64_t m = 0; m < M; ++m) largest = larger<double>(z(m), largest) ? z(m) : largest;
  for (int64_t m = 0; m < M; ++m) sum += std::exp(z(m) - largest);
  return largest + std::log(sum);
}

template <class T>
void softmax_cross_entropy_forward(T* loss, T* lse, const T* z, const int64_t* label, int64_t N, int64_t M) {
  for (int64_t n = 0; n < N; ++n) {
    const double l = log_sum_exp(M, [&](int64_t m) { return static_cast<double>(z[n * M + m]); });
    lse[n] = T(l);
    loss[n] = T(l - z[n * M + label[n]]);
  }
}

template <class T>
void softmax_cross_entropy_backward(T* dz, const T* dloss, const T* z, const T* lse, const int64_t* label,
                                    int64_t N, int64_t M, Gradient into) {
  for (int64_t n = 0; n < N; ++n)
    for (int64_t m = 0; m < M; ++m) {
      const T d = dloss[n] * (std::exp(z[n * M + m] - lse[n]) - T(m == label[n]));
      dz[n * M + m] = into == Gradient::add ? dz[n * M + m] + d : d;
    }
}

// The clamp lets a NaN pass.
template <class T>
void margin_softmax_forward(T* loss, T* lse, T* h, T* dh, T* c, const T* scale, const int64_t* label,
                            const Margin& margin, int64_t N, int64_t M) {
  for (int64_t n = 0; n < N; ++n) {
    T* c_n = c + n * M;
    for (int64_t m = 0; m < M; ++m) c_n[m] = c_n[m] < -1 ? T(-1) : c_n[m] > 1 ? T(1) : c_n[m];
    const MarginValue<T> target = margin_value(margin, c_n[label[n]]);
    const double s = scale[n];
    const double l = log_sum_exp(M, [&](int64_t m) { return s * (m == label[n] ? target.h : c_n[m]); });
    h[n] = target.h;
    dh[n] = target.dh;
    lse[n] = T(l);
    loss[n] = T(l - s * target.h);
  }
}

template <class T>
void margin_softmax_backward(T* g, T* dscale, T* d_label, const T* dloss, const T* c, const T* scale,
                             const T* lse, const T* h, const T* dh, const T* f, const int64_t* label,
                             int64_t N, int64_t M) {
  for (int64_t n = 0; n < N; ++n) {
    double sum = 0;
    for (int64_t m = 0; m < M; ++m) {
      const bool target = m == label[n];
      const T value = target ? h[n] : c[n * M + m];  // z / scale
      const T d = dloss[n] * (std::exp(scale[n] * value - lse[n]) - T(target));
      const T factor = !target ? T(1) : f ? f[n] : dh[n];
      if (target) d_label[n] = d;
      sum += static_cast<double>(d) * value;
      g[n * M + m] = scale[n] * factor * d;
    }
    if (dscale) dscale[n] += T(sum);
  }
}

}  // namespace

template <class T>
void install_rows(Kernels<T>& k) {
  k.l2_normalize_forward = l2_normalize_forward;
  k.l2_normalize_backward = l2_normalize_backward;
  k.softmax_cross_entropy_forward = softmax_cross_entropy_forward;
  k.softmax_cross_entropy_backward = softmax_cross_entropy_backward;
  k.margin_softmax_forward = margin_softmax_forward;
  k.margin_softmax_backward = margin_softmax_backward;
}

template void install_rows(Kernels<float>&);
template void install_rows(Kernels<double>&);

}  // namespace fr::ref
