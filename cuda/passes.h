// What the kernels share that are bound by memory: passes over n elements and over maps (rows, C), every byte once and 16
// of them an instruction where sizes and addresses allow.
#pragma once
#include "cuda/gpu.h"
#include "tensor/scalar_function.h"

namespace fr::FR_GPU {

constexpr int kPassThreads = 256;
constexpr int64_t kMostSlices = 132 * 8;  // of the rows, one for a block: enough for a large card
constexpr int kAhead = 2;  // rows that a thread reads before it works on them: more bytes on their way

// Whether C is a multiple of a pack and every pointer is aligned to one (null is).
template <class T, class... P>
bool fit_packs(int64_t C, const P*... p) {
  return C % kPack<T> == 0 && ((reinterpret_cast<uintptr_t>(p) % 16 == 0) && ...);
}

// The wide values [c, c + W) of a parameter, c a multiple of W; `otherwise` where there is none.
template <int W>
FR_DEVICE Pack<float, W> parameters(const float* p, int64_t c, float otherwise = 0) {
  Pack<float, W> values;
  if (W % 4 == 0 && p && reinterpret_cast<uintptr_t>(p) % 16 == 0) {
    for (int j = 0; j + 3 < W; j += 4) {
      const Pack<float, 4> four = load<float, 4>(p + c + j);
      for (int i = 0; i < 4; ++i) values.v[j + i] = four.v[i];
    }
    return values;
  }
  for (int j = 0; j < W; ++j) values.v[j] = p ? p[c + j] : otherwise;
  return values;
}

// --- n elements: F has at<W>(i) for the elements [i, i + W) ---

// one thread per pack, striding over the grid; what remains one by one
template <class F, int W>
FR_KERNEL(kPassThreads)
elements_kernel(F f, int64_t n) {
  const int64_t first = block_x() * threads() + thread(), step = blocks_x() * threads();
  for (int64_t i = first; i < n / W; i += step) f.template at<W>(i * W);
  if constexpr (W > 1)
    for (int64_t i = n / W * W + first; i < n; i += step) f.template at<1>(i);
}
enum class Width { one, pack };
template <class T, class F>
void for_elements(const F& f, int64_t n, Width width) {
  constexpr int W = kPack<T>;
  if (width == Width::pack)
    launch(grid_for(divide_up(n, kPassThreads * W)), kPassThreads, 0, elements_kernel<F, W>, f, n);
  else
    launch(grid_for(divide_up(n, kPassThreads)), kPassThreads, 0, elements_kernel<F, 1>, f, n);
}
template <class T, class... P>
Width width_of(int64_t C, const P*... p) {
  return fit_packs<T>(C, p...) ? Width::pack : Width::one;
}

// --- maps (rows, C): F has kWidth, a Channel that it keeps in registers, and an Input of one pack ---

// `columns` threads side by side take the packs of a row, `lanes` rows lie under each other in a block. A thread keeps
// its channels from row to row. Rows of more packs than threads are cut in `groups`, which block_y counts.
struct RowTiles {
  int64_t rows, C, groups;
  int columns, lanes;
};
inline RowTiles row_tiles(int64_t rows, int64_t C, int width) {
  const int64_t packs = max(C / width, int64_t{1}), groups = divide_up(packs, kPassThreads);
  const int columns = int(divide_up(packs, groups));
  return {rows, C, C ? groups : 0, columns, kPassThreads / columns};
}
struct TilePlace {
  int lane;
  int64_t c;  // the first channel
  bool inside;
};
FR_DEVICE TilePlace place_in(const RowTiles& t, int width) {
  const int lane = thread() / t.columns;
  const int64_t c = (block_y() * t.columns + thread() % t.columns) * width;
  return {lane, c, lane < t.lanes && c < t.C};
}

// take(i, f.read(i)) for the packs i of every step-th row in [first, end)
template <class F, class Take>
FR_DEVICE void for_rows(const F& f, int64_t first, int64_t end, int64_t step, int64_t C, int64_t c,
                        const Take& take) {
  for (int64_t r = first; r < end; r += kAhead * step) {
    typename F::Input in[kAhead];
    FR_UNROLL
    for (int k = 0; k < kAhead; ++k)
      if (r + k * step < end) in[k] = f.read((r + k * step) * C + c);
    FR_UNROLL
    for (int k = 0; k < kAhead; ++k)
      if (r + k * step < end) take((r + k * step) * C + c, in[k]);
  }
}

// one thread per pack of a row, striding over the rows of its lane
template <class F>
FR_KERNEL(kPassThreads)
map_rows_kernel(F f, RowTiles t) {
  const TilePlace at = place_in(t, F::kWidth);
  if (!at.inside) return;
  const typename F::Channel channel = f.channel(at.c);
  for_rows(f, block_x() * t.lanes + at.lane, t.rows, blocks_x() * t.lanes, t.C, at.c,
           [&](int64_t i, const typename F::Input& in) { f.write(i, in, channel); });
}
template <class F>
void map_rows(const F& f, int64_t rows, int64_t C) {
  const RowTiles t = row_tiles(rows, C, F::kWidth);
  if (rows == 0) return;
  // 8 rows or more for a thread, so that reading its channels' parameters counts little
  const Grid slices = grid_for(divide_up(rows, t.lanes * kAhead * 4), kMostSlices);
  launch(Grid{slices.x, t.groups}, kPassThreads, 0, map_rows_kernel<F>, f, t);
}
// F in packs or, where they do not fit, value by value
template <template <class, int> class F, class T, class... A>
void map_rows_as(Width width, int64_t rows, int64_t C, A... arguments) {
  if (width == Width::pack)
    map_rows(F<T, kPack<T>>{arguments...}, rows, C);
  else
    map_rows(F<T, 1>{arguments...}, rows, C);
}

// f.at(r, c) for every pack: one thread per pack of a row, striding over the rows of its lane
template <class F>
FR_KERNEL(kPassThreads)
packs_kernel(F f, RowTiles t) {
  const TilePlace at = place_in(t, F::kWidth);
  if (!at.inside) return;
  for (int64_t r = block_x() * t.lanes + at.lane; r < t.rows; r += blocks_x() * t.lanes) f.at(r, at.c);
}
template <class F>
void for_packs_of(const F& f, int64_t rows, int64_t C) {
  const RowTiles t = row_tiles(rows, C, F::kWidth);
  if (rows == 0) return;
  launch(Grid{grid_for(divide_up(rows, t.lanes)).x, t.groups}, kPassThreads, 0, packs_kernel<F>, f, t);
}
template <template <class, int> class F, class T, class... A>
void for_packs(Width width, int64_t rows, int64_t C, A... arguments) {
  if (width == Width::pack)
    for_packs_of(F<T, kPack<T>>{arguments...}, rows, C);
  else
    for_packs_of(F<T, 1>{arguments...}, rows, C);
}

}  // namespace fr::FR_GPU
