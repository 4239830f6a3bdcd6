// Squared distances between the rows of a batch, always in float. Sums over d or j are of slices, whose sums are added in
// order: a long sum in float would lose digits.
#include "cuda/gpu.h"

namespace fr::FR_GPU {
namespace {

constexpr int kTile = 16, kSlice = 32;  // pairs of a block (16, 16), columns in shared memory at a time
constexpr int kPairThreads = kTile * kTile;

// Rows [first, first + kTile) and columns [d, d + kSlice) of x; zeros beyond its edges. An odd row keeps the threads of a
// warp, which stand on different rows, in different banks.
using Slice = float[kTile][kSlice + 1];
FR_DEVICE void load_slice(Slice& to, const float* x, int64_t first, int64_t d, int64_t N, int64_t D) {
  for (int i = thread(); i < kTile * kSlice; i += threads()) {
    const int64_t row = first + i / kSlice, column = d + i % kSlice;
    to[i / kSlice][i % kSlice] = row < N && column < D ? x[row * D + column] : 0.0f;
  }
}

// one block per tile of pairs, one thread per pair (i,j)
FR_KERNEL(kPairThreads)
distances_kernel(float* d2, const float* x, int64_t N, int64_t D) {
  Slice* slices = shared<Slice>();
  const int64_t first_i = block_y() * kTile, first_j = block_x() * kTile;
  const int row = thread() / kTile, column = thread() % kTile;
  float sum = 0;
  for (int64_t d = 0; d < D; d += kSlice) {
    load_slice(slices[0], x, first_i, d, N, D);
    load_slice(slices[1], x, first_j, d, N, D);
    sync();
    float part = 0;
    FR_UNROLL
    for (int k = 0; k < kSlice; ++k) {
      const float difference = slices[0][row][k] - slices[1][column][k];
      part += difference * difference;
    }
    sum += part;
    sync();
  }
  const int64_t i = first_i + row, j = first_j + column;
  if (i < N && j < N) d2[i * N + j] = sum;
}

constexpr int kRows = 4, kColumns = 128;  // of dx, of a block; as many j at a time as columns

// one block per 4 rows i and 128 columns, one thread per column d: x_jd is read once for the 4 rows
FR_KERNEL(kColumns)
distances_backward_kernel(float* dx, const float* dd2, const float* x, int64_t N, int64_t D) {
  float* weight = shared<float>();  // (kRows, kColumns)
  const int64_t first = block_y() * kRows, d = block_x() * kColumns + thread();
  float own[kRows], sum[kRows];
  for (int r = 0; r < kRows; ++r) own[r] = first + r < N && d < D ? x[(first + r) * D + d] : 0.0f, sum[r] = 0;
  for (int64_t begin = 0; begin < N; begin += kColumns) {
    const int64_t mine = begin + thread();
    for (int r = 0; r < kRows; ++r)
      weight[r * kColumns + thread()] =
          mine < N && first + r < N ? 2 * (dd2[(first + r) * N + mine] + dd2[mine * N + first + r]) : 0.0f;
    sync();
    float part[kRows] = {};
    const int count = int(min<int64_t>(kColumns, N - begin));
    for (int j = 0; d < D && j < count; ++j) {
      const float other = x[(begin + j) * D + d];
      for (int r = 0; r < kRows; ++r) part[r] += weight[r * kColumns + j] * (own[r] - other);
    }
    for (int r = 0; r < kRows; ++r) sum[r] += part[r];
    sync();
  }
  for (int r = 0; r < kRows; ++r)
    if (first + r < N && d < D) dx[(first + r) * D + d] += sum[r];
}

void squared_distances_forward(float* d2, const float* x, int64_t N, int64_t D) {
  const int64_t tiles = divide_up(N, kTile);
  launch({tiles, tiles}, kPairThreads, 2 * sizeof(Slice), distances_kernel, d2, x, N, D);
}

void squared_distances_backward(float* dx, const float* dd2, const float* x, int64_t N, int64_t D) {
  launch({divide_up(D, kColumns), divide_up(N, kRows)}, kColumns, kRows * kColumns * sizeof(float),
         distances_backward_kernel, dx, dd2, x, N, D);
}

}  // namespace

template <class T>
void install_distances(Kernels<T>& k) {
  k.squared_distances_forward = squared_distances_forward;
  k.squared_distances_backward = squared_distances_backward;
}

template void install_distances(Kernels<float>&);
template void install_distances(Kernels<bfloat16>&);

}  // namespace fr::FR_GPU
