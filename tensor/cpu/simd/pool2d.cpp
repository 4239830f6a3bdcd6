// Pooling with channels across the lanes: the window's cells are visited once for each register of channels.
// Forward is cut over output rows, backward over images (windows of neighbouring rows may share inputs).
#include "tensor/cpu/simd/vec.h"

namespace fr::FR_ISA {
namespace {

// The part of output (p, q)'s window that lies inside the map: rows [h0, h1), columns [w0, w1).
struct Window {
  int64_t h0, h1, w0, w1;
  FR_VEC Window(const Pool2dShape& s, int64_t p, int64_t q) {
    const int64_t h = p * s.stride_h - s.pad_h, w = q * s.stride_w - s.pad_w;
    h0 = h > 0 ? h : 0, h1 = h + s.R < s.H ? h + s.R : s.H;
    w0 = w > 0 ? w : 0, w1 = w + s.S < s.W ? w + s.S : s.W;
  }
  FR_VEC bool empty() const { return h0 >= h1 || w0 >= w1; }
  FR_VEC float cells() const { return static_cast<float>((h1 - h0) * (w1 - w0)); }
};

// f(n, p, i): i is the place of (n, p, 0, 0) in y
template <class F>
FR_VEC void for_output_rows(const Pool2dShape& s, const F& f) {
  const int64_t P = s.P(), row = s.Q() * s.C;
  parallel_ranges(s.N * P, rows_per_piece(row * s.R * s.S), [&](int64_t begin, int64_t end) {
    for (int64_t np = begin; np < end; ++np) f(np / P, np % P, np * row);
  });
}

// f(n, window, i): i is the place of (n, p, q, 0) in y; images run in parallel, in order inside an image
template <class F>
FR_VEC void for_images(const Pool2dShape& s, const F& f) {
  const int64_t P = s.P(), Q = s.Q();
  parallel_ranges(s.N, rows_per_piece(s.H * s.W * s.C), [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n)
      for (int64_t p = 0; p < P; ++p)
        for (int64_t q = 0; q < Q; ++q) f(n, Window(s, p, q), ((n * P + p) * Q + q) * s.C);
  });
}

// The largest of the window and where it is, for the channels at x_c.
template <class Lanes>
FR_VEC void largest(float* y, int64_t* index, const float* x_c, const Window& window, const Pool2dShape& s,
                    Lanes lanes, int64_t count) {
  Vec best = Vec::set(0);
  Int where = Int::set(-1);
  bool first = true;
  for (int64_t h = window.h0; h < window.h1; ++h)
    for (int64_t w = window.w0; w < window.w1; ++w, first = false) {
      const Vec value = Vec::load(x_c + (h * s.W + w) * s.C, lanes);
      const Int here = Int::set(static_cast<int32_t>(h * s.W + w));
      const Mask better = larger(value, best);
      best = first ? value : select(better, value, best);
      where = first ? here : select(better, here, where);
    }
  best.store(y, lanes);
  int32_t places[Vec::width];
  where.store(places);
  for (int64_t lane = 0; lane < count; ++lane) index[lane] = places[lane];
}

void max_pool_forward(float* y, int64_t* index, const float* x, const Pool2dShape& s) {
  if (s.H * s.W > INT32_MAX) return ref_kernels<float>().max_pool_forward(y, index, x, s);
  for_output_rows(s, [&](int64_t n, int64_t p, int64_t i) {
    for (int64_t q = 0; q < s.Q(); ++q, i += s.C) {
      const Window window(s, p, q);
      for_vectors(s.C, [&](int64_t c, auto lanes) {
        const int64_t count = s.C - c < Vec::width ? s.C - c : Vec::width;
        largest(y + i + c, index + i + c, x + n * s.H * s.W * s.C + c, window, s, lanes, count);
      });
    }
  });
}

void max_pool_backward(float* dx, const float* dy, const int64_t* index, const Pool2dShape& s) {
  for_images(s, [&](int64_t n, const Window& window, int64_t i) {
    if (window.empty()) return;
    float* map = dx + n * s.H * s.W * s.C;
    for (int64_t c = 0; c < s.C; ++c) map[index[i + c] * s.C + c] += dy[i + c];
  });
}

void average_pool_forward(float* y, const float* x, const Pool2dShape& s) {
  for_output_rows(s, [&](int64_t n, int64_t p, int64_t i) {
    for (int64_t q = 0; q < s.Q(); ++q, i += s.C) {
      const Window window(s, p, q);
      const Vec share = Vec::set(window.empty() ? 0 : 1 / window.cells());
      for_vectors(s.C, [&](int64_t c, auto lanes) {
        Vec sum = Vec::set(0);
        for (int64_t h = window.h0; h < window.h1; ++h)
          for (int64_t w = window.w0; w < window.w1; ++w)
            sum = sum + Vec::load(x + ((n * s.H + h) * s.W + w) * s.C + c, lanes);
        (sum * share).store(y + i + c, lanes);
      });
    }
  });
}

void average_pool_backward(float* dx, const float* dy, const Pool2dShape& s) {
  for_images(s, [&](int64_t n, const Window& window, int64_t i) {
    const Vec share = Vec::set(window.empty() ? 0 : 1 / window.cells());
    for (int64_t h = window.h0; h < window.h1; ++h)
      for (int64_t w = window.w0; w < window.w1; ++w) {
        float* cell = dx + ((n * s.H + h) * s.W + w) * s.C;
        for_vectors(s.C, [&](int64_t c, auto lanes) {
          fma(Vec::load(dy + i + c, lanes), share, Vec::load(cell + c, lanes)).store(cell + c, lanes);
        });
      }
  });
}

}  // namespace

void install_pool2d(Kernels<float>& k) {
  k.max_pool_forward = max_pool_forward;
  k.max_pool_backward = max_pool_backward;
  k.average_pool_forward = average_pool_forward;
  k.average_pool_backward = average_pool_backward;
}

}  // namespace fr::FR_ISA
