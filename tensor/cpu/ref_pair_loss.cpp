// Losses on pairs and triplets of a batch, and the centres of its classes.
#include <algorithm>
#include <cmath>

#include "tensor/cpu/ref.h"
#include "tensor/pair_function.h"

namespace fr::ref {
namespace {

ContrastiveWeights weights_of(const Contrastive& options, const int64_t* label, int64_t N) {
  int64_t same = 0;
  for (int64_t i = 0; i < N; ++i)
    for (int64_t j = i + 1; j < N; ++j) same += label[i] == label[j];
  return contrastive_weights(options, double(same), double(N * (N - 1) / 2 - same));
}

template <class T>
void contrastive(T* loss, T* dd2, const T* d2, const int64_t* label, const Contrastive& options, int64_t N) {
  const ContrastiveWeights w = weights_of(options, label, N);
  double sum = 0;
  std::fill(dd2, dd2 + N * N, T(0));
  for (int64_t i = 0; i < N; ++i)
    for (int64_t j = i + 1; j < N; ++j) {
      const bool same = label[i] == label[j];
      const PairValue<double> pair = contrastive_value(options, same, double(d2[i * N + j]));
      sum += (same ? w.same : w.other) * pair.l;
      dd2[i * N + j] = T((same ? w.same : w.other) * pair.slope);
    }
  *loss = T(sum);
}

// The number of active triplets in which an element stands is counted first, then divided by the number of all.
template <class T>
void triplet(T* loss, T* dd2, const T* d2, const int64_t* label, const Triplet& options, int64_t N) {
  double sum = 0, count = 0;
  std::fill(dd2, dd2 + N * N, T(0));
  for (int64_t a = 0; a < N; ++a)
    for (int64_t p = 0; p < N; ++p) {
      if (a == p || label[a] != label[p]) continue;
      const Negative<T> n = semi_hard_negative(d2 + a * N, label, a, p, N);
      if (n.number < 0) continue;
      const double l = double(d2[a * N + p]) - double(n.d2) + options.margin;
      ++count;
      if (l <= 0) continue;
      sum += l;
      dd2[a * N + p] += 1, dd2[a * N + n.number] -= 1;
    }
  for (int64_t i = 0; i < N * N && count > 0; ++i) dd2[i] = T(double(dd2[i]) / count);
  *loss = count > 0 ? T(sum / count) : T(0);
}

// Each class at its first row.
template <class T>
void center_update(T* c, const T* x, const int64_t* label, const double* squared_norm, double rate, int64_t N,
                   int64_t D) {
  if (squared_norm && !std::isfinite(*squared_norm)) return;
  for (int64_t i = 0; i < N; ++i) {
    if (std::find(label, label + i, label[i]) != label + i) continue;
    const auto n = double(std::count(label + i, label + N, label[i]));
    T* c_j = c + label[i] * D;
    for (int64_t d = 0; d < D; ++d) {
      double sum = 0;
      for (int64_t k = i; k < N; ++k)
        if (label[k] == label[i]) sum += double(c_j[d]) - double(x[k * D + d]);
      c_j[d] = T(c_j[d] - rate * sum / (1 + n));
    }
  }
}

}  // namespace

template <class T>
void install_pair_loss(Kernels<T>& k) {
  k.contrastive = contrastive;
  k.triplet = triplet;
  k.center_update = center_update;
}

template void install_pair_loss(Kernels<float>&);
template void install_pair_loss(Kernels<double>&);

}  // namespace fr::ref
