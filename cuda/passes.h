// What the kernels share that are bound by memory: passes over n elements and over maps (rows, C) in packs of 16 bytes, and
// sums over the rows of a map. A sum over rows has two stages, in an order that only the sizes decide: slices of rows give
// partial sums in float, then the slices are summed in double.
#pragma once
#include "cuda/gpu.h"

namespace fr::FR_GPU {

constexpr int kPassThreads = 256;
constexpr int kAhead = 2;  // rows that a thread reads before it works on them: more bytes on their way

// The order of every maximum in the contract: a NaN is larger than any number, and equal values keep the first.
FR_DEVICE bool larger(float a, float b) { return a > b || (a != a && b == b); }

// Whether C is a multiple of a pack and every pointer is aligned to one (null is).
template <class T, class... P>
bool fit_packs(int64_t C, const P*... p) {
  return C % kPack<T> == 0 && ((reinterpret_cast<uintptr_t>(p) % 16 == 0) && ...);
}

// The wide values [c, c + W) of a parameter; `otherwise` where there is none.
template <int W>
FR_DEVICE Pack<float, W> parameters(const float* p, int64_t c, float otherwise = 0) {
  Pack<float, W> values;
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
enum class Access { scalar, packs };
template <class T, class F>
void for_elements(const F& f, int64_t n, Access access) {
  constexpr int W = kPack<T>;
  if (access == Access::packs)
    launch(grid_for(divide_up(n, kPassThreads * W)), kPassThreads, 0, elements_kernel<F, W>, f, n);
  else
    launch(grid_for(divide_up(n, kPassThreads)), kPassThreads, 0, elements_kernel<F, 1>, f, n);
}
template <class T, class... P>
Access access_of(int64_t C, const P*... p) {
  return fit_packs<T>(C, p...) ? Access::packs : Access::scalar;
}

// --- maps (rows, C): F has kWidth, a Channel that it keeps in registers, and an Input of one pack ---

// `columns` threads side by side take the packs of a row, `lanes` rows lie under each other in a block. A thread keeps
// its channels from row to row. Rows of more packs than threads are cut in `groups`, which block_y counts.
struct Tiles {
  int64_t rows, C, groups;
  int columns, lanes;
};
inline Tiles tiles(int64_t rows, int64_t C, int width) {
  const int64_t packs = max(C / width, int64_t{1}), groups = divide_up(packs, kPassThreads);
  const int columns = int(divide_up(packs, groups));
  return {rows, C, C ? groups : 0, columns, kPassThreads / columns};
}
struct TilePlace {
  int lane;
  int64_t c;  // the first channel
  bool inside;
};
FR_DEVICE TilePlace place_in(const Tiles& t, int width) {
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
    for (int k = 0; k < kAhead; ++k)
      if (r + k * step < end) in[k] = f.read((r + k * step) * C + c);
    for (int k = 0; k < kAhead; ++k)
      if (r + k * step < end) take((r + k * step) * C + c, in[k]);
  }
}

// one thread per pack of a row, striding over the rows of its lane
template <class F>
FR_KERNEL(kPassThreads)
map_rows_kernel(F f, Tiles t) {
  const TilePlace at = place_in(t, F::kWidth);
  if (!at.inside) return;
  const typename F::Channel channel = f.channel(at.c);
  for_rows(f, block_x() * t.lanes + at.lane, t.rows, blocks_x() * t.lanes, t.C, at.c,
           [&](int64_t i, const typename F::Input& in) { f.write(i, in, channel); });
}
template <class F>
void map_rows(const F& f, int64_t rows, int64_t C) {
  const Tiles t = tiles(rows, C, F::kWidth);
  if (rows == 0) return;
  launch(Grid{grid_for(divide_up(rows, t.lanes * kAhead)).x, t.groups}, kPassThreads, 0, map_rows_kernel<F>,
         f, t);
}
// F in packs or, where they do not fit, value by value
template <template <class, int> class F, class T, class... A>
void map_rows_as(Access access, int64_t rows, int64_t C, A... arguments) {
  if (access == Access::packs)
    map_rows(F<T, kPack<T>>{arguments...}, rows, C);
  else
    map_rows(F<T, 1>{arguments...}, rows, C);
}

// --- sums ---

// Merges the states of threads that stand under each other (thread = lane columns + column) into the one of lane 0: half of
// the lanes into the other half, again and again. All threads of the block take part; shared memory for a State each.
template <class State>
FR_DEVICE void merge_lanes(State& mine, int columns, int lanes) {
  State* room = shared<State>();
  const int lane = thread() / columns % lanes;
  int half = 1;
  while (2 * half < lanes) half *= 2;
  for (; half > 0; half /= 2) {
    sync();
    if (lane >= half) room[thread()] = mine;
    sync();
    const int other = thread() + half * columns;
    if (lane < half && lane + half < lanes && other < threads()) mine.merge(room[other]);
  }
}

// An odd number of floats, so that the threads of a warp meet in no bank of shared memory.
template <int n>
struct Sums {
  float v[n | 1] = {};
  FR_DEVICE void merge(const Sums& other) {
    for (int i = 0; i < n; ++i) v[i] += other.v[i];
  }
};
template <int n>
struct Totals {
  double v[n] = {};
  FR_DEVICE void merge(const Totals& other) {
    for (int i = 0; i < n; ++i) v[i] += other.v[i];
  }
};
// A long sum: floats of 32 terms, those in double.
class LongSum {
 public:
  FR_DEVICE void add(float value) {
    part_ += value;
    if (++terms_ % 32 == 0) sum_ += part_, part_ = 0;
  }
  FR_DEVICE void merge(const LongSum& other) { sum_ = total() + other.total(), part_ = 0; }
  FR_DEVICE double total() const { return sum_ + part_; }

