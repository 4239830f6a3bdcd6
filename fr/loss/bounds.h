// Lower bounds that the papers derive for the margin and the scale of their losses. Closed forms, for reports and for choosing
// options; nothing in the losses depends on them. M classes; p is the wanted probability of a class, 0 < p < 1.
// All throw std::invalid_argument for numbers out of range.
#pragma once
#include <cstdint>

namespace fr {

// The smallest m of A-Softmax with which the largest angle within a class stays below the smallest angle between classes.
// M = 2: 2 + sqrt(3); M > 2 weights evenly on a circle: 3. (Liu et al. 2017, Properties 2 and 3)
double a_softmax_margin_bound(int64_t M);
// The angular margin that m opens between classes whose weights are `angle` apart: (m - 1) / (m + 1) angle.
// (Liu et al. 2017, Table 1)
double a_softmax_angular_margin(double m, double angle);

// L2-Softmax: alpha >= log(p (M - 2) / (1 - p)), M > 2.                        (Ranjan et al. 2017)
double l2_softmax_scale_bound(int64_t M, double p);
// CosFace: s >= (M - 1)/M log((M - 1) p / (1 - p)).                            (Wang et al. 2018, "CosFace")
double cosface_scale_bound(int64_t M, double p);
// No loss without a margin falls below this with the scale s (l^2 in the paper, features and weights of length l):
// log(1 + (M - 1) e^(-s M / (M - 1))).                                         (Wang et al. 2017, "NormFace")
double normface_loss_floor(int64_t M, double s);

}  // namespace fr
