// The domain classifier of DAIL: a small network that tells from an embedding which data set its picture is from, behind a
// gradient reversal, so that the embedding learns to hide it.
//   L_d = (1/N) sum_n w_k CE(G_d(x_n), k),  k the data set of label_n;  dL_d/dx_n flows into the network times -lambda
//   G_d = FC(D -> hidden) - batch norm - ReLU - FC(hidden -> datasets), x as it is, not of unit length
// "DAIL: Dataset-Aware and Invariant Learning for Face Recognition", arXiv 2101.05419; Ganin and Lempitsky 2015.
#pragma once
#include "fr/dail/gradient_reversal.h"
#include "fr/loss/loss_term.h"
#include "fr/loss/training_classes.h"
#include "nn/layers.h"

namespace fr {

struct DomainOptions {
  // Of data set k: w = 1, or w_k = c / sqrt(p_k) with p_k its share of what is drawn and c such that the mean weight is 1.
  enum class Weights { none, inverse_sqrt };
  ReversalSchedule reversal;  // first stage: G_d learns, the network does not hear of it
  int64_t hidden = 256;
  Weights weights = Weights::none;
};

// Parameters "classifier.hidden.*", "classifier.norm.*", "classifier.output.*". Figures of the last batch: the share of rows whose data set is found, the
// entropy of the data sets in nats (a classifier that has learned nothing has that loss), and lambda.
class DomainTerm : public LossTerm {
 public:
  // Throws std::invalid_argument for numbers out of range.
  DomainTerm(const DomainOptions& options, const TrainingClasses& classes, int64_t D, uint64_t seed);

  // embedding (N,D); labels int64 (N), 0 <= label < M (labels on a device are not looked at) -> ()
  Var loss(const Var& embedding, const Tensor& labels, const StepAt& at) override;
  Var forward(const Var& x) override {
    return classifier_.forward(x);
  }  // scores of the data sets (N,datasets)
  void set_numbers(StepState& numbers, int64_t step) const override;
  std::vector<std::string> figure_names() const override { return {"accuracy", "entropy", "lambda"}; }
  std::vector<Tensor> figures() const override { return figures_; }
  void forget() override { figures_.clear(); }
  const DomainOptions& options() const { return options_; }

 private:
  // What does not change from step to step, beside the embeddings.
  struct Tables {
    Tensor of_class;  // (M,datasets): 1 where the class belongs to the data set, else 0
    Tensor identity;  // (datasets,datasets)
    Tensor weight;    // (datasets,1)
  };
  void place_tables(const Tensor& embedding);
  Tensor lambda_at(const Tensor& embedding, const StepAt& at) const;

  DomainOptions options_;
  std::vector<int64_t> offset_;
  std::vector<double> weight_;  // (datasets)
  Sequential& classifier_;
  Tables tables_;
  std::vector<Tensor> figures_;
};

}  // namespace fr
