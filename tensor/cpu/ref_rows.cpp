// Row by row: unit length, softmax cross-entropy, margin softmax, rows by number.
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

// The margin at a class.
Margin own_margin(const Margin& margin, const auto* class_margin, int64_t label) {
  return class_margin ? scaled_margin(margin, static_cast<double>(class_margin[label])) : margin;
}

// A cosine of -infinity: no class.
template <class T>
bool left_out(T c) {
  return c == -std::numeric_limits<T>::infinity();
}

// The clamp lets a NaN pass.
template <class T>
void margin_softmax_forward(T* loss, T* lse, T* h, T* dh, T* c, const T* scale, const T* class_scale,
                            const int64_t* label, const Margin& margin, const T* class_margin, int64_t N,
                            int64_t M) {
  for (int64_t n = 0; n < N; ++n) {
    T* c_n = c + n * M;
    for (int64_t m = 0; m < M; ++m)
      if (!left_out(c_n[m])) c_n[m] = c_n[m] < -1 ? T(-1) : c_n[m] > 1 ? T(1) : c_n[m];
    const MarginValue<T> target = margin_value(own_margin(margin, class_margin, label[n]), c_n[label[n]]);
    for (int64_t m = 0; class_scale && m < M; ++m)
      if (!left_out(c_n[m])) c_n[m] *= class_scale[m];
    const T value = class_scale ? class_scale[label[n]] * target.h : target.h;
    const double s = scale[n];
    const double l = log_sum_exp(M, [&](int64_t m) -> double {
      if (m == label[n]) return s * value;
      return left_out(c_n[m]) ? double(c_n[m]) : s * c_n[m];
    });
    h[n] = target.h;
    dh[n] = target.dh;
    lse[n] = T(l);
    loss[n] = T(l - s * value);
  }
}

// exp(z - lse). Where z is so large that rounding moves the difference above 0 it is still no more than 1; a NaN passes.
template <class T>
T probability(T z, T lse) {
  const T x = z - lse;
  return std::exp(x > 0 ? T(0) : x);
}

template <class T>
void margin_softmax_backward(T* g, T* dscale, T* d_label, T* radial, const T* dloss, const T* c,
                             const T* scale, const T* class_scale, const T* lse, const T* h, const T* dh,
                             const T* f, const int64_t* label, int64_t N, int64_t M) {
  for (int64_t n = 0; n < N; ++n) {
    const T factor = f ? f[n] : dh[n];
    double sum = 0;
    for (int64_t m = 0; m < M; ++m) {
      const bool target = m == label[n];
      const T a = class_scale ? class_scale[m] : T(1), c_nm = c[n * M + m];
      if (!target && left_out(c_nm)) {
        g[n * M + m] = 0;
        continue;
      }
      const T value = target ? a * h[n] : c_nm;  // z / scale
      const T d = dloss[n] * (probability(scale[n] * value, lse[n]) - T(target));
      if (target) d_label[n] = d;
      if (target && radial) radial[n] = scale[n] * d * (h[n] - factor * (a != 0 ? c_nm / a : T(0)));
      sum += static_cast<double>(d) * value;
      g[n * M + m] = scale[n] * a * (target ? factor : T(1)) * d;
    }
    if (dscale) dscale[n] += T(sum);
  }
}

template <class T>
void gather_rows(T* y, const T* x, const int64_t* i, int64_t N, int64_t D) {
  for (int64_t n = 0; n < N; ++n) std::copy_n(x + i[n] * D, D, y + n * D);
}

template <class T>
void scatter_add_rows(T* y, const T* x, const T* a, const int64_t* i, int64_t N, int64_t, int64_t D) {
  for (int64_t n = 0; n < N; ++n)
    for (int64_t d = 0; d < D; ++d) y[i[n] * D + d] += a ? a[n] * x[n * D + d] : x[n * D + d];
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
  k.gather_rows = gather_rows;
  k.scatter_add_rows = scatter_add_rows;
}

template void install_rows(Kernels<float>&);
template void install_rows(Kernels<double>&);

}  // namespace fr::ref
