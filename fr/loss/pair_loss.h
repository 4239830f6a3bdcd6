// Contrastive and triplet loss on the distances of a batch, and the terms of a training loss made of them.
//   embeddings (N,D) -> rows of unit length -> squared distances (N,N) -> loss ()
// Every pair of the batch is looked at; batches are to hold several pictures of a person (P people x K pictures). A batch
// without a pair or triplet has loss 0 and gradient 0. The equations stand in tensor/pair_loss.h.
#pragma once
#include <vector>

#include "fr/loss/loss_term.h"

namespace fr {

// x (N,D), float or double -> (N,N): d2_ij = sum_d (x_id - x_jd)^2, exact where it is small. Throws std::invalid_argument
// for another rank or type.
Var squared_distances(const Var& x);

// d2 (N,N) squared distances, of which those with i < j are read, and labels int64 (N) -> (). Throws std::invalid_argument
// for other shapes, or a margin that is not a positive number.
Var contrastive_loss(const Var& d2, const Tensor& labels, const Contrastive& options);

// The same input -> (). The margin may also be 0. Two negatives that differ by less than the rounding of float may be chosen
// differently in float and in double: the loss hardly notices, the gradient of that anchor does.
Var triplet_loss(const Var& d2, const Tensor& labels, const Triplet& options);

// The triplets that triplet_loss takes its mean over, in the order of anchor and positive, for tests and reports. Brings
// the distances to the host.
struct SelectedTriplet {
  int64_t anchor, positive, negative;
  double loss;
};
std::vector<SelectedTriplet> selected_triplets(const Tensor& d2, const Tensor& labels,
                                               const Triplet& options);

// What distances are taken between: embeddings scaled to unit length, or as they are.
enum class Features { unit, raw };

// Contrastive loss beside a softmax: Liu et al. 2017, Table 4; the form of Hadsell et al. 2006, Eq. 4. The weight that is
// advised in a joint loss is 0.1: the papers leave it, the margin and the share of pairs open.
struct ContrastiveOptions : Contrastive {  // form = distance, weights = balanced, margin = 1
  Features features = Features::unit;      // raw: Sun et al. 2014, "DeepID2", Eq. 2
};
class ContrastiveTerm : public LossTerm {
 public:
  explicit ContrastiveTerm(const ContrastiveOptions& options);  // refuses what contrastive_loss() does
  Var loss(const Var& embedding, const Tensor& labels, const StepAt& at) override;
  const ContrastiveOptions& options() const { return options_; }

 private:
  ContrastiveOptions options_;
};

// Triplet loss on embeddings of unit length with semi-hard negatives of the batch: Schroff et al. 2015, "FaceNet".
using TripletOptions = Triplet;  // margin = 0.2
class TripletTerm : public LossTerm {
 public:
  explicit TripletTerm(const TripletOptions& options);  // refuses what triplet_loss() does
  Var loss(const Var& embedding, const Tensor& labels, const StepAt& at) override;
  const TripletOptions& options() const { return options_; }

 private:
  TripletOptions options_;
};

}  // namespace fr
