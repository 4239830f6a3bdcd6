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

// lifted_distance (a_ij = -d_ij; Song et al. 2016, "Deep metric learning via lifted structured feature embedding", Eq. 4) and
// lifted_cosine (a_ij = scale s_ij):
//   J_ij = margin - a_ij + log(sum_{k: other class} e^(a_ik) + sum_{l: other class} e^(a_jl))
//   L = 1/(2|P|) sum_P max(0, J_ij)^2
//   dL/da_ij = -g_ij,  dL/da_ik += g_ij q_ik,  dL/da_jl += g_ij q_jl,   g_ij = max(0, J_ij) / |P|,  q = e^a / (the two sums)
// Read are (i,j) with i < j of each pair, (i,k) and (j,l) of its two rows; the derivative with respect to every other
// element is 0. No pair, or no row of another class: L = 0. dd/dd2 = 1/(2d) takes 1e-8 for a smaller d.

// l_ij = max(0, margin - y_ij (s_ij - boundary)), y = 1 for one class, otherwise -1. Each anchor i chooses from its row;
// L = sum of the chosen l > 0 over their number, a pair chosen twice counting twice, and 0 when there are none. What is
// chosen is not differentiated.                                    Smirnov et al. 2017, "Doppelganger Mining", Eq. 2
//   modified   at most one positive and one negative, each with p = l_ij / sum of the l of its kind          Eq. 3 to 5
//   hardest    the positive and the negative of the largest l > 0, ties to the lowest: no draw
//   distance   Wu et al. 2017, "Sampling matters in deep embedding learning", as its published code does it: every positive
//              once, and for each of them one negative, drawn with replacement with p ~ 1 / q(d), where q(d) ~ d^(D-2)
//              (1 - d^2/4)^((D-3)/2) is how distances d = sqrt(2 - 2s) of unit vectors are spread. Nearer than `cutoff` a
//              negative weighs as much as there; from `loss_cutoff` on it is never drawn. An anchor all of whose negatives
//              are that far draws none (there: any row of the batch). l stays the one of cosines.
struct MarginPairs {
  enum class Sampling { modified, distance, hardest };
  Sampling sampling = Sampling::modified;
  double margin = 0.1;
  double D = 512;                          // distance: of the embedding
  double cutoff = 0.5, loss_cutoff = 1.4;  // distance: 0 < cutoff < loss_cutoff < 2
  PhiloxKey key{};
};

}  // namespace fr
