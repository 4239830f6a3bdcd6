// How likely it is that two pictures are of one person, when each is a normal distribution of embeddings: mean mu, and a
// variance sigma^2 for every number of it.            Shi and Jain 2019, "Probabilistic Face Embeddings", Eq. 3 and 6
//   MLS(1,2) = -1/2 sum_l [(mu_1l - mu_2l)^2 / v_l + log v_l] - D/2 log 2 pi,   v = sigma_1^2 + sigma_2^2
// It is symmetric. With one variance for everything and means of unit length it is a straight line of the cosine.
#pragma once
#include "autograd/ops.h"

namespace fr {

// The score of row n with row n: means and logarithms of the variances (N,D) -> (N). Throws std::invalid_argument for other
// shapes and types.
Var mutual_likelihood(const Var& mean_a, const Var& log_variance_a, const Var& mean_b,
                      const Var& log_variance_b);

// The mean over the ordered pairs i != j of one class of sum_l [(mu_i - mu_j)^2 / (v + 1e-10) + log v], which is
// -2 MLS - D log 2 pi: what the uncertainty module is trained by. mean, log_variance (N,D) of float or double, labels int64
// (N) -> (). Without a pair 0. Throws std::invalid_argument.
Var likelihood_loss(const Var& mean, const Var& log_variance, const Tensor& labels);

// The score of two rows of D numbers, in double; variances, not their logarithms.
double mutual_likelihood(const float* mean_a, const float* variance_a, const float* mean_b,
                         const float* variance_b, int64_t D);

}  // namespace fr
