// The optimiser's step for many parameters, given the step for one of them: what every CPU backend does.
#pragma once
#include <cmath>

#include "tensor/kernels.h"

namespace fr {

template <class T, auto update>
void sgd_update_many(const SgdParameter<T>* parameters, int64_t count, const SgdStep& step, const double* lr,
                     const double* squared_norm, double clip_norm) {
  SgdStep own = step;
  if (squared_norm) {
    const double norm = std::sqrt(*squared_norm);
    if (!std::isfinite(norm)) return;
    if (clip_norm > 0 && norm > clip_norm) own.gradient_scale *= clip_norm / norm;
  }
  for (int64_t i = 0; i < count; ++i) {
    const SgdParameter<T>& p = parameters[i];
    own.lr = (lr ? *lr : step.lr) * p.lr_multiplier, own.decay = step.decay * p.decay_multiplier;
    update(p.p, p.v, p.g, own, p.n);
    if (p.low)
      for (int64_t j = 0; j < p.n; ++j) p.low[j] = p.p[j];
  }
}

}  // namespace fr
