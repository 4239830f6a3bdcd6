#include "fr/report/axis.h"

#include <algorithm>
#include <cmath>

#include "fr/report/number.h"

namespace fr {
namespace {

constexpr double kDrawable = 1e100;  // beyond, differences of coordinates could overflow

// 1, 2 or 5 times a power of ten, such that about `wanted` steps make `span`.
double nice_step(double span, int wanted) {
  const double raw = span / wanted, power = std::pow(10.0, std::floor(std::log10(raw)));
  const double ratio = raw / power;
  return power * (ratio < 1.5 ? 1 : ratio < 3.5 ? 2 : ratio < 7.5 ? 5 : 10);
}

enum class Rounding { down, up };

// The nearest of ..., 1, 2, 5, 10, 20, ... that is not above value (not below, for `up`).
double round_to_125(double value, Rounding rounding) {
  const double power = std::pow(10.0, std::floor(std::log10(value) + 1e-9));
  double below = power, above = 10 * power;
  for (const double t : {power, 2 * power, 5 * power}) {
    if (t <= value * (1 + 1e-9)) below = t;
    if (t >= value * (1 - 1e-9)) above = std::min(above, t);
  }
  return rounding == Rounding::up ? above : below;
}

// A range with room: a single value gets a neighbourhood, a range that nearly reaches 0 reaches it.
void widen(Projection& p, AxisSide side, int wanted) {
  const bool vertical = side == AxisSide::vertical;
  if (p.scale == AxisScale::normal_deviate) {
    if (!(p.high > p.low * 1.0000001)) p.low /= 2, p.high = (1 + p.high) / 2;
    return;
  }
  if (p.scale == AxisScale::logarithmic) {
    if (!(p.high > p.low * 1.0000001)) p.low /= 2, p.high *= 2;
    if (vertical) p.low = round_to_125(p.low, Rounding::down), p.high = round_to_125(p.high, Rounding::up);
    return;
  }
  if (!(p.high - p.low > 1e-9 * std::max(std::abs(p.low), std::abs(p.high)))) {
    const double room = p.low == 0 ? 1 : 0.1 * std::abs(p.low);
    p.low -= room, p.high += room;
  }
  if (!vertical) return;
  if (p.low > 0 && p.low < 0.3 * p.high) p.low = 0;
  const double step = nice_step(p.high - p.low, wanted);
  p.low = std::floor(p.low / step + 1e-9) * step, p.high = std::ceil(p.high / step - 1e-9) * step;
}

// Decimals that tell multiples of `step` apart.
int decimals_for(double step) {
  return std::clamp(static_cast<int>(std::ceil(-std::log10(step) - 1e-9)), 0, 6);
}

// On a linear axis all labels have the same decimals: 0.90, 0.95, 1.00.
std::string tick_label(const ChartAxis& axis, double value, double step) {
  if (axis.ticks == AxisTicks::percent) return format_percent(value, decimals_for(100 * step));
  if (axis.ticks == AxisTicks::percent_number) return format_number(100 * value);
  if (axis.ticks == AxisTicks::count || std::abs(value) >= 1e5) return format_short_count(value);
  if (axis.ticks == AxisTicks::power_of_ten && value > 0 && value < 1) {
    const double exponent = std::round(std::log10(value));
    if (std::abs(std::log10(value) - exponent) < 1e-9) return format_power_of_ten(static_cast<int>(exponent));
  }
  if (axis.scale == AxisScale::linear && step >= 1e-6) return format_fixed(value, decimals_for(step));
  return format_number(value, 3);
}

// Shares that DET axes mark, over the whole of (0, 1).
std::vector<double> deviate_ticks(double low, double high) {
  std::vector<double> ticks;
  for (const double t : {1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.05, 0.2, 0.5, 0.8, 0.95, 0.99, 0.999})
    if (t >= low * (1 - 1e-9) && t <= high * (1 + 1e-9)) ticks.push_back(t);
  return ticks;
}

std::vector<double> ticks_of(const Projection& p, int wanted) {
  if (p.scale == AxisScale::linear) return linear_ticks(p.low, p.high, wanted);
  if (p.scale == AxisScale::logarithmic) return logarithmic_ticks(p.low, p.high, wanted);
  const auto ticks = deviate_ticks(p.low, p.high);
  return ticks.size() >= 2 ? ticks : logarithmic_ticks(p.low, p.high, wanted);
}

}  // namespace

double normal_deviate(double p) {
  if (p > 0.5) return -normal_deviate(1 - p);
  const double t = std::sqrt(-2 * std::log(p));
  double x = -(t - (2.515517 + t * (0.802853 + t * 0.010328)) /
                       (1 + t * (1.432788 + t * (0.189269 + t * 0.001308))));
  for (int i = 0; i < 2; ++i)
    x += (p - std::erfc(-x / std::sqrt(2.0)) / 2) * std::sqrt(2 * 3.141592653589793) * std::exp(x * x / 2);
  return x;
}

double Projection::place(double v) const {
  if (scale == AxisScale::linear) return v;
  return scale == AxisScale::logarithmic ? std::log10(v) : normal_deviate(v);
}

bool Projection::shows(double v) const {
  if (scale == AxisScale::normal_deviate) return v > 1e-12 && v < 1 - 1e-12;
  return std::abs(v) < kDrawable && (scale == AxisScale::linear || v > 1 / kDrawable);
}

Projection fit_axis(const ChartAxis& axis, DataRange data, double length, AxisSide side, int ticks_wanted) {
  Projection p{axis.scale, data.low, data.high, length};
  const bool low_given = p.shows(axis.low), high_given = p.shows(axis.high);
  if (low_given) p.low = axis.low;
  if (high_given) p.high = axis.high;
  if (!(low_given && high_given && p.low < p.high)) widen(p, side, ticks_wanted);
  if (low_given && axis.low < p.high) p.low = axis.low;
  if (high_given && axis.high > p.low) p.high = axis.high;
  return p;
}

std::vector<AxisTick> axis_ticks(const ChartAxis& axis, const Projection& range, int wanted) {
  const auto values = ticks_of(range, wanted);
  const double step = values.size() > 1 ? values[1] - values[0] : 1;
  std::vector<AxisTick> ticks;
  for (const double t : values) ticks.push_back({t, tick_label(axis, t, step)});
  return ticks;
}

std::vector<double> linear_ticks(double low, double high, int wanted) {
  std::vector<double> ticks;
  if (!(high > low)) return ticks;
  const double step = nice_step(high - low, wanted);
  const double first = std::ceil(low / step - 1e-9);
  for (double i = 0; (first + i) * step <= high + 1e-9 * step && i < 100; ++i)
    ticks.push_back((first + i) * step);
  return ticks;
}

std::vector<double> logarithmic_ticks(double low, double high, int wanted) {
  std::vector<double> ticks;
  if (!(low > 0 && high > low)) return ticks;
  const int first = static_cast<int>(std::ceil(std::log10(low) - 1e-9));
  const int last = static_cast<int>(std::floor(std::log10(high) + 1e-9));
  const int stride = std::max(1, (last - first + wanted) / std::max(1, wanted));
  for (int e = first; e <= last; ++e)
    if ((e - last) % stride == 0) ticks.push_back(std::pow(10.0, e));
  if (ticks.size() >= 3) return ticks;
  ticks.clear();
  for (int e = first - 1; e <= last; ++e)
    for (const int digit : {1, 2, 5}) {
      const double t = digit * std::pow(10.0, e);
      if (t >= low * (1 - 1e-9) && t <= high * (1 + 1e-9)) ticks.push_back(t);
    }
  return ticks.size() >= 2 ? ticks : linear_ticks(low, high, wanted);
}

}  // namespace fr
