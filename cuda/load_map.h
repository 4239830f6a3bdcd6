// Panels of a tile product from a map (N, height, width, channels), gathered where it lies; loaders as in cuda/load_matrix.h.
//   PixelsLoader    A of a convolution: row (n, i, j) of a grid, k = (r, s, c): the map at (i scale + start + r step, ...)
//   PatchesLoader   B of a filter gradient: the same values with k = (n, i, j) and columns (r, s, c)
#pragma once
#include "cuda/load_matrix.h"

namespace fr::FR_GPU {

constexpr int kFar = -(1 << 30);  // a coordinate that no tap brings back into the map

// How pixel (n, i, j) of a grid looks at a map (N, height, width, channels of all groups): tap (r, s) is at
// (i scale_h + start_h + r step_h, j scale_w + start_w + s step_w). An image has fewer than 2^31 elements, the map may have more.
template <class T>
struct Window {
  const T* map = nullptr;
  int64_t image = 0;           // elements of an image of the map
  int line = 0, pixel = 0;     // elements between lines, between pixels
  int height = 0, width = 0;   // of the map
  int rows = 1, columns = 1;   // of the grid
  int taps_h = 0, taps_w = 1;  // r < taps_h, s < taps_w
  int channels = 1;            // of the group
  int scale_h = 1, scale_w = 1, start_h = 0, start_w = 0, step_h = 1, step_w = 1;
  int64_t pixels = 0;  // of the grid, all images
};

// Where a loader stands in a map: elements, or with vector access chunks, for which 32 bits reach 32 GB.
template <Access access>
using MapOffset = std::conditional_t<access == Access::vector, int, int64_t>;
template <Access access, class T>
constexpr int kMapUnit = access == Access::vector ? kPack<T> : 1;

template <class T>
FR_DEVICE const void* chunk_of(const T* map, int i) {
  return reinterpret_cast<const Pack<T, kPack<T>>*>(map) + i;
}

template <class Panel, Access access>
class PixelsLoader {
  using T = typename Panel::Element;
  static_assert(Panel::contiguous == Contiguous::k);

 public:
  FR_DEVICE PixelsLoader(const Window<T>& w, int group, int64_t first, int64_t k)
      : mine_(Panel::my_place()),
        tap_(int(k) + Panel::my_chunk() * Panel::values, w.taps_w, w.channels),
        window_(w) {
    for (int i = 0; i < Panel::copies; ++i) {
      const int64_t m = first + Panel::my_line() + i * Panel::line_step;
      const int64_t line = divide(m, w.columns), n = divide(line, w.rows);
      const bool inside = m < w.pixels;
      h_[i] = inside ? int(line - n * w.rows) * w.scale_h + w.start_h : kFar;
      w_[i] = int(m - line * w.columns) * w.scale_w + w.start_w;
      const int64_t first_tap =
          n * w.image + group * w.channels + int64_t(h_[i]) * w.line + int64_t(w_[i]) * w.pixel;
      from_[i] = inside ? MapOffset<access>(first_tap / kMapUnit<access, T>) : 0;
    }
  }
  FR_DEVICE void copy(char* panel) const {
    const Window<T>& w = window_;
    if constexpr (access == Access::vector) {
      const int h = tap_.r * w.step_h, column = tap_.s * w.step_w;
      const int offset = (h * w.line + column * w.pixel + tap_.c) >> (Panel::values == 8 ? 3 : 2);
      const int end = tap_.r < w.taps_h ? w.height : 0;
      FR_UNROLL
      for (int i = 0; i < Panel::copies; ++i) {
        const bool ok = uint32_t(h_[i] + h) < uint32_t(end) && uint32_t(w_[i] + column) < uint32_t(w.width);
        copy_async16(Panel::copy_place(panel, mine_, i), chunk_of(w.map, from_[i] + offset), ok);
      }
    } else {
      FR_ROLLED
      for (int i = 0; i < Panel::copies; ++i) {
        Pack<T, Panel::values> chunk;
        Tap t = tap_;
        FR_UNROLL
        for (int e = 0; e < Panel::values; ++e, t.advance(1, w.taps_w, w.channels)) {
          const int h = t.r * w.step_h, column = t.s * w.step_w;
          const bool ok = t.r < w.taps_h && uint32_t(h_[i] + h) < uint32_t(w.height) &&
                          uint32_t(w_[i] + column) < uint32_t(w.width);
          chunk.v[e] = ok ? w.map[from_[i] + (h * w.line + column * w.pixel + t.c)] : T(0.0f);
        }
        store<T, Panel::values>(Panel::copy_place(panel, mine_, i), chunk);
      }
    }
  }
  FR_DEVICE void advance() { tap_.advance(Panel::depth, window_.taps_w, window_.channels); }

