// Target functions of the margin losses: h(c) and h'(c) of the cosine c = cos(theta) in [-1, 1] between an embedding and
// its own class. One small function each, shared by every backend; none needs an acos but the combined margin with m1 != 1.
// h' is the true derivative; where it holds 1 / sin(theta) the sine is bounded below (1e-6 in float, 1e-7 in double), which
// keeps |h'| |w - c x| bounded because |w - c x| = sin(theta).
#pragma once
#include <cmath>
#include <type_traits>

#include "base/bfloat16.h"

namespace fr {

struct Margin {
  enum class Kind {
    none,       // h = c: softmax on cosines, NormFace, modified softmax
    a_softmax,  // h = (lambda c + psi_m(c)) / (1 + lambda): SphereFace (Liu 2017, Eq. 7), L-Softmax (2016)
    cosface,    // h = c - m: CosFace, AM-Softmax (Wang 2018)
    arcface,    // h = cos(theta + m): ArcFace (Deng 2019, Eq. 3)
    combined,   // h = cos(m1 theta + m2) - m3: Deng 2019, Eq. 4
  };
  // ArcFace where theta + m > pi, that is c <= -cos(m), and cos(theta + m) would rise again:
  enum class Rule {
    threshold,    // h = c - m sin(m) there, which falls again, after a jump at c = -cos(m)
    easy_margin,  // h = c wherever c <= 0
    none,         // the paper's equation everywhere
  };
  // The combined margin where m1 theta + m2 > pi:
  enum class Guard {
    none,      // the paper's equation: h rises again
    monotone,  // h = -1 - m3 - (m1 theta + m2 - pi), which goes on falling, without a jump (ours)
  };
  Kind kind = Kind::none;
  double m = 0;                       // a_softmax: 1, 2, 3 or 4;  cosface: cosine units;  arcface: radians
  double lambda = 0;                  // a_softmax: annealing weight of the plain cosine
  const double* lambda_at = nullptr;  // where it lies in the backend's memory, instead
  double m1 = 1, m2 = 0, m3 = 0;      // combined: factor of the angle, radians, cosine units
  Rule rule = Rule::threshold;        // arcface
  Guard guard = Guard::none;          // combined
};

// The margin of a class that has `factor` times the margin; 0: none at all. An angle that is added is pi / 2 at most: large
// ones would help the class. A-Softmax, whose margin is a whole number, has no such thing.
FR_HOST_DEVICE static inline Margin scaled_margin(Margin margin, double factor) {
  const double most = 1.57079632679489661923, m = margin.m * factor, m2 = margin.m2 * factor;
  margin.m = margin.kind == Margin::Kind::arcface && m > most ? most : m;
  margin.m1 = 1 + factor * (margin.m1 - 1);
  margin.m2 = m2 > most ? most : m2, margin.m3 *= factor;
  return margin;
}

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

// The functions of C by element type: those of std are inline, and an inline function may become every file's copy.
FR_HOST_DEVICE static inline float root_of(float x) { return sqrtf(x); }
FR_HOST_DEVICE static inline double root_of(double x) { return sqrt(x); }
FR_HOST_DEVICE static inline float cos_of(float x) { return cosf(x); }
FR_HOST_DEVICE static inline double cos_of(double x) { return cos(x); }
FR_HOST_DEVICE static inline float sin_of(float x) { return sinf(x); }
FR_HOST_DEVICE static inline double sin_of(double x) { return sin(x); }
FR_HOST_DEVICE static inline float angle_of(float s, float c) { return atan2f(s, c); }
FR_HOST_DEVICE static inline double angle_of(double s, double c) { return atan2(s, c); }

// sin(theta); the product keeps its digits near +-1.
template <class T>
FR_HOST_DEVICE static inline T sine(T c) {
  return root_of((1 - c) * (1 + c));
}
// sin(theta) to divide by.
template <class T>
FR_HOST_DEVICE static inline T bounded_sine(T c) {
  const T least = std::is_same_v<T, float> ? T(1e-6) : T(1e-7), s = sine(c);
  return s < least ? least : s;
}

// h = cos(theta + m) = c cos(m) - sin(theta) sin(m)
template <class T>
FR_HOST_DEVICE static inline MarginValue<T> angle_sum(T m, T c) {
  const T cos_m = cos_of(m), sin_m = sin_of(m);
  return {c * cos_m - sine(c) * sin_m, cos_m + c * sin_m / bounded_sine(c)};
}

template <class T>
FR_HOST_DEVICE static inline MarginValue<T> arcface(T m, Margin::Rule rule, T c) {
  if (rule == Margin::Rule::threshold && c <= -cos_of(m)) return {c - m * sin_of(m), T(1)};
  if (rule == Margin::Rule::easy_margin && c <= 0) return {c, T(1)};
  return angle_sum(m, c);
}

// The slope m1 sin(m1 theta + m2) / sin(theta) takes theta of the bounded sine above and below: at c = +-1 without m2 it is
// the limit.
template <class T>
FR_HOST_DEVICE static inline MarginValue<T> combined(T m1, T m2, T m3, Margin::Guard guard, T c) {
  const T pi = T(3.14159265358979323846), s = bounded_sine(c), angle = m1 * angle_of(sine(c), c) + m2;
  if (guard == Margin::Guard::monotone && angle > pi) return {pi - 1 - m3 - angle, m1 / s};
  if (m1 == 1) {
    const MarginValue<T> sum = angle_sum(m2, c);
    return {sum.h - m3, sum.dh};
  }
  return {cos_of(angle) - m3, m1 * sin_of(m1 * angle_of(s, c) + m2) / s};
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
    case Margin::Kind::arcface:
      return arcface(T(margin.m), margin.rule, c);
    case Margin::Kind::combined:
      return combined(T(margin.m1), T(margin.m2), T(margin.m3), margin.guard, c);
    case Margin::Kind::none:
      break;
  }
  return {c, T(1)};
}

}  // namespace fr
