// The losses on pairs of a batch: their options and equations. label_i is the class of row i; d_ij the distance, d2_ij its
// square, s_ij the similarity of rows i and j. P = the pairs i < j of one class.
#pragma once
#include "base/philox.h"

namespace fr {

// L = 1/2 sum_{i<j} w_ij l_ij,   l_ij = d2_ij for one class, otherwise
//   distance   max(margin - d_ij, 0)^2               Hadsell et al. 2006
//   squared    max(margin - d2_ij, 0)                the "legacy" form of Caffe's layer
// With n pairs in all, n_1 of one class and n_2 of two:
//   pairs      w = 1 / n, the plain mean
//   balanced   w = 1 / (2 n_1) and 1 / (2 n_2): what a draw of as many of each kind gives in expectation, where a batch
//              holds far fewer of the first; 1 / n where one kind is missing
// Rows of two classes at d = 0, where d has no derivative, do not move: dL/dd2 = 0. (Caffe's layer divides by d + 1e-4,
// which moves them as little: x_i - x_j = 0.)
struct Contrastive {
  enum class Form { distance, squared };
  enum class Weights { balanced, pairs };
  Form form = Form::distance;
  Weights weights = Weights::balanced;
  double margin = 1;
};

// L = mean over the ordered pairs (a,p) of one class, a != p, of max(0, d2_ap - d2_an + margin). n is the nearest row of
// another class with d2_an > d2_ap, which need not violate the margin, and if there is none the farthest; ties: the lowest
// n. The selection is a constant to the gradient, and pairs without loss count in the mean.
//                                                    Schroff et al. 2015, "FaceNet", Eq. 3 and Sec. 3.2
struct Triplet {
  double margin = 0.2;
};

// lifted_distance (Song et al. 2016):
//   J_ij = d_ij + log(sum_{k: other class} e^(margin - d_ik) + sum_{l: other class} e^(margin - d_jl))
// lifted_cosine:
//   J_ij = -scale s_ij + margin + log(sum_k e^(scale s_ik) + sum_l e^(scale s_jl))
// Both: L = 1/(2|P|) sum_P max(0, J_ij)^2. Distances are at least 1e-8 in the derivative.

// l_ij = (margin - y_ij (s_ij - boundary))_+, y = 1 for one class, otherwise -1. Each anchor i draws at most one positive
// and one negative; L = sum of the chosen l / their number.
//   modified   p ~ l_ij (Smirnov et al. 2017, Eq. 3-5)
//   distance   Wu et al. 2017: every positive is chosen; the negative with p ~ 1 / q(d), log q = (D - 2) log d + (D - 3)/2
//              log(1 - d^2/4), d >= cutoff, and none beyond d = loss_cutoff;  L over the pairs with l > 0
//   hardest    the largest l_ij: no draw
struct MarginPairs {
  enum class Sampling { modified, distance, hardest };
  Sampling sampling = Sampling::modified;
  double margin = 0.1;
  double D = 512;  // distance: of the embedding
  double cutoff = 0.5, loss_cutoff = 1.4;
  PhiloxKey key{};
};

}  // namespace fr
