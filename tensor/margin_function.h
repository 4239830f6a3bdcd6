// Target functions of the margin losses: h(c) and h'(c) of the cosine c between an embedding and its own
// class. One small function each, shared by every backend. h' is the true derivative; where it holds 1 /
// sin(theta) the sine is bounded below (1e-6 in float, 1e-7 in double), which keeps |h'| |w - c x| bounded
// because |w - c x| = sin(theta).
#pragma once
#include <cmath>
#include <type_traits>

#include "base/bfloat16.h"

namespace fr {

struct Margin {
  enum class Kind {
    none,  // h = c                                            softmax on cosines, NormFace, modified softmax
    a_softmax,  // h = (lambda c + psi_m(c)) / (1 + lambda)         SphereFace (Liu 2017), Eq. 7 and App. G
    cosface,    // h = c - m                                        CosFace, AM-Softmax (Wang 2018)
  };
  Kind kind = Kind::none;
  double m = 0;                       // a_softmax: 1, 2, 3 or 4;  cosface: cosine units
  double lambda = 0;                  // a_softmax: annealing weight of the plain cosine
  const double* lambda_at = nullptr;  // where it lies in the backend's memory, instead
};

template <class T>
struct MarginValue {
  T h, dh;
};

// psi_m(theta) = (-1)^k cos(m theta) - 2k on [k pi/m, (k+1) pi/m], as a function of c = cos(theta):
// psi = (-1)^k T_m(c) - 2k with T_m the Chebyshev polynomial and k = #{j in 1..m-1 : c <= cos(j pi / m)}.
// Counting thresholds needs no acos and has no rounding trouble at the boundaries, where psi is continuous.
template <class T>
FR_HOST_DEVICE static inline MarginValue<T> psi(int m, T c) {
  const T half = T(0.5), root_half = T(0.70710678118654752440);
  const T c2 = c * c;
  T chebyshev = c, slope = 1;
  int k = 0;
  switch (m) {
    case 2:
      chebyshev = 2 * c2 - 1, slope = 4 * c, k = (c <= 0);
      break;
    case 3:
      chebyshev = (4 * c2 - 3) * c, slope = 12 * c2 - 3, k = (c <= half) + (c <= -half);
      break;
    case 4:
      chebyshev = 8 * c2 * (c2 - 1) + 1, slope = (32 * c2 - 16) * c;
      k = (c <= root_half) + (c <= 0) + (c <= -root_half);
      break;
    default:
      break;
  }
  const T sign = k % 2 ? T(-1) : T(1);
  return {sign * chebyshev - 2 * k, sign * slope};
}

template <class T>
FR_HOST_DEVICE static inline MarginValue<T> margin_value(const Margin& margin, T c) {
  switch (margin.kind) {
    case Margin::Kind::a_softmax: {
      const MarginValue<T> p = psi(static_cast<int>(margin.m), c);
      const T lambda = T(margin.lambda_at ? *margin.lambda_at : margin.lambda), share = 1 / (1 + lambda);
      return {(lambda * c + p.h) * share, (lambda + p.dh) * share};
    }
    case Margin::Kind::cosface:
      return {c - T(margin.m), T(1)};
    case Margin::Kind::none:
      break;
  }
  return {c, T(1)};
}

}  // namespace fr
