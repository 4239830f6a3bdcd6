// Nearest neighbours: all scores of a query, sorted.
#include <algorithm>
#include <limits>
#include <numeric>

#include "tensor/cpu/ref.h"

namespace fr::ref {
namespace {

template <class T>
void top_k(int64_t* index, T* score, const T* q, const T* g, int64_t Q, int64_t N, int64_t D, int64_t k) {
  parallel_for(Q, [&](int64_t i) {
    const Scratch<T> scores(static_cast<size_t>(N));
    const Scratch<int64_t> rows(static_cast<size_t>(N));
    T* s = scores.get();
    for (int64_t n = 0; n < N; ++n) {
      double sum = 0;
      for (int64_t d = 0; d < D; ++d) sum += static_cast<double>(q[i * D + d]) * g[n * D + d];
      s[n] = T(sum);
    }
    const auto before = [&](int64_t a, int64_t b) {
      if (std::isnan(s[a]) != std::isnan(s[b])) return std::isnan(s[b]);
      return s[a] > s[b] || (!(s[a] < s[b]) && a < b);
    };
    const int64_t found = std::min(k, N);
    std::iota(rows.get(), rows.get() + N, int64_t{0});
    std::partial_sort(rows.get(), rows.get() + found, rows.get() + N, before);
    for (int64_t j = 0; j < k; ++j) {
      index[i * k + j] = j < found ? rows.get()[j] : -1;
      score[i * k + j] = j < found ? s[rows.get()[j]] : -std::numeric_limits<T>::infinity();
    }
  });
}

}  // namespace

template <class T>
void install_search(Kernels<T>& k) {
  k.top_k = top_k;
}

template void install_search(Kernels<float>&);
template void install_search(Kernels<double>&);

}  // namespace fr::ref
