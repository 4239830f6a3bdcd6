// Adam's step for many parameters, given the step for one of them: what every CPU backend does.
#pragma once
#include <cmath>

#include "tensor/adam_rule.h"

namespace fr {

template <class T, auto update>
void adam_update_many(const AdamParameter<T>* parameters, int64_t count, const AdamStep& step,
                      const StepState* state, double clip_norm) {
  const double norm = std::sqrt(state->squared_norm);
  if (!std::isfinite(norm)) return;
  const AdamCorrection correction = adam_correction(step, state->step + 1);
  const double scale = clip_factor(norm, clip_norm);
  for (int64_t i = 0; i < count; ++i) {
    const AdamParameter<T>& p = parameters[i];
    const AdamFactors<T> factors = adam_factors<T>(step, correction, state->learning_rate * p.lr_multiplier,
                                                   step.decay * p.decay_multiplier, scale);
    update(p.p, p.m, p.v, p.g, factors, p.n);
    if (p.low)
      for (int64_t j = 0; j < p.n; ++j) p.low[j] = p.p[j];
  }
}

}  // namespace fr
