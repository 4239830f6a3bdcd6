// A small chart writer: lines and step areas on linear or logarithmic axes, as inline SVG. Colours, strokes
// and letters are classes of the page's style sheet (fr/report/style.h), so a chart follows light, dark and
// print.
#pragma once
#include <limits>
#include <string>
#include <vector>

#include "fr/report/curve.h"

namespace fr {

inline constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

enum class AxisScale {
  linear,
  logarithmic,
  normal_deviate,  // of shares in (0, 1): the errors of two normal score distributions make a straight line
};
enum class AxisTicks {
  number,
  percent,
  percent_number,  // without the sign: the label of the axis has it
  count,
  power_of_ten,
};

struct ChartAxis {
  std::string label;  // written under the horizontal axis; of the vertical axis only read-outs use it
  AxisScale scale = AxisScale::linear;
  AxisTicks ticks = AxisTicks::number;
  double low = kUnknown, high = kUnknown;  // unknown: from the data, rounded outwards to a tick when vertical
};

enum class ChartStroke {
  line,
  pale,    // the raw curve behind its smooth version
  dashed,  // a reference, such as chance
  marked,  // a line with a dot at each point: few measurements
  area,    // a line above a pale area that reaches down to the axis: histograms
};

struct ChartSeries {
  std::string name;  // empty: not in the legend
  std::vector<CurvePoint> points;
  int colour = 0;  // 0 blue, 1 vermilion, 2 green, 3 purple, 4 gray
  ChartStroke stroke = ChartStroke::line;
  std::string end_label;  // written to the right of the last point
  int dash = 0;           // 0 solid, 1..4 patterns: lines that differ without their colours
};

struct ChartMark {  // a dot with words
  CurvePoint at;
  std::string label;
};

struct ChartRule {  // a vertical line with words at its top
  double x;
  std::string label;
};

struct Chart {
  std::string description;  // for those who cannot see it
  int width = 520, height = 300;
  ChartAxis x, y;
  std::vector<ChartSeries>
      series;  // points that an axis cannot show (not finite; <= 0 on a logarithmic one) are left out
  std::vector<ChartMark> marks;
  std::vector<ChartRule> rules;
};

// <svg>...</svg>; empty when no series has a point to show. Bytes depend on the chart alone.
std::string draw_chart(const Chart& chart);
// <span>s with the names of the series in their colours; empty when fewer than two have a name.
std::string chart_legend(const Chart& chart);

// Tick positions within [low, high]: multiples of 1, 2 or 5 times a power of ten, about `wanted` of them.
std::vector<double> linear_ticks(double low, double high, int wanted);
// Powers of ten, thinned out when many; with 2 and 5 in between when fewer than three; low > 0.
std::vector<double> logarithmic_ticks(double low, double high, int wanted);

// Two histograms as outlines over common bins, each as shares of its own number of values; `rule` marks the
// threshold unless it is not finite. Values that are not finite are left out.
Chart histogram_pair(const std::string& first_name, const std::vector<double>& first,
                     const std::string& second_name, const std::vector<double>& second, double threshold);

}  // namespace fr
