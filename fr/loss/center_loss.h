// Center loss: a centre for each class, to which the embeddings of the class are drawn, and which follows them.
#pragma once
#include "fr/loss/loss_term.h"

namespace fr {

// Wen et al. 2016, "A Discriminative Feature Learning Approach for Deep Face Recognition"
struct CenterOptions {
  enum class Form {
    mean,  // L = 1/(2N) sum_n |x_n - c_yn|^2, the authors' Caffe layer. Advised weight in a joint loss: 0.008, theirs
    sum,  // L = 1/2 sum_n |x_n - c_yn|^2, Eq. 2. The paper's weight: 0.003
  };
  Form form = Form::mean;
  double rate = 0.5;  // alpha, 0 <= alpha <= 1
};

// The buffer "centers" (M,D) starts at 0 and is no parameter: it has no gradient, learning rate, momentum or decay, and the
// weight of the loss does not enter. After each update of the network, with the embeddings of the step from before it
// (Algorithm 1):
//   c_j <- c_j - rate sum_{n: y_n = j} (c_j - x_n) / (1 + n_j),   n_j rows of class j                   Eq. 4
// A step that is refused because its loss or gradients are not finite moves no centre either: on the CPU it ends before
// after_update(), on a device the kernel reads the squared norm of the gradients, as the optimiser does.
class CenterTerm : public LossTerm {
 public:
  // Throws std::invalid_argument for sizes or a rate out of range.
  CenterTerm(const CenterOptions& options, int64_t classes, int64_t D);

  // embedding (N,D), not scaled; labels int64 (N), 0 <= label < M (labels on a device are not looked at) -> (). In training
  // mode, what the update needs of the last call is kept until after_update() or forget().
  Var loss(const Var& embedding, const Tensor& labels, const StepAt& at) override;
  void forget() override { features_ = {}, labels_ = {}, state_ = nullptr; }
  const Tensor& centers() const { return centers_; }
  const CenterOptions& options() const { return options_; }

 protected:
  void keep_in_bounds() override;  // the update of the centres

 private:
  void check(const Var& embedding, const Tensor& labels) const;

  CenterOptions options_;
  Tensor& centers_;
  Tensor features_, labels_;
  const StepState* state_ = nullptr;
};

}  // namespace fr
