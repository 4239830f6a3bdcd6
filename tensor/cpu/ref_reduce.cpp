// Reductions over one axis, and over everything.
#include <limits>

#include "tensor/cpu/ref.h"

namespace fr::ref {
namespace {

// The place of the largest of n >= 1 values `step` apart.
template <class T>
int64_t argmax(const T* x, int64_t n, int64_t step) {
  int64_t best = 0;
  for (int64_t i = 1; i < n; ++i)
    if (larger(x[i * step], x[best * step])) best = i;
  return best;
}

// The empty sum is 0, the empty mean 0 / 0, the empty maximum -infinity.
template <class T>
T reduce(const T* x, Reduce f, int64_t n, int64_t step) {
  if (f == Reduce::max) return n ? x[argmax(x, n, step) * step] : -std::numeric_limits<T>::infinity();
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += x[i * step];
  return T(f == Reduce::mean ? sum / static_cast<double>(n) : sum);
}

template <class T>
void reduce_forward(T* y, const T* x, Reduce f, int64_t outer, int64_t n, int64_t inner) {
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t i = 0; i < inner; ++i) y[o * inner + i] = reduce(x + o * n * inner + i, f, n, inner);
}

template <class T>
void reduce_backward(T* dx, const T* dy, const T* x, const T*, Reduce f, int64_t outer, int64_t n,
                     int64_t inner) {
  if (n == 0) return;
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t i = 0; i < inner; ++i) {
      const T d = dy[o * inner + i];
      T* column = dx + o * n * inner + i;
      if (f == Reduce::max)
        column[argmax(x + o * n * inner + i, n, inner) * inner] += d;
      else
        for (int64_t j = 0; j < n; ++j) column[j * inner] += f == Reduce::mean ? d / T(n) : d;
    }
}

template <class T>
void dot(T* y, const T* a, const T* b, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += static_cast<double>(a[i]) * b[i];
  y[0] = T(sum);
}

// A row without columns has no largest: -1.
template <class T>
void argmax_rows(int64_t* index, const T* x, int64_t rows, int64_t columns) {
  for (int64_t r = 0; r < rows; ++r) index[r] = columns ? argmax(x + r * columns, columns, 1) : -1;
}

template <class T>
void largest_other(int64_t* index, T* score, const T* z, const int64_t* label, int64_t N, int64_t M) {
  for (int64_t n = 0; n < N; ++n) {
    index[n] = -1, score[n] = -std::numeric_limits<T>::infinity();
    for (int64_t m = 0; m < M; ++m)
      if (m != label[n] && larger(z[n * M + m], score[n])) index[n] = m, score[n] = z[n * M + m];
  }
}

template <class T>
void find_nonfinite(int64_t* index, const T* x, int64_t n) {
  int64_t i = 0;
  while (i < n && std::isfinite(x[i])) ++i;
  index[0] = i < n ? i : -1;
}

}  // namespace

template <class T>
void install_reduce(Kernels<T>& k) {
  k.reduce_forward = reduce_forward;
  k.reduce_backward = reduce_backward;
  k.dot = dot;
  k.argmax_rows = argmax_rows;
  k.find_nonfinite = find_nonfinite;
  k.largest_other = largest_other;
}

template void install_reduce(Kernels<float>&);
template void install_reduce(Kernels<double>&);

}  // namespace fr::ref
