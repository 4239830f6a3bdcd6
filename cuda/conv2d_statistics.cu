// The convolution and the batch statistics of its result in one pass: each tile leaves mean and squared deviation of its
// columns, before they are rounded, 8 bytes for 64 or 128 values of y; small kernels join them. Convolutions that are cut into
// slices or have narrow groups are small or thin: there y is read again.
#include "cuda/conv2d.h"
#include "cuda/conv2d_forward.h"
#include "cuda/conv2d_hopper.h"

namespace fr::FR_GPU {
namespace {

constexpr int kThreads = 256;
constexpr int64_t kRows = 128, kMostSegments = 64;

// one block per 128 rows of y and 32 columns: the moments that the tiles would have left
template <class T>
FR_KERNEL(kThreads)
moments_kernel(Moments* moments, const T* y, int64_t rows, int64_t K) {
  const int64_t tiles_n = divide_up(K, kWarp), tile = divide(block_x(), tiles_n);
  const int64_t k = (block_x() - tile * tiles_n) * kWarp + lane();
  ColumnMoments<kWarp, kThreads> m;
  if (k < K)
    m.add(int(min(rows - tile * kRows, kRows)), [&](int r) { return float(y[(tile * kRows + r) * K + k]); });
  const Moments joined = m.joined(shared<float>());
  if (thread() < kWarp && k < K) moments[tile * K + k] = joined;
}

// In double sum and sum of squares may be joined plainly: mean^2 / variance up to 1e9 leaves six digits.
struct Sums {
  double sum, squares;
};

// one block per 32 columns and segment of the tiles: 8 warps take every eighth tile, a lane one column
FR_KERNEL(kThreads)
segments_kernel(Sums* sums, const Moments* moments, int64_t tiles, int64_t tile_rows, int64_t rows, int64_t K,
                int64_t segments) {
  const int64_t tiles_n = divide_up(K, kWarp), segment = divide(block_x(), tiles_n);
  const int64_t k = (block_x() - segment * tiles_n) * kWarp + lane();
  const int64_t end = (segment + 1) * tiles / segments;
  Sums mine{0, 0};
  if (k < K)
    for (int64_t t = segment * tiles / segments + warp(); t < end; t += kThreads / kWarp) {
      const Moments m = moments[t * K + k];
      const double n = double(min(tile_rows, rows - t * tile_rows)), mean = m.mean;
      mine.sum += n * mean, mine.squares += double(m.m2) + n * mean * mean;
    }
  Sums* all = shared<Sums>();
  all[thread()] = mine;
  sync();
  if (warp() > 0 || k >= K) return;
  for (int w = 1; w < kThreads / kWarp; ++w)
    mine.sum += all[w * kWarp + lane()].sum, mine.squares += all[w * kWarp + lane()].squares;
  sums[segment * K + k] = mine;
}

struct StatisticsResult {
  float *mean, *rstd, *running_mean, *running_var;
  float eps, momentum;
};

// one thread per channel
FR_KERNEL(kThreads)
statistics_kernel(StatisticsResult to, const Sums* sums, int64_t segments, int64_t rows, int64_t K) {
  const int64_t k = block_x() * threads() + thread();
  if (k >= K) return;
  Sums all{0, 0};
  for (int64_t s = 0; s < segments; ++s)
    all.sum += sums[s * K + k].sum, all.squares += sums[s * K + k].squares;
  const double n = double(max(rows, int64_t(1))), mean = all.sum / n;
  const double var = max(all.squares / n - mean * mean, 0.0);
  to.mean[k] = float(mean), to.rstd[k] = float(1 / sqrt(var + double(to.eps)));
  if (rows == 0) return;
  const double unbiased = var * n / max(n - 1, 1.0), momentum = to.momentum;
  to.running_mean[k] = float((1 - momentum) * double(to.running_mean[k]) + momentum * mean);
  to.running_var[k] = float((1 - momentum) * double(to.running_var[k]) + momentum * unbiased);
}

// y, and the moments of its tiles; returns the rows of a tile.
template <class T>
int64_t forward_with_moments(T* y, Moments* moments, const T* x, const T* w, const Conv2dShape& s,
                             int64_t rows) {
  int64_t tile_rows = 0;
  if constexpr (std::is_same_v<T, bfloat16>) {
    tile_rows = hopper_convolution_moments(y, moments, x, w, s);
    if (tile_rows > 0) return tile_rows;
  }
  if (narrow_groups(s)) {
    conv2d_groups_forward(y, x, w, Conv2dFinish<T>{}, s);
  } else {
    as_forward_problem<Statistics::yes>(y, x, w, Conv2dFinish<T>{}, s, [&](auto problem) {
      problem.moments = moments;
      const Cut cut = multiply(problem);
      if (cut.slices == 1) tile_rows = cut.tile_rows;
    });
  }
  if (tile_rows > 0 || rows * s.K == 0) return max(tile_rows, int64_t(1));
  launch(Grid{divide_up(rows, kRows) * divide_up(s.K, kWarp)}, kThreads, 3 * kThreads * sizeof(float),
         moments_kernel<T>, moments, y, rows, s.K);
  return kRows;
}

}  // namespace

template <class T>
void conv2d_forward_statistics(T* y, Wide<T>* mean, Wide<T>* rstd, Wide<T>* running_mean,
                               Wide<T>* running_var, const T* x, const T* w, const Conv2dShape& s,
                               Wide<T> eps, Wide<T> momentum) {
  const int64_t rows = s.N * max(s.P(), int64_t(0)) * max(s.Q(), int64_t(0));
  const Workspace<Moments> moments(divide_up(rows, 64) * s.K);  // of the smallest tiles
  const int64_t tile_rows = forward_with_moments(y, moments.get(), x, w, s, rows);
  const int64_t tiles = divide_up(rows, tile_rows),
                segments = max(min(tiles / 16, kMostSegments), int64_t(1));
  const Workspace<Sums> sums(segments * s.K);
  launch(Grid{segments * divide_up(s.K, kWarp)}, kThreads, kThreads * sizeof(Sums), segments_kernel,
         sums.get(), moments.get(), tiles, tile_rows, rows, s.K, segments);
  launch(Grid{divide_up(s.K, kThreads)}, kThreads, 0, statistics_kernel,
         StatisticsResult{mean, rstd, running_mean, running_var, eps, momentum}, sums.get(), segments, rows,
         s.K);
}

template void conv2d_forward_statistics(float*, float*, float*, float*, float*, const float*, const float*,
                                        const Conv2dShape&, float, float);
template void conv2d_forward_statistics(bfloat16*, float*, float*, float*, float*, const bfloat16*,
                                        const bfloat16*, const Conv2dShape&, float, float);

}  // namespace fr::FR_GPU
