// The class scores of training: owns the class weights and turns embeddings and labels into a loss.
#pragma once
#include "fr/balancing/domain_frequency.h"
#include "fr/loss/loss_options.h"
#include "fr/loss/loss_term.h"

namespace fr {

// Classes [first, last) of the data set.
struct ClassRange {
  ClassRange(int64_t classes) : last(classes) {}
  ClassRange(int64_t first_, int64_t last_) : first(first_), last(last_) {}
  int64_t first = 0, last;
};

// Parameters, with M = last - first classes:
//   "weight" (M,D)  one row per class; starts as Caffe's xavier, a row as a function of (seed, its class) alone
//   "bias" (M)      where the loss has one; starts at 0, lr x2, decay x0
//   "scale" (1)     where it is trained; decay x0, kept above LossTraits::least_scale
// The gradient of many weights is formed by rows (Var::gradient_by_rows): a step needs the weights, their momentum and one
// matrix (N,M) of scores, whose place the gradient of the scores takes.
class ClassHead : public LossTerm {
 public:
  // Throws std::invalid_argument for an empty range, D < 1, or options that check() refuses.
  ClassHead(const LossOptions& options, ClassRange classes, int64_t D, uint64_t seed);

  // Mean loss of a batch. embedding (N,D), labels int64 (N), each in [first_class(), last_class()), on a device only with
  // first_class() = 0; annealing uses t = step + 1. For losses on cosines, rows of the weights shorter than 1e-12 are drawn
  // anew from N(0, 1/D) first (on a device the host cannot know: there redraw() does it before the next step); with
  // MarginGradient::caffe_normalised all rows are scaled to unit length in place first.
  Var loss(const Var& embedding, const Tensor& labels, const StepAt& at) override;

  // bfloat16: see MarginOptions::products. The Caffe gradient has float products.
  void set_products(DType products) { products_ = products; }

  // factor (M): what the margin of each class is multiplied by, see MarginOptions::class_margin. Losses on cosines with a
  // margin that is a real number. To be set before the first step; what a recorded step reads may be set again.
  void set_class_margin(const Tensor& factor);

  // The classes of several data sets, counted from first_class(): a row is told from those of its own data set, and of the
  // others each takes part with probability `keep`, drawn anew every step (fr/dail/leave_out.h). To be set before the first
  // step. Throws std::invalid_argument for offsets that do not ascend from 0 to M, or a keep outside [0, 1].
  void set_datasets(const std::vector<int64_t>& offset, double keep);
  double keep() const { return datasets_.keep; }
  // From now on loss() finds out, too, which class each picture is most easily mistaken for: others().
  void find_others() { finds_others_ = true; }
  // From now on the domain frequency of the classes is measured before every step, from the weights before its update, as the
  // child "frequency". margins: it is what the margin of each class is multiplied by (Cao et al. 2020, Eq. 5), set as
  // set_class_margin() does. Once; classes from 0 on.
  enum class DomainMargins { without, with };
  void measure_domains(const DomainFrequencyOptions& options, DomainMargins margins);
  const DomainFrequencyIndicator* domain_frequency() const { return frequency_; }  // null: not measured
  DomainFrequencyIndicator::Measured measure_domains_now() const;                  // needs measure_domains()
  void ahead(int64_t step) override;
  void before(const Tensor& labels, const StepAt& at) override;
  // "dfi": its mean over the rows of the batch; "eps".
  std::vector<std::string> figure_names() const override;
  std::vector<Tensor> figures() const override;

  // Class scores without any margin: (N,D) -> (N,M).
  Var forward(const Var& embedding) override;

  // Of the last loss(). Rows whose largest score without margin is their label's:
  double last_accuracy() const;
  const Tensor& prediction() const { return prediction_; }  // int64 (N): those scores' classes
  bool finds_others() const { return finds_others_; }
  // By the training scores, bias and scale included.
  const LargestOther& others() const { return others_; }
  // On a device: the length of the shortest row of the weights (), empty where it does not matter. Below 1e-12: redraw().
  const Tensor& shortest() const { return shortest_; }
  bool measures_rows() const { return traits_.scores == Scores::cosines; }
  void redraw(int64_t step);
  void forget() override;                // what the last loss() and its backward pass left here
  double lambda_at(int64_t step) const;  // 0 where there is none
  double lambda() const { return lambda_; }
  int64_t first_class() const { return classes_.first; }
  int64_t last_class() const { return classes_.last; }
  const LossOptions& options() const { return options_; }

 protected:
  void keep_in_bounds() override;

 private:
  MarginOptions margin_options(const StepAt& at) const;
  void follow_weight();  // what lies beside it, after the model was moved
  Var margin_loss(const Var& embedding, const Tensor& labels, const StepAt& at);
  Var scaled(const Var& x) const;  // s x
  Var bias() const { return bias_ ? bias_->var : Var(); }
  Tensor own_labels(const Tensor& labels) const;  // counted from first_class()
  void count_from_first_class(Tensor& classes) const;

  LossOptions options_;
  LossTraits traits_;
  ClassRange classes_;
  uint64_t seed_ = 0;
  Parameter *weight_ = nullptr, *bias_ = nullptr, *scale_ = nullptr;
  DType products_ = DType::float32;
  Tensor class_margin_;
  DatasetClasses datasets_;
  DomainFrequencyIndicator* frequency_ = nullptr;
  bool domain_margins_ = false;
  Tensor prediction_, labels_, shortest_;
  bool finds_others_ = false;
  LargestOther others_;
  double lambda_ = 0;
};

}  // namespace fr
