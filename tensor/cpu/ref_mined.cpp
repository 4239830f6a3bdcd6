// Losses on pairs that the batch itself picks out: the lifted structured loss, the margin-based loss. Equations:
// tensor/pair_loss.h; what is done with one pair: tensor/mined_function.h.
#include <vector>

#include "tensor/cpu/ref.h"
#include "tensor/mined_function.h"

namespace fr::ref {
namespace {

// f(i, j) for every pair i < j of one class
template <class F>
void for_pairs(const int64_t* label, int64_t N, const F& f) {
  for (int64_t i = 0; i < N; ++i)
    for (int64_t j = i + 1; j < N; ++j)
      if (label[i] == label[j]) f(i, j);
}
// f(k) for every row k of another class than row i
template <class F>
void for_others(const int64_t* label, int64_t i, int64_t N, const F& f) {
  for (int64_t k = 0; k < N; ++k)
    if (label[k] != label[i]) f(k);
}

template <class T, class A>
ExpSum other_classes(const T* x, const int64_t* label, int64_t i, const A& a, int64_t N) {
  ExpSum s;
  for_others(label, i, N, [&](int64_t k) {
    const double a_ik = a(x[i * N + k]);
    s.largest = a_ik > s.largest ? a_ik : s.largest;
  });
  for_others(label, i, N, [&](int64_t k) { s.sum += std::exp(a(x[i * N + k]) - s.largest); });
  return s;
}

// weight_i = sum of g q over the pairs of row i, so that dL/da_ik = weight_i e^(a_ik) / (sum of row i)
template <class T, class A>
void lifted(T* loss, T* dx, T* dscale, const T* x, const int64_t* label, const A& a, double margin,
            int64_t N) {
  double pairs = 0, squares = 0, scale_sum = 0;
  std::vector<ExpSum> others;
  std::vector<double> weight(size_t(N), 0);
  for (int64_t i = 0; i < N; ++i) others.push_back(other_classes(x, label, i, a, N));
  for_pairs(label, N, [&](int64_t, int64_t) { ++pairs; });
  std::fill(dx, dx + N * N, T(0));
  const auto give = [&](int64_t i, int64_t j, double da) {
    const double x_ij = x[i * N + j];
    dx[i * N + j] = T(da * a.slope(x_ij)), scale_sum += da * x_ij;
  };
  for_pairs(label, N, [&](int64_t i, int64_t j) {
    const ExpSum &of_i = others[size_t(i)], &of_j = others[size_t(j)];
    const LiftedPair pair = lifted_pair(a(x[i * N + j]), margin, of_i, of_j);
    squares += pair.J * pair.J;
    weight[size_t(i)] += pair.J / pairs * pair.share_i, weight[size_t(j)] += pair.J / pairs * pair.share_j;
    give(i, j, -pair.J / pairs);
  });
  for (int64_t i = 0; i < N; ++i) {
    const ExpSum& s = others[size_t(i)];
    for_others(label, i, N, [&](int64_t k) {
      give(i, k, weight[size_t(i)] * std::exp(a(x[i * N + k]) - s.largest) / s.sum);
    });
  }
  *loss = pairs > 0 ? T(squares / (2 * pairs)) : T(0);
  if (dscale) *dscale = T(scale_sum);
}

template <class T>
void lifted_distance(T* loss, T* dd2, const T* d2, const int64_t* label, double margin, int64_t N) {
  lifted<T>(loss, dd2, nullptr, d2, label, DistanceAffinity(d2), margin, N);
}

template <class T>
void lifted_cosine(T* loss, T* ds, T* dscale, const T* s, const T* scale, const int64_t* label, double margin,
                   int64_t N) {
  lifted(loss, ds, dscale, s, label, CosineAffinity(scale), margin, N);
}

template <class T>
void choose_row(int64_t* chosen, const AnchorRow<T>& row) {
  std::vector<double> w;
  double largest = -DBL_MAX;
  for (int64_t j = 0; row.by_distance() && j < row.N; ++j) {
    const double log_weight = row.log_weight(j);
    largest = log_weight > largest ? log_weight : largest;
  }
  for (int64_t j = 0; j < row.N; ++j) w.push_back(row.weight(j, largest));
  row.choose(chosen, w.data());
}

template <class T>
void margin_pairs(T* loss, T* ds, T* dboundary, int64_t* chosen, const T* s, const T* boundary,
                  const int64_t* label, const MarginPairs& options, int64_t N) {
  double count = 0, sum = 0, slope = 0;
  const auto row = [&](int64_t i) {
    return AnchorRow<T>{s + i * N, label, N, i, double(*boundary), options};
  };
  for (int64_t i = 0; i < N; ++i) choose_row(chosen + i * N, row(i));
  for (int64_t i = 0; i < N; ++i)
    for (int64_t j = 0; j < N; ++j) {
      const double times = row(i).active(chosen + i * N, j);
      if (times == 0) continue;
      count += times, sum += times * row(i).violation(j), slope += times * row(i).sign(j);
    }
  for (int64_t i = 0; i < N; ++i)
    for (int64_t j = 0; j < N; ++j) {
      const double times = row(i).active(chosen + i * N, j);
      ds[i * N + j] = times == 0 ? T(0) : T(-row(i).sign(j) * times / count);
    }
  *loss = count > 0 ? T(sum / count) : T(0);
  *dboundary = count > 0 ? T(slope / count) : T(0);
}

}  // namespace

template <class T>
void install_mined(Kernels<T>& k) {
  k.lifted_distance = lifted_distance;
  k.lifted_cosine = lifted_cosine;
  k.margin_pairs = margin_pairs;
}

template void install_mined(Kernels<float>&);
template void install_mined(Kernels<double>&);

}  // namespace fr::ref
