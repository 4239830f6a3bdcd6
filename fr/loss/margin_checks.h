// What margin_cross_entropy asks of its arguments.
#pragma once
#include "fr/loss/margin_loss.h"

namespace fr {

// Throws std::invalid_argument naming what was expected and what was found.
void check_margin_arguments(const Var& x, const Var& w, const Tensor& labels, const MarginOptions& options);

}  // namespace fr
