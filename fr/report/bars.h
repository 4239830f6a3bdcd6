// Values of a few named things side by side, with whiskers for their intervals, as inline SVG: horizontal, so that names and
// a narrow screen have room.
#pragma once
#include <string>
#include <vector>

#include "fr/protocol/bootstrap.h"
#include "fr/report/svg.h"

namespace fr {

struct Bar {
  std::string name;
  double value = kUnknown;  // not finite: no bar, its label is a dash
  Interval interval = {};   // unknown: no whisker
};

struct BarChart {
  std::string description;  // for those who cannot see it
  std::vector<Bar> bars;
  // From 0: bars, whose lengths may be compared. From the data: dots, because a bar that does not begin at 0 misleads.
  enum class Start { zero, data } start = Start::zero;
  double ceiling = kUnknown;  // no axis goes beyond; 1 for shares
  AxisTicks ticks = AxisTicks::percent;
  int colour = 0;
  int width = 340;
};

// <svg>...</svg>; empty when no bar has a value.
std::string draw_bars(const BarChart& chart);

}  // namespace fr