 private:
  double sum_ = 0;
  float part_ = 0;
  unsigned terms_ = 0;
};

// Slices of rows, one for a block: enough blocks for a large card, and rows enough that the partial sums are few beside
// the map.
struct Slices {
  int64_t count, rows;
};
inline Slices slices_of(const Tiles& t) {
  constexpr int64_t kMost = 132 * 8, kLeastRows = 64;
  const int64_t rows = max(divide_up(t.rows, kMost), max(kLeastRows, int64_t{t.lanes} * 2 * kAhead));
  return {max(divide_up(t.rows, rows), int64_t{1}), rows};
}

// F adds what a pack gives into sums[q W + j] and may write: add(i, in, channel, sums).
// partial (slices, kSums, C); one block per slice and group of columns, each thread as in map_rows_kernel
template <class F>
FR_KERNEL(kPassThreads)
sum_rows_kernel(float* partial, F f, Tiles t, int64_t slice_rows) {
  constexpr int W = F::kWidth, n = F::kSums;
  const TilePlace at = place_in(t, W);
  Sums<n * W> sums;
  if (at.inside) {
    const typename F::Channel channel = f.channel(at.c);
    const int64_t begin = block_x() * slice_rows, end = min(begin + slice_rows, t.rows);
    for_rows(f, begin + at.lane, end, t.lanes, t.C, at.c,
             [&](int64_t i, const typename F::Input& in) { f.add(i, in, channel, sums.v); });
  }
  merge_lanes(sums, t.columns, t.lanes);
  if (!at.inside || at.lane > 0) return;
  for (int q = 0; q < n; ++q)
    for (int j = 0; j < W; ++j) partial[(block_x() * n + q) * t.C + at.c + j] = sums.v[q * W + j];
}

constexpr int kMergeColumns = 8, kMergeThreads = 512;
// finish(c, totals): 8 channels side by side, which is 32 bytes, and 64 slices under each other in a block
template <int n, class Finish>
FR_KERNEL(kMergeThreads)
merge_slices_kernel(const float* partial, Finish finish, int64_t slices, int64_t C) {
  constexpr int kLanes = kMergeThreads / kMergeColumns;
  const int lane = thread() / kMergeColumns;
  const int64_t c = block_x() * kMergeColumns + thread() % kMergeColumns;
  Totals<n> totals;
  if (c < C)
    for (int64_t s = lane; s < slices; s += kLanes)
      for (int q = 0; q < n; ++q) totals.v[q] += partial[(s * n + q) * C + c];
  merge_lanes(totals, kMergeColumns, kLanes);
  if (c < C && lane == 0) finish(c, totals.v);
}

template <class F, class Finish>
void sum_rows(const F& f, const Finish& finish, int64_t rows, int64_t C) {
  const Tiles t = tiles(rows, C, F::kWidth);
  const Slices slices = slices_of(t);
  const Workspace<float> partial(slices.count * F::kSums * C);
  launch(Grid{slices.count, t.groups}, kPassThreads, sizeof(Sums<F::kSums * F::kWidth>) * kPassThreads,
         sum_rows_kernel<F>, partial.get(), f, t, slices.rows);
  launch(Grid{divide_up(C, kMergeColumns)}, kMergeThreads, sizeof(Totals<F::kSums>) * kMergeThreads,
         merge_slices_kernel<F::kSums, Finish>, partial.get(), finish, slices.count, C);
}
template <template <class, int> class F, class T, class Finish, class... A>
void sum_rows_as(Access access, const Finish& finish, int64_t rows, int64_t C, A... arguments) {
  if (access == Access::packs)
    sum_rows(F<T, kPack<T>>{arguments...}, finish, rows, C);
  else
    sum_rows(F<T, 1>{arguments...}, finish, rows, C);
}
// Totals of a single sum, added to d.
struct AddTotal {
  float* d;  // null: not wanted
  FR_DEVICE void operator()(int64_t c, const double* total) const {
    if (d) d[c] += float(total[0]);
  }
};

}  // namespace fr::FR_GPU
