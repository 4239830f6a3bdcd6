// What the losses on mined pairs do with one pair and one row: small functions in double, shared by the reference and the
// card. The equations stand in tensor/pair_loss.h.
#pragma once
#include <cfloat>
#include <cmath>

#include "tensor/kernels.h"

namespace fr {

// --- lifted structured loss: a_ij and its derivative with respect to what the kernel is given ---

struct DistanceAffinity {
  template <class T>
  FR_HOST_DEVICE explicit DistanceAffinity(const T*) {}
  FR_HOST_DEVICE double operator()(double d2) const { return d2 <= 0 ? 0 : -std::sqrt(d2); }  // a NaN passes
  FR_HOST_DEVICE double slope(double d2) const {  // da/dd2, the distance at least 1e-8
    const double d = -(*this)(d2);
    return -0.5 / (d < 1e-8 ? 1e-8 : d);
  }
};
struct CosineAffinity {
  double scale;
  template <class T>
  FR_HOST_DEVICE explicit CosineAffinity(const T* scale_) : scale(double(*scale_)) {}
  FR_HOST_DEVICE double operator()(double s) const { return scale * s; }
  FR_HOST_DEVICE double slope(double) const { return scale; }  // da/ds
};

// sum e^a over some a as e^largest sum, where no power is above 1. Nothing yet: a finite `largest`.
struct ExpSum {
  double largest = -DBL_MAX, sum = 0;
};
// max(0, J_ij), and which shares of the sum inside its logarithm are those of rows i and j. A NaN passes.
struct LiftedPair {
  double J = 0, share_i = 0, share_j = 0;
};
FR_HOST_DEVICE static inline LiftedPair lifted_pair(double a_ij, double margin, const ExpSum& i,
                                                    const ExpSum& j) {
  const double largest = i.largest > j.largest ? i.largest : j.largest;
  const double of_i = i.sum * std::exp(i.largest - largest), of_j = j.sum * std::exp(j.largest - largest);
  const double J = margin + (largest - a_ij) + std::log(of_i + of_j);
  if (J <= 0) return {};
  return {J, of_i / (of_i + of_j), of_j / (of_i + of_j)};
}

// --- margin-based loss ---

// Draw number t of anchor i, in [0, 1): its positive has t = 0, its negatives t = 1, 2, ...
FR_HOST_DEVICE static inline float pair_uniform(const PhiloxKey& key, int64_t i, int64_t t) {
  return uniform_from_bits(philox4x32(key, uint64_t(i) << 32 | uint64_t(t) / 4)[size_t(t % 4)]);
}

// The first j whose running sum of weights w(j) >= 0 exceeds u times their total; -1 when all are 0. Sums run in double from
// j = 0 on, so equal weights give equal choices everywhere. A running sum that meets u times the total exactly leaves the
// draw to the next weight that is not 0. A weight that is not finite takes the draw: the loss shows it.
template <class W>
FR_HOST_DEVICE static inline int64_t drawn(int64_t N, float u, const W& w) {
  double total = 0, running = 0;
  for (int64_t j = 0; j < N; ++j) total += w(j);
  const bool finite = total <= DBL_MAX;
  const double bar = double(u) * total;
  for (int64_t j = 0; j < N; ++j) {
    const double w_j = w(j);
    if (finite ? (running += w_j) > bar : !(w_j <= DBL_MAX)) return j;
  }
  return -1;
}
// The first j of the largest weight; a NaN counts as that; -1 when all are 0.
template <class W>
FR_HOST_DEVICE static inline int64_t heaviest(int64_t N, const W& w) {
  int64_t best = -1;
  double largest = 0;
  for (int64_t j = 0; j < N; ++j) {
    const double w_j = w(j);
    if (w_j > largest || (w_j != w_j && largest == largest)) best = j, largest = w_j;
  }
  return best;
}

// Row i of the similarities (N,N), and what its anchor chooses of it. The same double arithmetic on every backend: for given
// floats choices are the same, but for the logarithms and exponentials of `distance`, whose last bits may differ (that moves
// a bound between two choices by 1e-13 of the total).
template <class T>
struct AnchorRow {
  const T* s;  // (N): of row i
  const int64_t* label;
  int64_t N, i;
  double boundary;
  const MarginPairs& options;

  FR_HOST_DEVICE bool same(int64_t j) const { return label[j] == label[i]; }
  FR_HOST_DEVICE double sign(int64_t j) const { return same(j) ? 1 : -1; }  // y_ij
  FR_HOST_DEVICE double violation(int64_t j) const {                        // l_ij; a NaN passes
    const double above = double(s[j]) - boundary;
    const double l = same(j) ? options.margin - above : options.margin + above;
    return l <= 0 ? 0 : l;
  }
  // log 1/q of a negative up to a constant, where d^2 = 2 - 2s and 1 - d^2/4 = (1 + s)/2; -infinity: not to be drawn
  FR_HOST_DEVICE double log_weight(int64_t j) const {
    const double nearest = 1 - options.cutoff * options.cutoff / 2,
                 farthest = 1 - options.loss_cutoff * options.loss_cutoff / 2;
    if (same(j) || double(s[j]) <= farthest) return -INFINITY;
    const double c = double(s[j]) > nearest ? nearest : double(s[j]);
    return -(options.D - 2) / 2 * std::log(2 - 2 * c) - (options.D - 3) / 2 * std::log((1 + c) / 2);
  }
  FR_HOST_DEVICE bool by_distance() const { return options.sampling == MarginPairs::Sampling::distance; }
  // largest: of the row's logarithms, or -DBL_MAX
  FR_HOST_DEVICE double weight(int64_t j, double largest) const {
    return by_distance() ? std::exp(log_weight(j) - largest) : violation(j);
  }
  // How often the pair counts: as often as chosen, if l_ij > 0.
  FR_HOST_DEVICE double active(const int64_t* chosen, int64_t j) const {
    return chosen[j] > 0 && !(violation(j) <= 0) ? double(chosen[j]) : 0;
  }

  // chosen (N): how often each pair (i,j) is chosen, given the weights w (N).
  FR_HOST_DEVICE void choose(int64_t* chosen, const double* w) const {
    const auto positive = [&](int64_t j) { return j != i && same(j) ? w[j] : 0.0; };
    const auto negative = [&](int64_t j) { return same(j) ? 0.0 : w[j]; };
    const auto take = [&](int64_t j) {
      if (j >= 0) ++chosen[j];
    };
    for (int64_t j = 0; j < N; ++j) chosen[j] = 0;
    int64_t draws = 0;
    switch (options.sampling) {
      case MarginPairs::Sampling::modified:
        take(drawn(N, pair_uniform(options.key, i, 0), positive));
        take(drawn(N, pair_uniform(options.key, i, 1), negative));
        break;
      case MarginPairs::Sampling::hardest:
        take(heaviest(N, positive)), take(heaviest(N, negative));
        break;
      case MarginPairs::Sampling::distance:
        for (int64_t j = 0; j < N; ++j)
          if (j != i && same(j)) take(j), take(drawn(N, pair_uniform(options.key, i, ++draws), negative));
        break;
    }
  }
};

}  // namespace fr
