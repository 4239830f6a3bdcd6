// One axis of a chart: from values to drawing units, its ticks and their labels.
#pragma once
#include <string>
#include <vector>

#include "fr/report/svg.h"

namespace fr {

struct Projection {
  AxisScale scale;
  double low, high, length;  // the values at its ends; drawing units
  // On the scale itself: the value, its decimal logarithm, or its normal deviate.
  double place(double v) const;
  bool shows(double v) const;
  double operator()(double v) const { return (place(v) - place(low)) / (place(high) - place(low)) * length; }
};

struct DataRange {
  double low, high;
};
enum class AxisSide { horizontal, vertical };
// The range of `axis`, from the data where it is not given; a vertical one is rounded outwards to a tick.
Projection fit_axis(const ChartAxis& axis, DataRange data, double length, AxisSide side, int ticks_wanted);

struct AxisTick {
  double value;
  std::string label;
};
std::vector<AxisTick> axis_ticks(const ChartAxis& axis, const Projection& range, int wanted);

// x with P(standard normal <= x) = p, 0 < p < 1.     Abramowitz and Stegun 1964, 26.2.23, then Newton's method
double normal_deviate(double p);

}  // namespace fr
