// The likelihood that two rows of one class, each a normal distribution, are of one point.
#include <vector>

#include "tensor/cpu/ref.h"
#include "tensor/likelihood_function.h"

namespace fr::ref {
namespace {

template <class T>
struct Rows {
  const T *m, *s;
  const int64_t* label;
  int64_t N, D;

  // Sum of row i over its pairs; dm, ds (D): of that sum by the row's own numbers.
  double row(int64_t i, std::vector<double>& dm, std::vector<double>& ds) const {
    double sum = 0;
    for (int64_t j = 0; j < N; ++j) {
      if (j == i || label[j] != label[i]) continue;
      for (int64_t d = 0; d < D; ++d) {
        const LikelihoodPart part = likelihood_part(double(m[i * D + d]), double(s[i * D + d]),
                                                    double(m[j * D + d]), double(s[j * D + d]));
        sum += part.l, dm[size_t(d)] += part.dm, ds[size_t(d)] += part.ds;
      }
    }
    return sum;
  }
};

int64_t ordered_pairs(const int64_t* label, int64_t N) {
  int64_t pairs = 0;
  for (int64_t i = 0; i < N; ++i)
    for (int64_t j = 0; j < N; ++j) pairs += i != j && label[i] == label[j];
  return pairs;
}

// The pair (j,i) gives row i as much as (i,j).
template <class T>
void likelihood_pairs(T* loss, T* dm, T* ds, const T* m, const T* s, const int64_t* label, int64_t N,
                      int64_t D) {
  const Rows<T> rows{m, s, label, N, D};
  const auto pairs = double(ordered_pairs(label, N)), share = pairs > 0 ? 1 / pairs : 0;
  std::vector<double> sums(static_cast<size_t>(N));
  parallel_for(N, [&](int64_t i) {
    std::vector<double> dm_i(size_t(D), 0), ds_i(size_t(D), 0);
    sums[size_t(i)] = rows.row(i, dm_i, ds_i);
    for (int64_t d = 0; d < D; ++d) {
      if (dm) dm[i * D + d] = T(2 * share * dm_i[size_t(d)]);
      if (ds) ds[i * D + d] = T(2 * share * ds_i[size_t(d)]);
    }
  });
  double sum = 0;
  for (const double of_row : sums) sum += of_row;
  *loss = T(share * sum);
}

}  // namespace

template <class T>
void install_likelihood(Kernels<T>& k) {
  k.likelihood_pairs = likelihood_pairs;
}

template void install_likelihood(Kernels<float>&);
template void install_likelihood(Kernels<double>&);

}  // namespace fr::ref
