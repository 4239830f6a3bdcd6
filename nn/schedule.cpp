// The five shapes; equations in the header.
#include "nn/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/error.h"

namespace fr {

namespace {

// Where step t after the warm-up lies in its period, in [0, 1).
double place_in_period(double t, double period, double multiplier) {
  if (multiplier == 1) return std::fmod(t, period) / period;
  while (t >= period) t -= period, period *= multiplier;
  return t / period;
}

double cosine(const Schedule& s, double u) {
  return s.floor + (s.base - s.floor) * (1 + std::cos(std::numbers::pi * u)) / 2;
}

}  // namespace

double learning_rate(const Schedule& s, int64_t step) {
  FR_CHECK(step >= 0 && s.warmup_steps >= 0, "schedule: expected step >= 0 and warmup_steps >= 0, got ", step,
           " and ", s.warmup_steps);
  FR_CHECK(std::is_sorted(s.milestones.begin(), s.milestones.end()), "schedule: milestones must ascend");
  const bool decays = s.kind == Schedule::Kind::cosine || s.kind == Schedule::Kind::polynomial;
  FR_CHECK(!decays || s.total_steps > s.warmup_steps, "schedule: expected total_steps > warmup_steps, got ",
           s.total_steps, " and ", s.warmup_steps);
  FR_CHECK(s.kind != Schedule::Kind::sgdr || (s.period >= 1 && s.multiplier >= 1),
           "schedule: expected a period of 1 step or more and a multiplier of 1 or more, got ", s.period,
           " and ", s.multiplier);
  if (step < s.warmup_steps) return s.base * double(step + 1) / double(s.warmup_steps);
  const double u =
      decays ? std::min(1.0, double(step - s.warmup_steps) / double(s.total_steps - s.warmup_steps)) : 0;
  switch (s.kind) {
    case Schedule::Kind::constant:
      break;
    case Schedule::Kind::steps: {
      const auto passed =
          std::upper_bound(s.milestones.begin(), s.milestones.end(), step) - s.milestones.begin();
      return s.base * std::pow(s.factor, double(passed));
    }
    case Schedule::Kind::cosine:
      return cosine(s, u);
    case Schedule::Kind::sgdr:
      return cosine(s, place_in_period(double(step - s.warmup_steps), s.period, s.multiplier));
    case Schedule::Kind::polynomial:
      return s.floor + (s.base - s.floor) * std::pow(1 - u, s.power);
  }
  return s.base;
}

}  // namespace fr
