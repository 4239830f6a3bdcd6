// The domain frequency of classes from the scores of their neighbours.
#include <algorithm>
#include <cfloat>
#include <numeric>
#include <vector>

#include "tensor/cpu/ref.h"
#include "tensor/domain_function.h"

namespace fr::ref {
namespace {

// Where row q leaves a place out: its own class, or the last.
int64_t left_out(const int64_t* index, int64_t label, int64_t k) {
  return std::min<int64_t>(std::find(index, index + k, label) - index, k - 1);
}

// log sum_l exp(scale score_l) of all places but one
template <class T>
double compactness(const T* score, int64_t skipped, double scale, int64_t k) {
  double largest = -DBL_MAX, sum = 0;
  for (int64_t l = 0; l < k; ++l)
    if (l != skipped) largest = larger<double>(scale * score[l], largest) ? scale * score[l] : largest;
  for (int64_t l = 0; l < k; ++l)
    if (l != skipped) sum += std::exp(scale * score[l] - largest);
  return largest + std::log(sum);
}

// The first row of each class, ascending.
std::vector<int64_t> first_rows(const int64_t* label, int64_t Q) {
  std::vector<int64_t> rows(static_cast<size_t>(Q));
  std::iota(rows.begin(), rows.end(), int64_t{0});
  std::stable_sort(rows.begin(), rows.end(), [&](int64_t a, int64_t b) { return label[a] < label[b]; });
  rows.erase(
      std::unique(rows.begin(), rows.end(), [&](int64_t a, int64_t b) { return label[a] == label[b]; }),
      rows.end());
  std::sort(rows.begin(), rows.end());
  return rows;
}

template <class T>
void domain_frequency(T* dfi, T* ic, T* eps, const int64_t* index, const T* score, const int64_t* label,
                      const DomainFrequency& o, int64_t Q, int64_t k) {
  const std::vector<int64_t> rows = first_rows(label, Q);
  std::vector<double> of_row;
  for (const int64_t q : rows)
    of_row.push_back(
        held_compactness(o, compactness(score + q * k, left_out(index + q * k, label[q], k), o.scale, k)));
  if (rows.empty()) return;
  const double mean = std::accumulate(of_row.begin(), of_row.end(), 0.0) / double(rows.size());
  eps[0] = T(next_eps(o, eps[0], mean));
  for (size_t i = 0; i < rows.size(); ++i) {
    const int64_t j = label[rows[i]];
    ic[j] = T(of_row[i]), dfi[j] = T(indicator(o, eps[0], of_row[i]));
  }
}

}  // namespace

template <class T>
void install_domain(Kernels<T>& k) {
  k.domain_frequency = domain_frequency;
}

template void install_domain(Kernels<float>&);
template void install_domain(Kernels<double>&);

}  // namespace fr::ref
