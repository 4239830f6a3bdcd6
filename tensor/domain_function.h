// What domain_frequency does with a mean and with one class: small functions in double, shared by the reference and the card.
#pragma once
#include "tensor/kernels.h"

namespace fr {

FR_HOST_DEVICE static inline bool warms_up(const DomainFrequency& o) {
  return (o.step_at ? *o.step_at : o.step) < o.warmup;
}
FR_HOST_DEVICE static inline double next_eps(const DomainFrequency& o, double eps, double mean) {
  if (o.eps > 0) return o.eps;
  if (warms_up(o)) return eps;
  return eps == 0 ? mean : o.decay * eps + (1 - o.decay) * mean;
}
// A NaN passes through both.
FR_HOST_DEVICE static inline double held_compactness(const DomainFrequency& o, double ic) {
  return ic < o.least_compactness ? o.least_compactness : ic;
}
FR_HOST_DEVICE static inline double indicator(const DomainFrequency& o, double eps, double ic) {
  if (warms_up(o)) return 1;
  const double dfi = eps / ic;
  return dfi < o.least ? o.least : dfi > o.most ? o.most : dfi;
}

}  // namespace fr
