// What one step of Adam makes of one weight (AdamStep in tensor/kernels.h), the same on every backend. The corrections for
// the zeros at which the moments started are put into factors of the whole step, which are computed in double.
#pragma once
#include <cmath>

#include "tensor/kernels.h"

namespace fr {

// base^n by squaring: the same bits on every machine.
FR_HOST_DEVICE static inline double whole_power(double base, uint64_t n) {
  double result = 1;
  for (; n > 0; n /= 2, base *= base)
    if (n % 2) result *= base;
  return result;
}

// g' = scale g + coupled p,  m <- beta1 m + rest1 g',  v <- beta2 v + rest2 g'^2
// p <- keep p - rate m / (sqrt(correction v) + eps)
template <class F>
struct AdamFactors {
  F scale, coupled, beta1, rest1, beta2, rest2, keep, rate, correction, eps;
};

// 1 / (1 - beta^t) of the two moments at step t = 1, 2, ...
struct AdamCorrection {
  double first, second;
};
FR_HOST_DEVICE static inline AdamCorrection adam_correction(const AdamStep& s, uint64_t t) {
  return {1 / (1 - whole_power(s.beta1, t)), 1 / (1 - whole_power(s.beta2, t))};
}

// lr and decay are the parameter's own; scale multiplies its gradient.
template <class F>
FR_HOST_DEVICE static inline AdamFactors<F> adam_factors(const AdamStep& s, const AdamCorrection& correction,
                                                         double lr, double decay, double scale) {
  AdamFactors<F> f;
  f.scale = F(scale), f.coupled = F(s.decoupled ? 0 : decay);
  f.beta1 = F(s.beta1), f.rest1 = F(1 - s.beta1), f.beta2 = F(s.beta2), f.rest2 = F(1 - s.beta2);
  f.keep = F(s.decoupled ? 1 - lr * decay : 1), f.rate = F(lr * correction.first);
  f.correction = F(correction.second), f.eps = F(s.eps);
  return f;
}

template <class F>
FR_HOST_DEVICE static inline void adam_element(F& p, F& m, F& v, F g, const AdamFactors<F>& f) {
  const F gradient = f.scale * g + f.coupled * p;
  m = f.beta1 * m + f.rest1 * gradient;
  v = f.beta2 * v + f.rest2 * (gradient * gradient);
  p = f.keep * p - f.rate * m / (std::sqrt(f.correction * v) + f.eps);
}

// What the gradients are multiplied by so that their norm is at most clip_norm (0: any).
FR_HOST_DEVICE static inline double clip_factor(double norm, double clip_norm) {
  return clip_norm > 0 && norm > clip_norm ? clip_norm / norm : 1;
}

}  // namespace fr
