// Gradients that are not the derivative of their loss, written out as loops over one batch: they share nothing with the
// code that they check, neither its target functions nor its products.
#pragma once
#include <functional>

#include "audit/function.h"

namespace fr::audit {

// h of the angle between an embedding and its class, in radians.
using Target = std::function<double(double theta)>;

// psi_m by the definition on [k pi/m, (k+1) pi/m], annealed: (lambda cos + psi_m) / (1 + lambda).
// Liu et al. 2017, Eq. 7 and App. G.
Target psi_target(int m, double lambda);

// Inputs x (N,D), w (M,D); row n is of class 2 n mod M, the loss a mean. The margin h - cos is a constant of the gradient.
Formula detached_by_norm(Target h);             // scores |x| h
Formula detached_by_scale(double s, Target h);  // scores s h

// What the layer of Liu et al. (2017) computes for A-Softmax; the equations are in docs/math/a_softmax.md.
Formula caffe(int m, double lambda);

}  // namespace fr::audit
