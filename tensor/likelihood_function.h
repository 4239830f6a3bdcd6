// What one number of two rows gives to their mutual likelihood: shared by the reference and the card, in double on both.
#pragma once
#include <cmath>

#include "tensor/kernels.h"

namespace fr {

// l = (m_i - m_j)^2 / (v + 1e-10) + log v,  v = exp(s_i) + exp(s_j), with its derivatives by m_i and s_i. It is symmetric in i
// and j.
struct LikelihoodPart {
  double l, dm, ds;
};
FR_HOST_DEVICE static inline LikelihoodPart likelihood_part(double m_i, double s_i, double m_j, double s_j) {
  const double var_i = std::exp(s_i), v = var_i + std::exp(s_j), apart = m_i - m_j;
  const double share = apart / (v + 1e-10);
  return {apart * share + std::log(v), 2 * share, var_i * (1 / v - share * share)};
}

}  // namespace fr
