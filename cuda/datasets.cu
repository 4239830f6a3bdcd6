// Several data sets in one loss: what is left out of the scores, and the reversed gradient. Piece by piece: tensor/crossing.h.
#include "cuda/gpu.h"

namespace fr::FR_GPU {
namespace {

constexpr int kThreads = 256;
constexpr int kTeams = kThreads / kWarp;  // warps a block, each with a piece of a row

// One warp per piece of a row. Its lanes all draw the same numbers, and stride over each run of columns.
FR_KERNEL(kThreads)
leave_out_kernel(float* z, const int64_t* label, const int64_t* offset, int64_t datasets, Crossing crossing,
                 int64_t N, int64_t M) {
  const int64_t pieces = divide_up(M, kCrossingPiece);
  for (int64_t p = block_x() * kTeams + warp(); p < N * pieces; p += blocks_x() * kTeams) {
    const int64_t n = p / pieces, begin = (p - n * pieces) * kCrossingPiece;
    const int64_t own = dataset_of(offset, datasets, label[n]);
    for_left_out(crossing, n, M, begin, offset[own], offset[own + 1], [&](int64_t first, int64_t last) {
      for (int64_t m = first + lane(); m < last; m += kWarp) z[n * M + m] = -INFINITY;
    });
  }
}

// one thread per element
FR_KERNEL(kThreads)
reverse_kernel(float* dx, const float* dy, const float* lambda, int64_t n) {
  const float factor = *lambda;
  if (factor == 0) return;
  for (int64_t i = block_x() * kThreads + thread(); i < n; i += blocks_x() * kThreads)
    dx[i] -= factor * dy[i];
}

void leave_out_classes(float* z, const int64_t* label, const int64_t* offset, int64_t datasets,
                       const Crossing& crossing, int64_t N, int64_t M) {
  launch(grid_for(divide_up(N * divide_up(M, kCrossingPiece), kTeams)), kThreads, 0, leave_out_kernel, z,
         label, offset, datasets, crossing, N, M);
}

void reverse_gradient(float* dx, const float* dy, const float* lambda, int64_t n) {
  launch(grid_for(divide_up(n, kThreads)), kThreads, 0, reverse_kernel, dx, dy, lambda, n);
}

}  // namespace

template <class T>
void install_datasets(Kernels<T>& k) {
  k.leave_out_classes = leave_out_classes;
  k.reverse_gradient = reverse_gradient;
}

template void install_datasets(Kernels<float>&);
template void install_datasets(Kernels<bfloat16>&);

}  // namespace fr::FR_GPU
