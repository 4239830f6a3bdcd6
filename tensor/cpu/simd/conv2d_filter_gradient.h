// Gradient of the filter, dw_krsc = sum over outputs dy_npqk x_n,(p stride - pad + r dilation),(...),c, with each operand
// packed once for all taps. A piece takes some rows of outputs at a time: dy as panels of filters, and of x a panel of
// channels for each s, with rows of one remainder by the stride together:
//   planes[s][row phase][row][q][kPanel],   the row of output p under tap r is p + (r dilation) / stride of phase (r dilation) % stride
// so that under every tap the outputs of the block are one run of memory, and the product is the plain tile of
// gemm_micro.h. Private to conv2d.cpp.
#pragma once
#include "tensor/cpu/simd/gemm_block.h"

namespace fr::FR_ISA {
namespace {

// The panel height that wastes the fewest rows; 0.4 rows stand for the fixed cost of a call.
FR_INLINE int panel_rows(int64_t M) {
  if (M <= kMaxRows) return static_cast<int>(M);
  int best = kMaxRows;
  double least_cost = 1e300;
  for (int rows = kMaxRows; rows > kMaxRows / 2; --rows) {
    const double cost = static_cast<double>(ceil_div(M, rows)) * (rows + 0.4);
    if (cost < least_cost) least_cost = cost, best = rows;
  }
  return best;
}

constexpr int64_t kGradientOutputs = 256, kGradientPanels = 1 << 16;  // of a block: outputs, floats of dy
constexpr int64_t kGradientSums = 80 << 10;                           // floats of dw that a piece adds to
constexpr int64_t kGradientInputs = 1 << 14;                          // floats of x that are packed together
constexpr int64_t kGradientSlice = 384;                               // outputs of a slice, at least

struct FilterGradient {
  const Conv2dShape& s;
  const float *dy, *x;
  int64_t P, Q, lines;    // lines: rows of outputs, of all images
  int64_t shift;          // rows that a block of x has more than the block of dy
  int64_t rows;           // of outputs in a block
  int64_t range, ranges;  // channels of a piece, how many such
  int64_t slice, slices;  // lines of a piece, how many such
  int64_t together;       // panels of x that are packed together
  int panel;              // filters of a panel of dy

  FilterGradient(const Conv2dShape& shape, const float* gradient, const float* input)
      : s(shape), dy(gradient), x(input), P(s.P()), Q(s.Q()), lines(s.N * P) {
    shift = (s.R - 1) * s.dilation_h / s.stride_h;
    panel = panel_rows(s.K);
    const int64_t outputs = least(kGradientOutputs, kGradientPanels / s.K);
    rows = least(shift > 0 ? P : lines, most(1, outputs / Q));
    if (shift > 0) rows = ceil_div(P, ceil_div(P, rows));
    range = least(round_up(s.C, kPanel), most(1, kGradientSums / (s.K * taps() * kPanel)) * kPanel);
    ranges = ceil_div(s.C, range);
    slices = most(1, least(ceil_div(kPieces, ranges), lines * Q / kGradientSlice));
    slice = ceil_div(lines, slices);
    slices = ceil_div(lines, slice);
    together = most(1, least(range / kPanel, kGradientInputs / planes()));
  }
  int64_t taps() const { return s.R * s.S; }
  int64_t plane_rows() const { return rows + shift; }
  int64_t plane() const { return plane_rows() * Q * kPanel; }
  int64_t planes() const { return s.S * s.stride_h * plane(); }
  int64_t gradients() const { return round_up(ceil_div(s.K, panel) * panel * rows * Q + kPanel, 16); }

  // [panel of filters][output][panel] for `count` outputs from dy on. Strips of outputs are contiguous: the next one is
  // asked for as a whole, since reading a few floats of each output gives the processor no stream to follow.
  void pack_gradients(float* to, const float* from, int64_t count) const {
    const Mask whole = first_lanes(panel);
    for_strips(count, [&](int64_t begin, int64_t end) {
      const float *strip = from + begin * s.K, *next = from + end * s.K;
      for (int64_t i = 0; i < (end - begin) * s.K; i += 16)
        _mm_prefetch(reinterpret_cast<const char*>(next + i), _MM_HINT_T0);
      for (int64_t m = 0; m < s.K; m += panel) {
        const Mask mask = first_lanes(static_cast<int>(least(panel, s.K - m)));
        float* y = to + m * count + begin * panel;
        for (int64_t j = 0; j < end - begin; ++j, y += panel) {
          const Vec row = vec_load(strip + j * s.K + m, mask);
          if (begin + j + 1 < count)
            vec_store(y, row);  // spills into the next output, which comes after
          else
            vec_store(y, row, whole);
        }
      }
    });
  }

