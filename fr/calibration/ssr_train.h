// Training of SSR on frozen embeddings (arXiv 2103.01559, Section 3.2 and 4.1): SGD with momentum 0.9, decay 5e-4 and batches of
// 512, learning rate 1e-3 and a tenth of it after a half, two thirds and five sixths of 30k steps.
#pragma once
#include <functional>

#include "fr/calibration/ssr.h"

namespace fr {

struct SsrOptions {
  SsrTarget target = SsrTarget::standardised;
  int64_t steps = 30'000, batch = 512;
  double lr = 1e-3, momentum = 0.9, weight_decay = 5e-4;
  double held_out = 0.1;  // share of the people whose pictures are not trained on but tested
  uint64_t seed = 1;
  Device device = Device::cpu;
};

struct SsrFit {
  int64_t pictures = 0, held_out = 0;  // trained on, tested on
  double r2 = 0, held_out_r2 = 0;      // 1 - sum (log F - prediction)^2 / sum (log F - mean)^2
  double held_out_error = 0;           // root of the mean squared error of log F; NaN: nobody was held out
};

// rows (N,D) of unit length, people (N): a number each, log_f (N): the targets, own people left out. Fills the network of
// `model`, its mean, std and r2; the rest of it says what the targets are. Depends on the options and the data alone, not on
// threads. `done` is called with steps and the last loss.
// Throws std::invalid_argument for sizes, Error{data} when nobody is left to train on, Error{diverged}.
SsrFit train_ssr(SsrModel& model, const CalibratedRows& rows, std::span<const int64_t> people,
                 std::span<const double> log_f, const SsrOptions& options,
                 const std::function<void(int64_t, double)>& done = {});

}  // namespace fr
