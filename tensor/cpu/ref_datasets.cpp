// Several data sets in one loss: what is left out of the scores, and the reversed gradient. Piece by piece: tensor/crossing.h.
#include <algorithm>
#include <limits>

#include "tensor/cpu/ref.h"

namespace fr::ref {
namespace {

template <class T>
void leave_out_classes(T* z, const int64_t* label, const int64_t* offset, int64_t datasets,
                       const Crossing& crossing, int64_t N, int64_t M) {
  parallel_for(N, [&](int64_t n) {
    const int64_t own = dataset_of(offset, datasets, label[n]);
    for (int64_t begin = 0; begin < M; begin += kCrossingPiece)
      for_left_out(crossing, n, M, begin, offset[own], offset[own + 1], [&](int64_t first, int64_t last) {
        std::fill(z + n * M + first, z + n * M + last, -std::numeric_limits<T>::infinity());
      });
  });
}

template <class T>
void reverse_gradient(T* dx, const T* dy, const T* lambda, int64_t n) {
  if (*lambda == 0) return;
  for (int64_t i = 0; i < n; ++i) dx[i] -= *lambda * dy[i];
}

}  // namespace

template <class T>
void install_datasets(Kernels<T>& k) {
  k.leave_out_classes = leave_out_classes;
  k.reverse_gradient = reverse_gradient;
}

template void install_datasets(Kernels<float>&);
template void install_datasets(Kernels<double>&);

}  // namespace fr::ref
