// What the losses on pairs are of a single pair or triplet: small functions, shared by the reference and the card. The
// equations stand in tensor/pair_loss.h.
#pragma once
#include "tensor/scalar_function.h"

namespace fr {

// l of a pair, before its weight, and its derivative with respect to d2. Written so that a NaN passes.
template <class T>
struct PairValue {
  T l, slope;
};
template <class T>
FR_HOST_DEVICE static inline PairValue<T> contrastive_value(const Contrastive& o, bool same, T d2) {
  if (same) return {d2, T(1)};
  if (o.form == Contrastive::Form::squared) {
    const T u = T(o.margin) - d2;
    return u <= 0 ? PairValue<T>{T(0), T(0)} : PairValue<T>{u, T(-1)};
  }
  const T d = std::sqrt(d2), u = T(o.margin) - d;
  return u <= 0 ? PairValue<T>{T(0), T(0)} : PairValue<T>{u * u, d == 0 ? T(0) : -u / d};
}

// w / 2 of pairs of one class and of two.
struct ContrastiveWeights {
  double same, other;
};
FR_HOST_DEVICE static inline ContrastiveWeights contrastive_weights(const Contrastive& o, double same,
                                                                    double other) {
  if (same + other == 0) return {0, 0};
  if (o.weights == Contrastive::Weights::pairs || same == 0 || other == 0)
    return {0.5 / (same + other), 0.5 / (same + other)};
  return {0.25 / same, 0.25 / other};
}

// A row that may be the negative of a triplet; number -1: none.
template <class T>
struct Negative {
  T d2 = 0;
  int64_t number = -1;
  bool semi_hard = false;  // farther than the positive
};
// A strict order in which the selected negative comes first, so that rows may be looked at in any order. A NaN is the
// farthest.
template <class T>
FR_HOST_DEVICE static inline bool preferred(const Negative<T>& a, const Negative<T>& b) {
  if (a.number < 0 || b.number < 0) return b.number < 0 && a.number >= 0;
  if (a.semi_hard != b.semi_hard) return a.semi_hard;
  const T x = a.semi_hard ? b.d2 : a.d2, y = a.semi_hard ? a.d2 : b.d2;
  if (larger(x, y)) return true;
  return !larger(y, x) && a.number < b.number;
}

// The negative of anchor a and positive p among the rows first, first + step, ...; d2_a (N) is row a of the distances.
template <class T>
FR_HOST_DEVICE static inline Negative<T> semi_hard_negative(const T* d2_a, const int64_t* label, int64_t a,
                                                            int64_t p, int64_t N, int64_t first = 0,
                                                            int64_t step = 1) {
  Negative<T> best;
  for (int64_t n = first; n < N; n += step) {
    if (label[n] == label[a]) continue;
    const Negative<T> candidate{d2_a[n], n, d2_a[n] > d2_a[p]};
    if (preferred(candidate, best)) best = candidate;
  }
  return best;
}

}  // namespace fr
