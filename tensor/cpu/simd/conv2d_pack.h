// A convolution as a matrix product whose packers read the map in place: im2col is never stored.
// Both directions are one picture: pixel (n, i, j) of a grid sees, through tap (t, u), the cell
// (i step + first + t inc, ...) of a source map. Forward: the grid is the output, the source is x. Backward: the grid
// is one phase of the input, the source is dy. Private to conv2d.cpp.
#pragma once
#include "tensor/cpu/simd/gemm_block.h"

namespace fr::FR_ISA {
namespace {

// One direction of the grid: tap t of grid place i is source cell i step + first + t inc, when in [0, limit).
struct Axis {
  int64_t size, step, first, inc, taps, limit;
  bool inside(int64_t cell) const { return static_cast<uint64_t>(cell) < static_cast<uint64_t>(limit); }
};

// The matrix (pixels of the grid) x (taps * C), row-major in the mind only.
struct TapMatrix {
  const float* x;
  Axis h, w;
  int64_t C;      // channels of one group
  int64_t pixel;  // floats from pixel to pixel: channels of all groups
  int64_t columns() const { return h.taps * w.taps * C; }
  // A row of taps is one run of memory: worth it when the channels alone are too few for a vector.
  bool runs() const { return C < 16 && w.inc == 1 && pixel == C; }
};

// A place in the grid, moved on pixel by pixel.
struct Place {
  int64_t n, i, j;
  Place(const TapMatrix& t, int64_t m)
      : n(m / (t.h.size * t.w.size)), i(m / t.w.size % t.h.size), j(m % t.w.size) {}
  void next(const TapMatrix& t) {
    if (++j < t.w.size) return;
    j = 0;
    if (++i < t.h.size) return;
    i = 0, ++n;
  }
};

// dst <- columns [begin, end) of the row at `at`, when the matrix has runs.
FR_INLINE void gather_runs(float* dst, const TapMatrix& t, const Place& at, int64_t begin, int64_t end) {
  const int64_t length = t.w.taps * t.C, w0 = at.j * t.w.step + t.w.first;
  const int64_t valid_lo = most(0, -w0) * t.C, valid_hi = most(0, least(t.w.taps, t.w.limit - w0)) * t.C;
  for (int64_t r = begin / length; r * length < end; ++r) {
    const int64_t lo = most(begin, r * length), hi = least(end, (r + 1) * length),
                  h = at.i * t.h.step + t.h.first + r * t.h.inc;
    if (!t.h.inside(h) || valid_lo >= valid_hi) {
      zero_floats(dst + lo - begin, hi - lo);
      continue;
    }
    const int64_t from = least(hi, most(lo, r * length + valid_lo)),
                  to = most(from, least(hi, r * length + valid_hi));
    const float* src = t.x + ((at.n * t.h.limit + h) * t.w.limit + w0) * t.C - r * length;
    zero_floats(dst + lo - begin, from - lo);
    copy_floats(dst + from - begin, src + from, to - from);
    zero_floats(dst + to - begin, hi - to);
  }
}

// As the left operand: pixels down, taps and channels along.
struct TapA {
  TapMatrix t;

  void pack(float* dst, int64_t group, int64_t m0, int64_t m, int64_t k0, int64_t k, int panel) const {
    Place at(t, m0);
    for (int64_t i = 0; i < m; i += panel, dst += panel * k) {
      const int rows = static_cast<int>(least(panel, m - i));
      if (t.runs())
        pack_runs(dst, at, rows, k0, k, panel);
      else
        pack_taps(dst, at, group, rows, k0, k, panel);
    }
  }

  void pack_runs(float* dst, Place& at, int rows, int64_t k0, int64_t k, int panel) const {
    alignas(64) float row[kWidth][kBlockK];
    const float* address[kWidth];
    for (int i = 0; i < kWidth; ++i) address[i] = kZeros;
    for (int i = 0; i < rows; ++i, at.next(t)) {
      gather_runs(row[i], t, at, k0, k0 + k);
      address[i] = row[i];
    }
    transpose_rows(dst, panel, address, k);
  }

