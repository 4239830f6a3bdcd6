// VAL@FAR as insightface's verification script tells it beside its accuracy (its calculate_val): for each fold, FAR on the
// training folds at every squared distance 0, 0.001 .. 3.999 (accepted iff strictly below), the distance where it reaches
// the wanted FAR by linear interpolation, and at that distance the share of the fold's genuine and impostor pairs accepted.
// Not TAR@FAR: the realised FAR may exceed the wanted one.
#pragma once
#include <span>

#include "fr/protocol/metrics.h"

namespace fr {

struct InterpolatedVal {
  double val = 0, val_std = 0;  // mean over the folds, population standard deviation
  double far = 0;               // realised, mean over the folds
};

// scores: cosines. Throws Error{data} when a fold, or what remains without it, has no genuine or no impostor pair.
InterpolatedVal insightface_val(ScoreView cosines, std::span<const int> fold, double far = 1e-3);

// The abscissa where the increasing piecewise linear curve through (x_i, y_i), y ascending, reaches `wanted`; of equal y the
// last counts, as in SciPy's slinear before 1.11. 0 when no y is as large, as in the script.
double interpolate_ascending(std::span<const double> x, std::span<const double> y, double wanted);

}  // namespace fr
