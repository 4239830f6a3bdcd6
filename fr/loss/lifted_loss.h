// The lifted structured loss: every pair of one class against all rows of other classes beside either of its two.
//   Song, Xiang, Jegelka, Savarese 2016, "Deep metric learning via lifted structured feature embedding", Eq. 4.
// Two ops on the matrix of pairs, and the term of three forms made of them. Equations: tensor/pair_loss.h.
#pragma once
#include "fr/loss/loss_term.h"

namespace fr {

// d2 (N,N) squared distances, labels int64 (N) -> loss (). Labels are only compared with one another.
// Throws std::invalid_argument for shapes, types or a margin that is not finite.
Var lifted_distance(const Var& d2, const Tensor& labels, double margin);

// s (N,N) similarities, scale (1), labels int64 (N) -> loss (). Throws as above.
Var lifted_cosine(const Var& s, const Var& scale, const Tensor& labels, double margin);

struct LiftedOptions {
  enum class Form {
    cosine,  // alpha_l s_ij in place of -d_ij: how we read "with trainable scale" in Smirnov et al. 2017, Sec. 4.2.5
    distance,       // Song et al. 2016, on rows of unit length
    euclid_scaled,  // the same on rows of length alpha_l: the other reading
  };
  Form form = Form::cosine;
  double cosine_margin = 0;                     // added to J, cosine
  double distance_margin = 1;                   // the margin of Song et al., the other forms
  double scale = 12;                            // alpha_l at the start; trained
  double lowest_scale = 1, highest_scale = 64;  // alpha_l stays within; no paper bounds it
};

// Features are scaled to unit length (rows shorter than 1e-12 to 0, without gradient). Parameter "scale" (1): alpha_l, lr x1,
// decay x0; the form `distance` has none. Throws std::invalid_argument unless 0 < lowest <= scale <= highest.
class LiftedTerm : public LossTerm {
 public:
  explicit LiftedTerm(const LiftedOptions& options = {});
  Var loss(const Var& embedding, const Tensor& labels, const StepAt& at) override;
  const LiftedOptions& options() const { return options_; }

 protected:
  void keep_in_bounds() override;

 private:
  LiftedOptions options_;
  Parameter* scale_ = nullptr;
};

}  // namespace fr
