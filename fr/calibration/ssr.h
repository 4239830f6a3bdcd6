// IDA-L: log F regressed from the embedding itself by a small network, so that whoever scores needs no anchors.
//   M_SSR: f (D) -> FC(D) -> ReLU -> FC(1) = t
//   F = max(mean + std t, e^-tau / k)                  standardised
//   log F = max(mean + std t, -tau - log k)            logarithm
// mean and std are those of the training targets, so that t has mean 0 and variance 1: an affine form of the paper's
// regression of F (arXiv 2103.01559, Eq. 6). Training: ssr_train.h.
#pragma once
#include "autograd/var.h"
#include "fr/calibration/calibration_file.h"
#include "fr/calibration/discrepancy.h"

namespace fr {

enum class SsrTarget { standardised, logarithm };
inline const std::vector<std::pair<std::string, SsrTarget>> kSsrTargetWords = {
    {"standardised", SsrTarget::standardised}, {"logarithm", SsrTarget::logarithm}};

struct SsrModel {
  EmbeddingOrigin origin;
  std::string from;  // the training pictures and the anchors, for a reader
  SsrTarget target = SsrTarget::standardised;
  int64_t D = 0, k = kUsualNeighbours, anchors = 0;
  double tau = kUsualTau, mean = 0, std = 1;
  std::vector<float> w1, b1, w2;  // (D,D), (D), (D)
  double b2 = 0;
  double r2 = 0;  // of log F, on pictures of people who were held out; NaN: nobody was

  // log F of what the network puts out.
  double log_f(double t) const;
};

// t (N,1) of rows x (N,D). w1 (H,D), b1 (H), w2 (1,H), b2 (1).
struct SsrWeights {
  Var w1, b1, w2, b2;
};
Var ssr_forward(const Var& x, const SsrWeights& w);
// mean_n (t_n - target_n)^2, both (N,1).
Var ssr_loss(const Var& t, const Var& target);

// Atomic. Throws std::invalid_argument for sizes, Error{io}.
void write_ssr(const fs::path& path, const SsrModel& model);
// Throws Error{data} naming the file and the key or tensor.
SsrModel read_ssr(const CalibrationFile& file);

class LearnedDiscrepancy : public Discrepancy {
 public:
  explicit LearnedDiscrepancy(SsrModel model);
  std::string name() const override { return "ida_l"; }
  // A function of a row alone. Nobody is left out.
  std::vector<double> log_f(const CalibratedRows& rows, std::span<const std::string> people) const override;

 private:
  std::string support() const override {
    return cat("regressed from the embedding as for ", model_.anchors, " anchors");
  }
  SsrModel model_;
};

}  // namespace fr