 private:
  MapOffset<access> from_[Panel::copies];  // tap (0, 0), perhaps outside the map
  int h_[Panel::copies], w_[Panel::copies];
  int mine_;
  Tap tap_;
  const Window<T>& window_;
};

// How a pixel of the grid moves on by `depth` of them: an addition with carries in (column, row, image), and what each part of
// it does to the place in the map. The host's part of PatchesLoader, so that it takes no registers.
template <class T, Access access>
struct PixelStep {
  int w, h;
  MapOffset<access> all, next_line, next_image;
  explicit PixelStep(const Window<T>& v) {
    constexpr int64_t depth = 64 / sizeof(T), unit = kMapUnit<access, T>;
    const int64_t lines = depth / v.columns, images = lines / v.rows;
    w = int(depth % v.columns) * v.scale_w, h = int(lines % v.rows) * v.scale_h;
    all = MapOffset<access>((int64_t(w) * v.pixel + int64_t(h) * v.line + images * v.image) / unit);
    next_line =
        MapOffset<access>((int64_t(v.scale_h) * v.line - int64_t(v.columns) * v.scale_w * v.pixel) / unit);
    next_image = MapOffset<access>((v.image - int64_t(v.rows) * v.scale_h * v.line) / unit);
  }
};

template <class Panel, Access access>
class PatchesLoader {
  using T = typename Panel::Element;
  static_assert(Panel::contiguous == Contiguous::side);

 public:
  FR_DEVICE PatchesLoader(const Window<T>& w, const PixelStep<T, access>& step, int group, int64_t first,
                          int64_t k)
      : tap_(int(first) + Panel::my_chunk() * Panel::values, w.taps_w, w.channels),
        mine_(Panel::my_place()),
        left_(int(w.pixels - k - Panel::my_line())),
        window_(w),
        step_(step) {
    if (tap_.r >= w.taps_h) left_ = 0;
    for (int i = 0; i < Panel::copies; ++i) {
      const int64_t m = k + Panel::my_line() + i * Panel::line_step;
      const int64_t line = divide(m, w.columns), n = divide(line, w.rows);
      h_[i] = int(line - n * w.rows) * w.scale_h + w.start_h;
      w_[i] = int(m - line * w.columns) * w.scale_w + w.start_w;
      from_[i] =
          MapOffset<access>((n * w.image + group * w.channels + int64_t(h_[i]) * w.line +
                             int64_t(w_[i]) * w.pixel + (access == Access::vector ? offset(tap_) : 0)) /
                            kMapUnit<access, T>);
    }
    tap_h_ = tap_.r * w.step_h, tap_w_ = tap_.s * w.step_w;
  }
  FR_DEVICE void copy(char* panel) const {
    if constexpr (access == Access::vector) {
      FR_UNROLL
      for (int i = 0; i < Panel::copies; ++i)
        copy_async16(Panel::copy_place(panel, mine_, i), chunk_of(window_.map, from_[i]),
                     inside(tap_h_, tap_w_, i));
    } else {
      FR_ROLLED
      for (int i = 0; i < Panel::copies; ++i) {
        Pack<T, Panel::values> chunk;
        Tap t = tap_;
        FR_UNROLL
        for (int e = 0; e < Panel::values; ++e, t.advance(1, window_.taps_w, window_.channels))
          chunk.v[e] = t.r < window_.taps_h && inside(t.r * window_.step_h, t.s * window_.step_w, i)
                           ? window_.map[from_[i] + offset(t)]
                           : T(0.0f);
        store<T, Panel::values>(Panel::copy_place(panel, mine_, i), chunk);
      }
    }
  }
  FR_DEVICE void advance() {
    const Window<T>& w = window_;
    left_ -= Panel::depth;
    FR_UNROLL
    for (int i = 0; i < Panel::copies; ++i) {
      w_[i] += step_.w, h_[i] += step_.h, from_[i] += step_.all;
      if (w_[i] >= w.start_w + w.columns * w.scale_w)
        w_[i] -= w.columns * w.scale_w, h_[i] += w.scale_h, from_[i] += step_.next_line;
      if (h_[i] >= w.start_h + w.rows * w.scale_h) h_[i] -= w.rows * w.scale_h, from_[i] += step_.next_image;
    }
  }

 private:
  FR_DEVICE int offset(const Tap& t) const {
    return t.r * window_.step_h * window_.line + t.s * window_.step_w * window_.pixel + t.c;
  }
  FR_DEVICE bool inside(int h, int column, int i) const {
    return i * Panel::line_step < left_ && uint32_t(h_[i] + h) < uint32_t(window_.height) &&
           uint32_t(w_[i] + column) < uint32_t(window_.width);
  }
  MapOffset<access> from_[Panel::copies];  // with vector access of the thread's tap, else of tap (0, 0)
  int h_[Panel::copies], w_[Panel::copies];
  Tap tap_;
  int mine_, left_, tap_h_, tap_w_;
  const Window<T>& window_;
  const PixelStep<T, access>& step_;
};

}  // namespace fr::FR_GPU