  // Some panels of channels, [panel][planes], of the inputs of `count` lines from `line` on.
  struct Channels {
    int64_t begin, end;
    int64_t count(int64_t c) const { return least(kPanel, end - c); }
    int64_t width(int64_t c) const { return packed_columns(count(c)); }
  };
  void pack_inputs(float* to, int64_t line, int64_t count, const Channels& c) const {
    for (int64_t t = 0; t < s.S; ++t)
      for (int64_t a = 0; a < s.stride_h; ++a, to += plane())
        if (phase_used(a))
          for (int64_t i = 0; i < count + shift; ++i) pack_row(to, i, line, a, t * s.dilation_w - s.pad_w, c);
  }
  bool phase_used(int64_t a) const {
    for (int64_t r = 0; r < s.R; ++r)
      if (r * s.dilation_h % s.stride_h == a) return true;
    return false;
  }
  void pack_row(float* plane_of, int64_t i, int64_t line, int64_t a, int64_t w0, const Channels& c) const {
    const int64_t n = shift > 0 ? line / P : (line + i) / P, p = shift > 0 ? line % P + i : (line + i) % P;
    const int64_t h = p * s.stride_h - s.pad_h + a;
    // [first, last): the outputs whose input is in the map
    const bool outside = h < 0 || h >= s.H;
    const int64_t first = outside ? Q : least(Q, w0 < 0 ? ceil_div(-w0, s.stride_w) : 0);
    const int64_t last = outside ? Q : most(first, least(Q, s.W > w0 ? ceil_div(s.W - w0, s.stride_w) : 0));
    for (int64_t j = c.begin; j < c.end; j += kPanel) {
      const int64_t width = c.width(j);
      float* to = plane_of + (j - c.begin) / kPanel * planes() + i * Q * width;
      zero_floats(to, first * width);
      zero_floats(to + last * width, (Q - last) * width);
    }
    if (first < last)
      copy_pixels(plane_of + (i * Q + first) * kPanel,
                  x + ((n * s.H + h) * s.W + w0 + first * s.stride_w) * s.C, last - first, i * Q + first, c);
  }
  // All channels of a pixel before the next pixel: what is read lies together.
  void copy_pixels(float* to, const float* from, int64_t count, int64_t place, const Channels& c) const {
    const int64_t step = s.stride_w * s.C,
                  ahead = c.end < s.C ? c.end - c.begin
                                      : 8 * step;  // the next panels of these pixels, or later pixels

    const int64_t full = c.begin + (c.end - c.begin) / kPanel * kPanel;
    for (int64_t q = 0; q < count; ++q, from += step) {
      float* y = to + q * kPanel;
      for (int64_t j = c.begin; j < full; j += kPanel, y += planes()) {
        for (int v = 0; v < kPanel; v += 16)
          _mm_prefetch(reinterpret_cast<const char*>(from + ahead + j + v), _MM_HINT_T0);
        vec_store(y, vec_load(from + j));
        vec_store(y + kWidth, vec_load(from + j + kWidth));
      }
      if (full < c.end) {
        const int64_t width = c.width(full), channels = c.count(full);
        y -= (place + q) * (kPanel - width);
        copy_floats(y, from + full, channels);
        zero_floats(y + channels, width - channels);
      }
    }
  }

  // The next block of dy, asked for a little at every tile, so that memory works while the product does.
  struct Ahead {
    const float *at, *end;
    int64_t step;
    void next() {
      for (const float* last = at + least(step, end - at); at < last; at += 16)
        _mm_prefetch(reinterpret_cast<const char*>(at), _MM_HINT_T1);
    }
  };
  Ahead next_block(int64_t line, int64_t last, int64_t channels) const {
    const int64_t tiles = ceil_div(channels, kPanel) * taps() * ceil_div(s.K, panel);
    const float* at = dy + line * Q * s.K;
    const int64_t floats = least(rows, last - line) * Q * s.K;
    return {at, at + floats, round_up(ceil_div(floats, tiles), 16)};
  }

