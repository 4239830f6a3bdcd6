// Panels of a tile product from matrices. A loader belongs to one thread and one operand: it finds its place once, with
// divisions, then copies its chunks of one depth of k after the other, stepping without any. What lies outside arrives as
// zeros, so that the sums need no bounds.
//   MatrixLoader       rows of a matrix, or of its transpose
//   FilterTapsLoader   B of an input gradient: k = (r, s, filter), columns c of filters (filters, R, S, channels)
#pragma once
#include "cuda/panel.h"

namespace fr::FR_GPU {

template <class T>
struct MatrixView {
  const T* p = nullptr;
  int64_t line = 0;         // elements between lines
  int64_t side = 0, k = 0;  // extents
};

template <class Panel, Access access>
class MatrixLoader {
  using T = typename Panel::Element;

 public:
  FR_DEVICE MatrixLoader(const MatrixView<T>& m, int64_t first, int64_t k) : mine_(Panel::my_place()) {
    const int64_t column = Panel::my_chunk() * Panel::values;
    if constexpr (Panel::contiguous == Contiguous::k) {
      lines_ = int(min(m.side - first - Panel::my_line(), int64_t(Panel::lines)));
      left_ = int(m.k - k - column);
      from_ = m.p + (first + Panel::my_line()) * m.line + k + column;
      advance_ = Panel::depth;
    } else {
      valid_ = int(max(min(m.side - first - column, int64_t(Panel::values)), int64_t(0)));
      left_ = int(m.k - k - Panel::my_line());
      from_ = m.p + (k + Panel::my_line()) * m.line + first + column;
      advance_ = Panel::depth * m.line;
    }
    step_ = Panel::line_step * m.line;
  }
  FR_DEVICE void copy(char* panel) const {
    FR_UNROLL
    for (int i = 0; i < Panel::copies; ++i) {
      int valid;
      if constexpr (Panel::contiguous == Contiguous::k)
        valid = i * Panel::line_step < lines_ ? max(min(left_, Panel::values), 0) : 0;
      else
        valid = i * Panel::line_step < left_ ? valid_ : 0;
      copy_chunk<access>(Panel::copy_place(panel, mine_, i), from_ + i * step_, valid);
    }
  }
  FR_DEVICE void advance() { from_ += advance_, left_ -= Panel::depth; }

 private:
  const T* from_;
  int64_t step_, advance_;
  int left_, mine_;
  int valid_ = 0;  // values of the thread's chunk that are inside
  int lines_ = 0;  // lines from the thread's first one on
};

// A place among the taps and channels of a filter; k counts it, channels fastest.
struct Tap {
  int r, s, c;
  FR_DEVICE Tap(int k, int columns, int channels) {
    c = k % channels;
    s = k / channels % columns, r = k / channels / columns;
  }
  FR_DEVICE void advance(int n, int columns, int channels) {
    for (c += n; c >= channels; c -= channels)
      if (++s == columns) s = 0, ++r;
  }
};

// Every step_r-th row and step_s-th column of the filters, in elements: w (filters, R, S, channels) at
// filter `filter` + r row + s column + c, filters of the group only.
template <class T>
struct FilterView {
  const T* p = nullptr;  // the first tap of the first filter
  int64_t filter = 0;
  int row = 0, column = 0;
  int taps_h = 0, taps_w = 1;
  int filters = 1, channels = 1;  // of the group
};

template <class Panel, Access access>
class FilterTapsLoader {
  using T = typename Panel::Element;
  static_assert(Panel::contiguous == Contiguous::side);

 public:
  FR_DEVICE FilterTapsLoader(const FilterView<T>& f, int group, int64_t first, int64_t k)
      : mine_(Panel::my_place()), tap_(int(k) + Panel::my_line(), f.taps_w, f.filters), view_(f) {
    const int column = int(first) + Panel::my_chunk() * Panel::values;
    valid_ = max(min(f.channels - column, Panel::values), 0);
    from_ = f.p + int64_t(group) * f.filters * f.filter + column;
  }
  FR_DEVICE void copy(char* panel) const {
    Tap t = tap_;
    FR_UNROLL
    for (int i = 0; i < Panel::copies; ++i) {
      const T* from = from_ + t.c * view_.filter + (t.r * view_.row + t.s * view_.column);
      copy_chunk<access>(Panel::copy_place(panel, mine_, i), from, t.r < view_.taps_h ? valid_ : 0);
      if (i + 1 < Panel::copies) t.advance(Panel::line_step, view_.taps_w, view_.filters);
    }
  }
  FR_DEVICE void advance() { tap_.advance(Panel::depth, view_.taps_w, view_.filters); }

 private:
  const T* from_;
  int mine_, valid_;
  Tap tap_;
  const FilterView<T>& view_;
};

}  // namespace fr::FR_GPU
