// Domain Frequency Indicator: how rare the domain of a class is, read off how many classes lie near it.
//                                              Cao et al. 2020, "Domain Balancing: Face Recognition on Long-Tailed Domains"
#pragma once
#include "fr/loss/loss_term.h"

namespace fr {

struct DomainFrequencyOptions {
  static constexpr int64_t kUsualNeighbours = -1;
  static constexpr double kUsualScale = -1, kAuto = 0;
  int64_t neighbours =
      kUsualNeighbours;        // K; usual: max(3, 0.0095 classes), 100 from 10 000 classes on; 0: off
  double scale = kUsualScale;  // s_d of the cosines; usual: the logit scale of the class scores
  double eps =
      kAuto;  // the paper: 5.5; auto: the moving mean (0.99 a step) of IC, so that the mean of the DFI is near 1
  int64_t refresh = 1;      // 1: the classes of the batch at every step; R: all classes every R steps
  double warmup = 1;        // epochs in which the DFI is 1: the weights of new classes say nothing yet
  int64_t epoch_steps = 1;  // steps of an epoch; the run knows
};

// K for so many classes, at most classes - 1.
int64_t neighbours_of(const DomainFrequencyOptions& options, int64_t classes);
// Throws std::invalid_argument for numbers out of range.
void check(const DomainFrequencyOptions& options);

// With the weights w_j (M,D) of the classes, g_jl their cosines, N_K(j) the K classes l != j of the largest g_jl:
//   IC_j = log sum_{l in N_K(j)} exp(s_d g_jl),   DFI_j = eps / IC_j                                       Eq. 1 and 2
// IC is at least 0.1, DFI within [0.1, 10]. Small where many classes lie near (a head domain), large in the tail. A constant
// to the gradient. With K = 0 or one class it is 1 for all.
// Buffers: "dfi" (M), 1 until measured; "ic" (M), 0 until measured; "eps" (1), what was last used, 0 before. They lie in
// checkpoints, so a resumed run goes on as if it had not stopped.
class DomainFrequencyIndicator : public Module {
 public:
  // `logit_scale`: that of the class scores. Throws std::invalid_argument for no class, or as check().
  DomainFrequencyIndicator(const DomainFrequencyOptions& options, int64_t classes, double logit_scale);

  // Of all classes, on the host's word: when options.refresh > 1 and a refresh is due at this step. Not within a recorded step.
  void refresh(const Tensor& weight, int64_t step);
  // Of the classes of labels int64 (N), when options.refresh is 1. Reads nothing back to the host.
  void update(const Tensor& weight, const Tensor& labels, const StepAt& at);
  // Of all classes as the weights are now, warm-up or not, with the eps last used (the mean of IC where there is none yet); the
  // buffers stay. Two (M) tensors.
  struct Measured {
    Tensor dfi, ic;
    double eps;
    int64_t neighbours;
  };
  Measured measure(const Tensor& weight) const;

  const Tensor& dfi() const { return dfi_; }
  Tensor of(const Tensor& labels) const;  // (N): the DFI of each label, as last measured
  const Tensor& eps() const { return eps_; }
  int64_t neighbours() const { return neighbours_; }
  Var forward(const Var& x) override { return x; }

 private:
  DomainFrequency rule(const StepAt& at) const;
  void evaluate(const Tensor& weight, const Tensor& labels, const DomainFrequency& rule, const Tensor& dfi,
                const Tensor& ic, const Tensor& eps) const;

  DomainFrequencyOptions options_;
  int64_t neighbours_;
  double scale_;
  Tensor &dfi_, &ic_, &eps_;
};

}  // namespace fr
