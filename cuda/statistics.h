// Mean and squared deviation of the columns of a tile, while its sums pass through shared memory: what batch normalisation
// needs of a convolution, without another pass over the map. Sums of squares would cancel where |mean| is far above the
// deviation; these are joined by Chan, Golub and LeVeque's formula (1979), in a fixed order.
#pragma once
#include "cuda/gpu.h"

namespace fr::FR_GPU {

enum class Statistics { no, yes };

struct Moments {
  float mean, m2;  // m2 = sum (v - mean)^2
};

// thread t takes column t % columns and of its rows every `groups`th, from t / columns on
template <int columns, int threads>
class ColumnMoments {
  static constexpr int groups = threads / columns;
  static_assert(groups * columns == threads);

 public:
  FR_DEVICE static int column() { return thread() % columns; }
  // at(row) of the thread's column for the rows below `rows`.
  template <class F>
  FR_DEVICE void add(int rows, const F& at) {
    const int first = thread() / columns;
    float sum = 0;
    int n = 0;
    FR_ROLLED
    for (int r = first; r < rows; r += groups, ++n) sum += at(r);
    if (n == 0) return;
    const float mean = sum / float(n);
    float m2 = 0;
    FR_ROLLED
    for (int r = first; r < rows; r += groups) m2 += (at(r) - mean) * (at(r) - mean);
    join(float(n), mean, m2);
  }
  // Those of the column, in the threads of the first group. scratch: 3 floats a thread. Barriers before and after.
  FR_DEVICE Moments joined(float* scratch) {
    sync();
    float* mine = scratch + thread();
    mine[0] = n_, mine[threads] = mean_, mine[2 * threads] = m2_;
    sync();
    if (thread() < columns)
      for (int g = 1; g < groups; ++g) {
        const float* other = mine + g * columns;
        join(other[0], other[threads], other[2 * threads]);
      }
    return {mean_, m2_};
  }

 private:
  FR_DEVICE void join(float n, float mean, float m2) {
    if (n == 0) return;
    const float all = n_ + n, away = mean - mean_;
    mean_ += away * (n / all), m2_ += m2 + away * away * (n_ * n / all);
    n_ = all;
  }
  float n_ = 0, mean_ = 0, m2_ = 0;
};

}  // namespace fr::FR_GPU
