// Depthwise convolution, one filter per channel: no matrix product, lanes run over channels. It is bound by memory, so
// the loops stay plain. Private to conv2d.cpp.
#pragma once
#include "tensor/cpu/simd/gemm_vector.h"

namespace fr::FR_ISA {
namespace {

// w (C, R S) -> (R S, C)
inline void transpose_filters(float* y, const float* w, int64_t C, int64_t taps) {
  for (int64_t t = 0; t < taps; ++t)
    for (int64_t c = 0; c < C; ++c) y[t * C + c] = w[c * taps + t];
}

inline bool in_range(int64_t i, int64_t n) { return i >= 0 && i < n; }

inline void depthwise_forward(float* y, const float* x, const float* w, const Conv2dShape& s) {
  const int64_t P = s.P(), Q = s.Q(), C = s.C;
  if (s.N * P * Q * C == 0) return;
  Scratch<float> taps(static_cast<size_t>(s.R * s.S * C));
  transpose_filters(taps.get(), w, C, s.R * s.S);
  parallel_for(s.N * P, [&](int64_t row) {
    const int64_t n = row / P, h0 = row % P * s.stride_h - s.pad_h;
    for (int64_t q = 0; q < Q; ++q) {
      const int64_t w0 = q * s.stride_w - s.pad_w;
      for_channels(C, [&](int64_t c, auto... mask) {
        Vec sum = vec_zero();
        for (int64_t r = 0; r < s.R; ++r)
          for (int64_t t = 0; t < s.S; ++t) {
            const int64_t h = h0 + r * s.dilation_h, v = w0 + t * s.dilation_w;
            if (!in_range(h, s.H) || !in_range(v, s.W)) continue;
            sum = vec_fma(vec_load(x + ((n * s.H + h) * s.W + v) * C + c, mask...),
                          vec_load(taps.get() + (r * s.S + t) * C + c, mask...), sum);
          }
        vec_store(y + (row * Q + q) * C + c, sum, mask...);
      });
    }
  });
}

// Every dx_nhwc gathers the outputs that saw it: p = (h + pad - r dilation) / stride where that is whole.
inline void depthwise_backward_input(float* dx, const float* dy, const float* w, const Conv2dShape& s) {
  const int64_t P = s.P(), Q = s.Q(), C = s.C;
  if (s.N * P * Q * C == 0) return;
  Scratch<float> taps(static_cast<size_t>(s.R * s.S * C));
  transpose_filters(taps.get(), w, C, s.R * s.S);
  parallel_for(s.N * s.H, [&](int64_t row) {
    const int64_t n = row / s.H, h = row % s.H;
    for (int64_t r = 0; r < s.R; ++r) {
      const int64_t ph = h + s.pad_h - r * s.dilation_h;
      if (ph % s.stride_h != 0 || !in_range(ph / s.stride_h, P) || ph < 0) continue;
      for (int64_t v = 0; v < s.W; ++v)
        for (int64_t t = 0; t < s.S; ++t) {
          const int64_t qw = v + s.pad_w - t * s.dilation_w;
          if (qw % s.stride_w != 0 || !in_range(qw / s.stride_w, Q) || qw < 0) continue;
          const float* g = dy + ((n * P + ph / s.stride_h) * Q + qw / s.stride_w) * C;
          float* out = dx + (row * s.W + v) * C;
          for_channels(C, [&](int64_t c, auto... mask) {
            const Vec f = vec_load(taps.get() + (r * s.S + t) * C + c, mask...);
            vec_store(out + c, vec_fma(vec_load(g + c, mask...), f, vec_load(out + c, mask...)), mask...);
          });
        }
    }
  });
}

// Rows of outputs are cut into at most 32 pieces with a partial sum each, added in order.
inline void depthwise_backward_filter(float* dw, const float* dy, const float* x, const Conv2dShape& s) {
  const int64_t P = s.P(), Q = s.Q(), C = s.C, taps = s.R * s.S, rows = s.N * P;
  if (rows * Q * C == 0) return;
  const int64_t pieces = least(rows, 32), step = ceil_div(rows, pieces);
  Scratch<float> partial(static_cast<size_t>(pieces * taps * C));
  parallel_for(pieces, [&](int64_t piece) {
    float* sum = partial.get() + piece * taps * C;
    for (int64_t i = 0; i < taps * C; ++i) sum[i] = 0;
    for (int64_t row = piece * step; row < least(rows, (piece + 1) * step); ++row)
      for (int64_t q = 0; q < Q; ++q)
        for (int64_t tap = 0; tap < taps; ++tap) {
          const int64_t h = row % P * s.stride_h - s.pad_h + tap / s.S * s.dilation_h;
          const int64_t v = q * s.stride_w - s.pad_w + tap % s.S * s.dilation_w;
          if (!in_range(h, s.H) || !in_range(v, s.W)) continue;
          const float* a = x + ((row / P * s.H + h) * s.W + v) * C;
          const float* g = dy + (row * Q + q) * C;
          for_channels(C, [&](int64_t c, auto... mask) {
            float* y = sum + tap * C + c;
            vec_store(y, vec_fma(vec_load(a + c, mask...), vec_load(g + c, mask...), vec_load(y, mask...)),
                      mask...);
          });
        }
  });
  for (int64_t c = 0; c < C; ++c)
    for (int64_t t = 0; t < taps; ++t) {
      float sum = 0;
      for (int64_t piece = 0; piece < pieces; ++piece)
        sum += partial[static_cast<size_t>((piece * taps + t) * C + c)];
      dw[c * taps + t] += sum;
    }
}

}  // namespace
}  // namespace fr::FR_ISA
