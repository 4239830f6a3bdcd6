// Sums over the rows of maps (rows, C), in an order that sizes and alignment decide: slices of rows give partial sums in float,
// then the slices are summed in double. And what other sums share: states of threads, merged through shared memory.
#pragma once
#include "cuda/passes.h"

namespace fr::FR_GPU {

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
// The slice of a block. The first blocks take the last slices: the pass before may have left these in the cache, and the
// pass after, which starts with the first rows, finds those there.
FR_DEVICE int64_t slice_of_block() { return blocks_x() - 1 - block_x(); }
inline Slices slices_of(const RowTiles& t) {
  constexpr int64_t kLeastRows = 32;
  const int64_t rows = max(divide_up(t.rows, kMostSlices), max(kLeastRows, int64_t{t.lanes} * 2 * kAhead));
  return {max(divide_up(t.rows, rows), int64_t{1}), rows};
}

// F adds what a pack gives into sums[q W + j] and may write: add(i, in, channel, sums).
// partial (slices, kSums, C); one block per slice and group of columns, each thread as in map_rows_kernel
template <class F>
FR_KERNEL(kPassThreads)
sum_rows_kernel(float* partial, F f, RowTiles t, int64_t slice_rows) {
  constexpr int W = F::kWidth, n = F::kSums;
  const TilePlace at = place_in(t, W);
  const int64_t slice = slice_of_block();
  Sums<n * W> sums;
  if (at.inside) {
    const typename F::Channel channel = f.channel(at.c);
    const int64_t begin = slice * slice_rows, end = min(begin + slice_rows, t.rows);
    for_rows(f, begin + at.lane, end, t.lanes, t.C, at.c,
             [&](int64_t i, const typename F::Input& in) { f.add(i, in, channel, sums.v); });
  }
  merge_lanes(sums, t.columns, t.lanes);
  if (!at.inside || at.lane > 0) return;
  for (int q = 0; q < n; ++q)
    for (int j = 0; j < W; ++j) partial[(slice * n + q) * t.C + at.c + j] = sums.v[q * W + j];
}

constexpr int kMergeColumns = 8, kMergeThreads = 512;
inline int merge_threads(int64_t slices) {
  int n = kWarp;
  while (n < kMergeThreads && n < slices * kMergeColumns) n *= 2;
  return n;
}
// finish(c, totals): 8 channels side by side, which is 32 bytes, and up to 64 slices under each other in a block
template <int n, class Finish>
FR_KERNEL(kMergeThreads)
merge_slices_kernel(const float* partial, Finish finish, int64_t slices, int64_t C) {
  const int lanes = threads() / kMergeColumns, lane = thread() / kMergeColumns;
  const int64_t c = block_x() * kMergeColumns + thread() % kMergeColumns;
  Totals<n> totals;
  if (c < C)
    for (int64_t s = lane; s < slices; s += lanes)
      for (int q = 0; q < n; ++q) totals.v[q] += partial[(s * n + q) * C + c];
  merge_lanes(totals, kMergeColumns, lanes);
  if (c < C && lane == 0) finish(c, totals.v);
}

template <class F, class Finish>
void sum_rows(const F& f, const Finish& finish, int64_t rows, int64_t C) {
  const RowTiles t = row_tiles(rows, C, F::kWidth);
  const Slices slices = slices_of(t);
  const Workspace<float> partial(slices.count * F::kSums * C);
  launch(Grid{slices.count, t.groups}, kPassThreads, sizeof(Sums<F::kSums * F::kWidth>) * kPassThreads,
         sum_rows_kernel<F>, partial.get(), f, t, slices.rows);
  const int merging = merge_threads(slices.count);
  launch(Grid{divide_up(C, kMergeColumns)}, merging, sizeof(Totals<F::kSums>) * size_t(merging),
         merge_slices_kernel<F::kSums, Finish>, partial.get(), finish, slices.count, C);
}
template <template <class, int> class F, class T, class Finish, class... A>
void sum_rows_as(Width width, const Finish& finish, int64_t rows, int64_t C, A... arguments) {
  if (width == Width::pack)
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