  void pack_taps(float* dst, Place& at, int64_t group, int rows, int64_t k0, int64_t k, int panel) const {
    const float* origin[kWidth];  // where tap offset (0, 0) would be
    int64_t h[kWidth], w[kWidth];
    for (int i = 0; i < rows; ++i, at.next(t)) {
      h[i] = at.i * t.h.step + t.h.first, w[i] = at.j * t.w.step + t.w.first;
      origin[i] = t.x + ((at.n * t.h.limit + h[i]) * t.w.limit + w[i]) * t.pixel + group * t.C;
    }
    const float* address[kWidth];
    for (int i = rows; i < kWidth; ++i) address[i] = kZeros;
    int64_t c = k0 % t.C, u = k0 / t.C % t.w.taps, r = k0 / t.C / t.w.taps;
    for (int64_t done = 0; done < k;) {
      const int64_t length = least(t.C - c, k - done), dh = r * t.h.inc, dw = u * t.w.inc;
      const int64_t offset = (dh * t.w.limit + dw) * t.pixel + c;
      for (int i = 0; i < rows; ++i)
        address[i] = t.h.inside(h[i] + dh) && t.w.inside(w[i] + dw) ? origin[i] + offset : kZeros;
      transpose_rows(dst + done * panel, panel, address, length);
      done += length, c = 0;
      if (++u == t.w.taps) u = 0, ++r;
    }
  }
};

// As the right operand of the filter gradient: pixels are summed over, taps and channels are columns.
struct TapB {
  static constexpr bool kShare = false;  // packed for all row tiles at once it would be the whole of im2col
  TapMatrix t;

  void pack(float* dst, int64_t group, int64_t n0, int64_t n, int64_t k0, int64_t k) const {
    for (int64_t j = 0; j < n; j += kPanel, dst += kPanel * k) {
      const int64_t columns = least(kPanel, n - j), width = columns <= kWidth ? kWidth : kPanel;
      if (t.runs())
        pack_runs(dst, n0 + j, columns, width, k0, k);
      else
        pack_taps(dst, group, n0 + j, columns, width, k0, k);
    }
  }

  void pack_runs(float* dst, int64_t first, int64_t columns, int64_t width, int64_t k0, int64_t k) const {
    Place at(t, k0);
    for (int64_t i = 0; i < k; ++i, dst += width, at.next(t)) {
      gather_runs(dst, t, at, first, first + columns);
      for (int64_t j = columns; j < width; ++j) dst[j] = 0;
    }
  }

  // The part of a panel that lies in one tap, for all pixels; then the next tap.
  void pack_taps(float* dst, int64_t group, int64_t first, int64_t columns, int64_t width, int64_t k0,
                 int64_t k) const {
    for (int64_t done = 0; done < columns;) {
      const int64_t c = (first + done) % t.C, tap = (first + done) / t.C;
      const int64_t length = least(t.C - c, columns - done);
      const int64_t fh = t.h.first + tap / t.w.taps * t.h.inc, fw = t.w.first + tap % t.w.taps * t.w.inc;
      const float* x = t.x + group * t.C + c;
      Place at(t, k0);
      float* y = dst + done;
      for (int64_t i = 0; i < k; ++i, y += width, at.next(t)) {
        const int64_t h = at.i * t.h.step + fh, w = at.j * t.w.step + fw;
        if (t.h.inside(h) && t.w.inside(w))
          copy_floats(y, x + ((at.n * t.h.limit + h) * t.w.limit + w) * t.pixel, length);
        else
          zero_floats(y, length);
      }
      done += length;
    }
    for (int64_t i = 0; i < k; ++i)
      for (int64_t j = columns; j < width; ++j) dst[i * width + j] = 0;
  }
};

}  // namespace
}  // namespace fr::FR_ISA
