// Two histograms over common bins (declared in fr/report/svg.h).
#include <algorithm>
#include <cmath>

#include "fr/report/number.h"
#include "fr/report/svg.h"

namespace fr {
namespace {

struct Bins {
  double low = 0, width = 1;
  size_t count = 1;
};

std::vector<double> finite_only(const std::vector<double>& values) {
  std::vector<double> kept;
  for (const double v : values)
    if (std::abs(v) < 1e100) kept.push_back(v);
  std::sort(kept.begin(), kept.end());
  return kept;
}

// Freedman and Diaconis 1981: width 2 IQR n^(-1/3). Of sorted values.
double bin_width(const std::vector<double>& sorted) {
  if (sorted.size() < 2) return INFINITY;
  const double spread = sorted[sorted.size() * 3 / 4] - sorted[sorted.size() / 4];
  return spread > 0 ? 2 * spread / std::cbrt(static_cast<double>(sorted.size())) : INFINITY;
}

// Between 12 and 70 bins over both; both arguments are sorted.
Bins common_bins(const std::vector<double>& a, const std::vector<double>& b) {
  const double low = std::min(a.empty() ? INFINITY : a.front(), b.empty() ? INFINITY : b.front());
  const double high = std::max(a.empty() ? -INFINITY : a.back(), b.empty() ? -INFINITY : b.back());
  if (!(high > low)) return {low - 0.5, 1, 1};
  const double span = high - low;
  const size_t count =
      static_cast<size_t>(std::clamp(std::ceil(span / std::min(bin_width(a), bin_width(b))), 12.0, 70.0));
  return {low, span / static_cast<double>(count), count};
}

// The outline: up and down at the borders of the bins, from the axis to the axis, from the first value's bin to the
// last's. Sorted values.
std::vector<CurvePoint> outline(const std::vector<double>& values, const Bins& bins) {
  std::vector<CurvePoint> points;
  if (values.empty()) return points;
  const double most = static_cast<double>(bins.count - 1);
  const auto bin_of =
      [&](double v) {  // in double until it fits: a span beyond the largest number is infinite
        return static_cast<size_t>(std::min(std::max(0.0, std::floor((v - bins.low) / bins.width)), most));
      };
  const auto border = [&](size_t i) { return bins.low + bins.width * static_cast<double>(i); };
  std::vector<double> share(bins.count);
  for (const double v : values) share[bin_of(v)] += 1.0 / static_cast<double>(values.size());
  const size_t first = bin_of(values.front()), last = bin_of(values.back());
  points.push_back({border(first), 0});
  for (size_t i = first; i <= last; ++i) {
    points.push_back({border(i), share[i]});
    points.push_back({border(i + 1), share[i]});
  }
  points.push_back({border(last + 1), 0});
  return points;
}

}  // namespace

Chart histogram_pair(const std::string& first_name, const std::vector<double>& first,
                     const std::string& second_name, const std::vector<double>& second, double threshold) {
  const auto a = finite_only(first), b = finite_only(second);
  Chart chart;
  chart.y.low = 0;
  chart.y.ticks = AxisTicks::percent;
  if (a.empty() && b.empty()) return chart;
  const Bins bins = common_bins(a, b);
  const auto named = [](const std::string& name, size_t n) {
    return name + " (" + format_count(static_cast<int64_t>(n)) + ")";
  };
  chart.series.push_back({named(second_name, b.size()), outline(b, bins), 1, ChartStroke::area, ""});
  chart.series.push_back({named(first_name, a.size()), outline(a, bins), 0, ChartStroke::area, ""});
  if (std::isfinite(threshold))
    chart.rules.push_back({threshold, "threshold " + format_number(threshold, 3)});
  return chart;
}

}  // namespace fr
