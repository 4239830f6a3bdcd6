// The class scores of training: owns the class weights and turns embeddings and labels into a loss.
#pragma once
#include "fr/loss/loss_term.h"
#include "fr/loss/margin_loss.h"

namespace fr {

enum class LossKind {
  softmax,           // z = <w_j, x_i> + b_j
  modified_softmax,  // z = |x_i| cos                         Liu et al. 2017, Eq. 5
  a_softmax,         // z = |x_i| (lambda cos + psi_m)/(1 + lambda) on the label          Eq. 7 and App. G
  cosface,           // z = s (cos - m on the label)          Wang et al. 2018, "CosFace", Eq. 4
};

// lambda_t = max(minimum, base (1 + gamma t)^-power), t = 1, 2, ...: from plain cosines to the margin.
struct Annealing {
  double base = 1000, gamma = 0.12, power = 1, minimum = 5;
  double lambda(int64_t t) const;
};

struct LossOptions {
  LossKind kind = LossKind::a_softmax;
  int m = 4;             // a_softmax: 1, 2, 3 or 4
  double margin = 0.35;  // cosface, in cosine units
  double scale = 30;     // cosface: s
  bool bias = false;     // softmax only
  MarginGradient gradient = MarginGradient::exact;
  Annealing annealing;  // a_softmax
};

// Parameters "weight" (M,D), one row per class, and "bias" (M) if asked for. Weights start as Caffe's xavier,
// lr x1, decay x1; the bias at 0, lr x2, decay x0. The rows are classes [first_class(), last_class()) of the
// data set; here that is all of them.
class ClassHead : public LossTerm {
 public:
  ClassHead(const LossOptions& options, int64_t classes, int64_t D, uint64_t seed);

  // Mean loss of a batch. embedding (N,D), labels int64 (N), annealing uses t = step + 1. Rows of the weights shorter
  // than 1e-12 are drawn anew from N(0, 1/D) first (on a device the host cannot know: there redraw() does it before the
  // next step); with MarginGradient::caffe_normalised all rows are scaled to unit length in place first (margin losses
  // only).
  Var loss(const Var& embedding, const Tensor& labels, const StepAt& at) override;

  // bfloat16: see MarginOptions::products. The softmax loss and the Caffe gradient have float products.
  void set_products(DType products) { products_ = products; }

  // Class scores without any margin: (N,D) -> (N,M).
  Var forward(const Var& embedding) override;

  // Of the last loss(). Rows whose largest score without margin is their label's:
  double last_accuracy() const;
  const Tensor& prediction() const { return prediction_; }  // int64 (N): those scores' classes
  // On a device: the length of the shortest row of the weights (), empty where it does not matter. Below 1e-12: redraw().
  const Tensor& shortest() const { return shortest_; }
  bool measures_rows() const { return options_.kind != LossKind::softmax; }
  void redraw(int64_t step);
  void forget() override {
    prediction_ = {}, labels_ = {}, shortest_ = {};
  }                                      // what the last loss() left here
  double lambda_at(int64_t step) const;  // 0 where there is none
  double lambda() const { return lambda_; }
  int64_t first_class() const { return first_; }
  int64_t last_class() const { return last_; }
  const LossOptions& options() const { return options_; }

 private:
  MarginOptions margin_options(const StepAt& at) const;
  Var margin_loss(const Var& embedding, const Tensor& labels, const StepAt& at);
  bool redraw_short_rows(const Tensor& norm, int64_t step);  // true if any
  void measure_shortest(const Tensor& norm);

  LossOptions options_;
  int64_t first_ = 0, last_ = 0;
  uint64_t seed_ = 0;
  Parameter* weight_ = nullptr;
  Parameter* bias_ = nullptr;
  DType products_ = DType::float32;
  Tensor prediction_, labels_, shortest_;
  double lambda_ = 0;
};

}  // namespace fr
