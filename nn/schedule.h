// Learning rate as a pure function of the step: a restart needs no state.
#pragma once
#include <cstdint>
#include <vector>

namespace fr {

// With W = warmup_steps, T = total_steps and u = (t - W) / (T - W) held within [0, 1]:
//   t < W        base (t + 1) / W, whatever the kind
//   constant     base
//   steps        base factor^(number of milestones <= t)
//   cosine       floor + (base - floor) (1 + cos(pi u)) / 2         Loshchilov and Hutter 2017, "SGDR", Eq. 5
//   sgdr         the same with u counted anew in each period: the first is `period` steps long, each next one
//                `multiplier` times as long as the one before, and begins at `base`
//   polynomial   floor + (base - floor) (1 - u)^power
struct Schedule {
  enum class Kind { constant, steps, cosine, polynomial, sgdr };
  Kind kind = Kind::constant;
  double base = 0.1;
  int64_t total_steps = 0;  // cosine, polynomial
  int64_t warmup_steps = 0;
  std::vector<int64_t> milestones = {};  // steps: counted from the start of training, ascending
  double factor = 0.1;                   // steps
  double floor = 0;  // cosine, polynomial: reached at total_steps and kept; sgdr: at the end of a period
  double power = 1;  // polynomial
  double period = 0, multiplier = 1;  // sgdr: steps, at least 1; at least 1
};

// Throws std::invalid_argument when the settings contradict each other or step < 0.
double learning_rate(const Schedule& schedule, int64_t step);

}  // namespace fr