  // sums (K, R, S, C) <- beta sums + the share of `count` lines, for the channels of one panel
  void add_panel(float* sums, const float* gradient, const float* inputs, int64_t count, int64_t c0,
                 int64_t channels, int64_t width, float beta, Ahead& ahead) const {
    const int64_t k = count * Q, row = taps() * s.C;
    const MicroKernel whole = micro_of(panel, width > kWidth);
    for (int64_t tap = 0; tap < taps(); ++tap) {
      const int64_t down = tap / s.S * s.dilation_h;
      const float* b =
          inputs + (tap % s.S * s.stride_h + down % s.stride_h) * plane() + down / s.stride_h * Q * width;
      for (int64_t m = 0; m < s.K; m += panel) {
        ahead.next();
        float* to[kMaxRows];
        for (int i = 0; i < panel; ++i) to[i] = sums + (m + i) * row;
        whole(k, gradient + m * k, b,
              {to, tap * s.C + c0, static_cast<int>(least(panel, s.K - m)), static_cast<int>(channels), 1,
               beta});
      }
    }
  }

  void piece(float* sums, int64_t index, float beta, float* gradient, float* inputs) const {
    const int64_t first = index % ranges * range, end = least(s.C, first + range);
    const int64_t last = least(lines, (index / ranges + 1) * slice);
    for (int64_t line = index / ranges * slice, count; line < last; line += count) {
      count = least(rows, last - line);
      if (shift > 0) count = least(count, P - line % P);
      Ahead ahead = next_block(line + count, last, end - first);
      pack_gradients(gradient, dy + line * Q * s.K, count * Q);
      for (int64_t c = first; c < end; c += together * kPanel) {
        const Channels group{c, least(end, c + together * kPanel)};
        pack_inputs(inputs, line, count, group);
        for (int64_t j = 0; c + j < group.end; j += kPanel)
          add_panel(sums, gradient, inputs + j / kPanel * planes(), count, c + j, group.count(c + j),
                    group.width(c + j), beta, ahead);
      }
      beta = 1;
    }
  }

  // dw <- beta dw + the sums of all slices, in order
  void add_slices(float* dw, const float* sums, float beta) const {
    const int64_t floats = s.K * taps() * s.C;
    parallel_ranges(floats, 4096, [&](int64_t begin, int64_t end) {
      for_channels(
          end - begin, [&](int64_t i, auto... mask) __attribute__((always_inline)) {
            float* y = dw + begin + i;
            Vec sum = vec_load(sums + begin + i, mask...);
            for (int64_t t = 1; t < slices; ++t)
              sum = vec_add(sum, vec_load(sums + t * floats + begin + i, mask...));
            if (beta != 0) sum = vec_fma(vec_set(beta), vec_load(y, mask...), sum);
            vec_store(y, sum, mask...);
          });
    });
  }

  void run(float* dw, float beta) const {
    const int64_t pieces = slices * ranges, workers = least(pieces, threads()), floats = s.K * taps() * s.C;
    const int64_t own = gradients() + together * planes(), partial = slices > 1 ? slices * floats : 0;
    Scratch<float> memory(static_cast<size_t>(workers * own + partial));
    float* sums = memory.get() + workers * own;
    for_each_piece(workers, pieces, [&](int64_t worker, int64_t i) {
      float* gradient = memory.get() + worker * own;
      if (slices > 1)
        piece(sums + i / ranges * floats, i, 0, gradient, gradient + gradients());
      else
        piece(dw, i, beta, gradient, gradient + gradients());
    });
    if (slices > 1) add_slices(dw, sums, beta);
  }
};

// Worth it where a block is long enough, and not so few filters that packing x takes longer than the product.
inline bool filter_gradient_pays(const Conv2dShape& s) {
  const int64_t outputs = s.P() * s.Q();
  return s.groups == 1 && s.C >= kWidth && s.K >= kWidth && s.N * outputs >= kGradientOutputs &&
         s.Q() <= kGradientOutputs && (outputs >= 128 || (s.R - 1) * s.dilation_h < s.stride_h);
}

}  // namespace
}  // namespace fr::FR_ISA
