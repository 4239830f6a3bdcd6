// The margin-based loss: pairs of one class are pulled above a trained boundary, others pushed below it, and each row of the
// batch chooses few of its pairs.
//   Wu, Manmatha, Smola, Kraehenbuehl 2017, "Sampling matters in deep embedding learning"; on cosines and with sampling by
//   violation: Smirnov et al. 2017, "Doppelganger Mining", Eq. 2 to 5.
// Equations and samplings: tensor/pair_loss.h.
#pragma once
#include "fr/loss/loss_term.h"

namespace fr {

// s (N,N) similarities, boundary (1), labels int64 (N) -> loss (). Which pairs are chosen is a function of the inputs and
// options.key, and a constant to the gradient. chosen: receives int64 (N,N), how often anchor i chose the pair (i,j).
// Throws std::invalid_argument for shapes, types, margin < 0, or for sampling by distance D < 2 or cutoffs that are not
// 0 < cutoff < loss_cutoff < 2.
Var margin_based(const Var& s, const Var& boundary, const Tensor& labels, const MarginPairs& options,
                 Tensor* chosen = nullptr);

struct MarginBasedOptions {
  MarginPairs::Sampling sampling = MarginPairs::Sampling::modified;
  double margin = 0.1;    // alpha
  double boundary = 0.5;  // beta at the start; trained, stays within [-1 + margin, 1 - margin]
  double cutoff = 0.5, loss_cutoff = 1.4;  // sampling by distance
};

// Features are scaled to unit length (rows shorter than 1e-12 to 0, without gradient). Parameter "boundary" (1): beta, lr x1,
// decay x0. Draws: Purpose::pairs of random_state(). Throws std::invalid_argument for a margin outside [0, 1], a boundary
// beyond its bounds, or cutoffs that margin_based() refuses.
class MarginBasedTerm : public LossTerm {
 public:
  explicit MarginBasedTerm(const MarginBasedOptions& options = {});
  Var loss(const Var& embedding, const Tensor& labels, const StepAt& at) override;
  const MarginBasedOptions& options() const { return options_; }

 protected:
  void keep_in_bounds() override;

 private:
  MarginBasedOptions options_;
  Parameter* boundary_ = nullptr;
};

}  // namespace fr
