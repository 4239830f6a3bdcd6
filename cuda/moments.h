// Means and sums of squares about the mean of the channels of x (rows, C): counted parts are merged by the formula of Chan,
// Golub and LeVeque (1979), and no difference of large sums cancels.
#pragma once
#include "cuda/sums.h"

namespace fr::FR_GPU {

// count, means and M2 = sum (x - mean)^2 of W channels
template <int W>
struct Moments {
  float count = 0, mean[W] = {}, m2[W] = {};
  FR_DEVICE void merge(const Moments& other) {
    if (other.count == 0) return;
    const float n = count + other.count, share = other.count / n;
    for (int j = 0; j < W; ++j) {
      const float d = other.mean[j] - mean[j];
      mean[j] += d * share;
      m2[j] += other.m2[j] + d * d * count * share;
    }
    count = n;
  }
};

template <class T, int W>
struct Values {
  const T* x;
  using Input = Pack<T, W>;
  FR_DEVICE Input read(int64_t i) const { return load<T, W>(x + i); }
};

// Of n rows, with s_1, s_2 the sums of x - x_0 and of its square: mean = x_0 + s_1 / n, M2 = s_2 - s_1^2 / n. As x_0 is one
// of the rows, s_2 <= n M2, so that M2 is right to n roundings wherever the channel's mean may lie.
template <class T, int W>
FR_DEVICE Moments<W> moments(const T* x, int64_t first, int64_t end, int64_t step, int64_t C, int64_t c) {
  Moments<W> m;
  if (first >= end) return m;
  const Values<T, W> values{x};
  const Pack<T, W> start = values.read(first * C + c);
  float s1[W] = {}, s2[W] = {};
  for_rows(values, first, end, step, C, c, [&](int64_t, const Pack<T, W>& in) {
    for (int j = 0; j < W; ++j) {
      const float d = float(in.v[j]) - float(start.v[j]);
      s1[j] += d, s2[j] += d * d;
    }
  });
  m.count = float((end - first - 1) / step + 1);
  for (int j = 0; j < W; ++j) {
    const float d = s1[j] / m.count;
    m.mean[j] = float(start.v[j]) + d, m.m2[j] = max(s2[j] - s1[j] * d, 0.0f);
  }
  return m;
}

// partial (slices, 2, C): mean and M2; one block per slice and group of columns, a thread keeps its channels
template <class T, int W>
FR_KERNEL(kPassThreads)
moments_kernel(float* partial, const T* x, RowTiles t, int64_t slice_rows) {
  const TilePlace at = place_in(t, W);
  Moments<W> m;
  const int64_t slice = slice_of_block(), begin = slice * slice_rows, end = min(begin + slice_rows, t.rows);
  if (at.inside) m = moments<T, W>(x, begin + at.lane, end, t.lanes, t.C, at.c);
  merge_lanes(m, t.columns, t.lanes);
  if (!at.inside || at.lane > 0) return;
  float* to = partial + slice * 2 * t.C + at.c;
  for (int j = 0; j < W; ++j) to[j] = m.mean[j], to[t.C + j] = m.m2[j];
}

// finish(c, mean, M2). Chan's formula for all slices at once: mean = sum n_s mean_s / n, M2 = sum M2_s + n_s (mean_s - mean)^2.
// 8 channels side by side, up to 64 slices under each other in a block
template <class Finish>
FR_KERNEL(kMergeThreads)
merge_moments_kernel(Finish finish, const float* partial, Slices slices, int64_t rows, int64_t C) {
  const int lanes = threads() / kMergeColumns, lane = thread() / kMergeColumns,
            column = thread() % kMergeColumns;
  const int64_t c = block_x() * kMergeColumns + column;
  const auto count = [&](int64_t s) { return double(min(slices.rows, rows - s * slices.rows)); };
  Totals<1> sum, m2;
  for (int64_t s = lane; s < slices.count && c < C; s += lanes)
    sum.v[0] += count(s) * double(partial[2 * s * C + c]);
  merge_lanes(sum, kMergeColumns, lanes);
  double* mean = shared<double>(size_t(threads()) * sizeof(double));
  if (lane == 0) mean[column] = rows ? sum.v[0] / double(rows) : 0;
  sync();
  for (int64_t s = lane; s < slices.count && c < C; s += lanes) {
    const double d = double(partial[2 * s * C + c]) - mean[column];
    m2.v[0] += double(partial[(2 * s + 1) * C + c]) + count(s) * d * d;
  }
  merge_lanes(m2, kMergeColumns, lanes);
  if (c < C && lane == 0) finish(c, mean[column], m2.v[0]);
}

template <int W, class T, class Finish>
void moments_of_rows(const Finish& finish, const T* x, int64_t rows, int64_t C) {
  const RowTiles t = row_tiles(rows, C, W);
  const Slices slices = slices_of(t);
  const Workspace<float> partial(slices.count * 2 * C);
  launch(Grid{slices.count, t.groups}, kPassThreads, sizeof(Moments<W>) * kPassThreads, moments_kernel<T, W>,
         partial.get(), x, t, slices.rows);
  const int merging = merge_threads(slices.count);
  launch(Grid{divide_up(C, kMergeColumns)}, merging, sizeof(double) * size_t(merging + kMergeColumns),
         merge_moments_kernel<Finish>, finish, partial.get(), slices, rows, C);
}

}  // namespace fr::FR_GPU
