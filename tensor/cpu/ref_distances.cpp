// Squared distances between the rows of a batch.
#include "tensor/cpu/ref.h"

namespace fr::ref {
namespace {

// Differences before squares: |x_i|^2 + |x_j|^2 - 2 <x_i, x_j> would lose what a small distance is made of.
template <class T>
void squared_distances_forward(T* d2, const T* x, int64_t N, int64_t D) {
  for (int64_t i = 0; i < N; ++i)
    for (int64_t j = 0; j < N; ++j) {
      double sum = 0;
      for (int64_t d = 0; d < D; ++d) {
        const double difference = double(x[i * D + d]) - double(x[j * D + d]);
        sum += difference * difference;
      }
      d2[i * N + j] = T(sum);
    }
}

template <class T>
void squared_distances_backward(T* dx, const T* dd2, const T* x, int64_t N, int64_t D) {
  for (int64_t i = 0; i < N; ++i)
    for (int64_t d = 0; d < D; ++d) {
      double sum = 0;
      for (int64_t j = 0; j < N; ++j)
        sum +=
            (double(dd2[i * N + j]) + double(dd2[j * N + i])) * (double(x[i * D + d]) - double(x[j * D + d]));
      dx[i * D + d] += T(2 * sum);
    }
}

}  // namespace

template <class T>
void install_distances(Kernels<T>& k) {
  k.squared_distances_forward = squared_distances_forward;
  k.squared_distances_backward = squared_distances_backward;
}

template void install_distances(Kernels<float>&);
template void install_distances(Kernels<double>&);

}  // namespace fr::ref
