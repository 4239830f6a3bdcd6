// Convolution (cross-correlation, zero padding) and its two adjoints. Each output is gathered by one thread:
//   y_npqk  from the taps (r, s) whose input h = p stride - pad + r dilation lies inside the map,
//   dx_nhwc from the taps whose output p = (h + pad - r dilation) / stride exists,
//   dw_krsc from all outputs (n, p, q).
#include <algorithm>

#include "tensor/cpu/ref.h"

namespace fr::ref {
namespace {

int64_t input_row(const Conv2dShape& s, int64_t p, int64_t r) {
  return p * s.stride_h - s.pad_h + r * s.dilation_h;
}
int64_t input_column(const Conv2dShape& s, int64_t q, int64_t t) {
  return q * s.stride_w - s.pad_w + t * s.dilation_w;
}
bool inside(int64_t i, int64_t size) { return 0 <= i && i < size; }

template <class T>
void conv2d_forward(T* y, const T* x, const T* w, const Conv2dShape& s) {
  const int64_t P = s.P(), Q = s.Q(), group_C = s.C / s.groups, group_K = s.K / s.groups;
  parallel_for(s.N * P, [&](int64_t np) {
    const int64_t n = np / P, p = np % P;
    for (int64_t q = 0; q < Q; ++q)
      for (int64_t k = 0; k < s.K; ++k) {
        const int64_t first_c = k / group_K * group_C;
        double sum = 0;
        for (int64_t r = 0; r < s.R; ++r)
          for (int64_t t = 0; t < s.S; ++t) {
            const int64_t h = input_row(s, p, r), column = input_column(s, q, t);
            if (!inside(h, s.H) || !inside(column, s.W)) continue;
            const T* x_c = x + ((n * s.H + h) * s.W + column) * s.C + first_c;
            const T* w_c = w + ((k * s.R + r) * s.S + t) * group_C;
            for (int64_t c = 0; c < group_C; ++c) sum += static_cast<double>(x_c[c]) * w_c[c];
          }
        y[(np * Q + q) * s.K + k] = T(sum);
      }
  });
}

// The loops need nothing prepared: a copy, for whoever relies on the entries.
int64_t conv2d_prepared_size(const Conv2dShape& s) { return s.K * s.R * s.S * (s.C / s.groups); }
template <class T>
void conv2d_prepare(T* prepared, const T* w, const Conv2dShape& s) {
  std::copy_n(w, conv2d_prepared_size(s), prepared);
}

template <class T>
void conv2d_fused_forward(T* y, const T* x, const T* w, const T* prepared, const Conv2dFinish<T>& f,
                          const Conv2dShape& s) {
  conv2d_forward(y, x, prepared ? prepared : w, s);
  parallel_for(s.N * s.P() * s.Q(), [&](int64_t row) {
    for (int64_t k = 0; k < s.K; ++k) {
      const int64_t i = row * s.K + k;
      double u = y[i];
      if (f.scale) u *= f.scale[k];
      if (f.shift) u += f.shift[k];
      if (f.slope && !(u > 0)) u *= f.slope[k];
      if (f.residual) u += f.residual[i];
      y[i] = T(u);
    }
  });
}

template <class T>
void conv2d_forward_statistics(T* y, T* mean, T* rstd, T* running_mean, T* running_var, const T* x,
                               const T* w, const Conv2dShape& s, T eps, T momentum) {
  conv2d_forward(y, x, w, s);
  ref_kernels<T>().batch_norm_statistics(mean, rstd, running_mean, running_var, y, s.N * s.P() * s.Q(), s.K,
                                         eps, momentum);
}

// The outputs of channels [first_k, first_k + group_K) that input element (n, h, w, c) touches, times their
// weights.
template <class T>
double gather_input(const T* dy, const T* w, const Conv2dShape& s, int64_t n, int64_t h, int64_t column,
                    int64_t c) {
  const int64_t P = s.P(), Q = s.Q(), group_C = s.C / s.groups, group_K = s.K / s.groups;
  const int64_t first_k = c / group_C * group_K;
  double sum = 0;
  for (int64_t r = 0; r < s.R; ++r)
    for (int64_t t = 0; t < s.S; ++t) {
      const int64_t ph = h + s.pad_h - r * s.dilation_h, qw = column + s.pad_w - t * s.dilation_w;
      if (ph % s.stride_h || qw % s.stride_w) continue;
      const int64_t p = ph / s.stride_h, q = qw / s.stride_w;
      if (!inside(p, P) || !inside(q, Q)) continue;
      const T* dy_k = dy + ((n * P + p) * Q + q) * s.K;
      for (int64_t k = first_k; k < first_k + group_K; ++k)
        sum += static_cast<double>(dy_k[k]) * w[((k * s.R + r) * s.S + t) * group_C + c % group_C];
    }
  return sum;
}

template <class T>
void conv2d_backward_input(T* dx, const T* dy, const T* w, const Conv2dShape& s, Gradient into) {
  parallel_for(s.N * s.H, [&](int64_t nh) {
    for (int64_t column = 0; column < s.W; ++column)
      for (int64_t c = 0; c < s.C; ++c)
        give(dx[(nh * s.W + column) * s.C + c], T(gather_input(dy, w, s, nh / s.H, nh % s.H, column, c)),
             into);
  });
}

template <class T>
void conv2d_backward_filter(T* dw, const T* dy, const T* x, const Conv2dShape& s, Gradient into) {
  const int64_t P = s.P(), Q = s.Q(), group_C = s.C / s.groups, group_K = s.K / s.groups;
  parallel_for(s.K * s.R * s.S, [&](int64_t krs) {
    const int64_t k = krs / (s.R * s.S), r = krs / s.S % s.R, t = krs % s.S;
    for (int64_t c = 0; c < group_C; ++c) {
      const int64_t x_c = k / group_K * group_C + c;
      double sum = 0;
      for (int64_t np = 0; np < s.N * P; ++np)
        for (int64_t q = 0; q < Q; ++q) {
          const int64_t h = input_row(s, np % P, r), column = input_column(s, q, t);
          if (inside(h, s.H) && inside(column, s.W))
            sum += static_cast<double>(dy[(np * Q + q) * s.K + k]) *
                   x[((np / P * s.H + h) * s.W + column) * s.C + x_c];
        }
      give(dw[krs * group_C + c], T(sum), into);
    }
  });
}

}  // namespace

template <class T>
void install_conv2d(Kernels<T>& k) {
  k.conv2d_forward = conv2d_forward;
  k.conv2d_prepared_size = conv2d_prepared_size;
  k.conv2d_prepare = conv2d_prepare;
  k.conv2d_fused_forward = conv2d_fused_forward;
  k.conv2d_forward_statistics = conv2d_forward_statistics;
  k.conv2d_backward_input = conv2d_backward_input;
  k.conv2d_backward_filter = conv2d_backward_filter;
}

template void install_conv2d(Kernels<float>&);
template void install_conv2d(Kernels<double>&);

}  // namespace fr::ref
