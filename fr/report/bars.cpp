#include "fr/report/bars.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "fr/report/axis.h"
#include "fr/report/figure_text.h"
#include "fr/report/html.h"
#include "fr/report/number.h"

namespace fr {
namespace {

constexpr double kLetter = 7.2;  // width of one, at the size it has on small screens
constexpr double kRow = 30, kTop = 6, kFoot = 24;
constexpr size_t kLongestName = 18;  // letters; more are cut, the whole name is the element's title

bool finite_interval(const Interval& i) { return std::isfinite(i.low) && std::isfinite(i.high) && i.known(); }

std::string coordinate(double v) { return plain_number(v, 1); }

// The first letters of a name that is too long.
std::string shortened(const std::string& name) {
  if (letters(name) <= kLongestName) return name;
  size_t end = 0;
  for (size_t n = 0; n + 1 < kLongestName; ++n) do
      ++end;
    while (end < name.size() && (name[end] & 0xc0) == 0x80);
  return name.substr(0, end) + "\u2026";
}

std::string value_label(const BarChart& chart, double v) {
  return chart.ticks == AxisTicks::percent ? share_text(v) : format_number(v, 4);
}

DataRange range_of(const BarChart& chart) {
  DataRange range{INFINITY, -INFINITY};
  const auto add = [&](double v) {
    range.low = std::min(range.low, v), range.high = std::max(range.high, v);
  };
  for (const Bar& bar : chart.bars) {
    if (!std::isfinite(bar.value)) continue;
    add(bar.value);
    if (finite_interval(bar.interval)) add(bar.interval.low), add(bar.interval.high);
  }
  if (chart.start == BarChart::Start::zero && range.low <= range.high) add(0);
  return range;
}

class Bars {
 public:
  Bars(const BarChart& chart, const DataRange& range) : chart_(chart) {
    size_t name = 1, value = 1;
    for (const Bar& bar : chart.bars) {
      name = std::max(name, letters(shortened(bar.name)));
      value = std::max(value, letters(value_label(chart, bar.value)));
    }
    left_ = 8 + kLetter * static_cast<double>(name);
    right_ = chart.width - 10 - kLetter * static_cast<double>(value);
    bottom_ = kTop + kRow * static_cast<double>(chart.bars.size());
    axis_.ticks = chart.ticks;
    x_ = fit_axis(axis_, range, right_ - left_, AxisSide::vertical, 3);  // rounded outwards to a tick
    if (x_.high > chart.ceiling && x_.low < chart.ceiling) x_.high = chart.ceiling;
  }

  std::string svg() const {
    std::string out =
        cat("<svg class=\"chart bars\" viewBox=\"0 0 ", chart_.width, " ", coordinate(bottom_ + kFoot),
            "\" role=\"img\" aria-label=\"", escape_html(chart_.description), "\">\n", grid());
    for (size_t i = 0; i < chart_.bars.size(); ++i)
      out += row(chart_.bars[i], kTop + kRow * (static_cast<double>(i) + 0.5));
    return out + "</svg>\n";
  }

 private:
  double place(double v) const { return left_ + x_(v); }

  std::string grid() const {
    std::string out;
    double free_from = 0;
    for (const AxisTick& t : axis_ticks(axis_, x_, 3)) {
      const double x = place(t.value), half = kLetter * static_cast<double>(letters(t.label)) / 2;
      out += path("grid", cat("M", coordinate(x), " ", coordinate(kTop), "V", coordinate(bottom_)));
      if (x - half < free_from) continue;
      out += text("tick x", x, bottom_ + 16, t.label);
      free_from = x + half + 2;
    }
    return out;
  }

  std::string row(const Bar& bar, double y) const {
    std::string out = text("name", 0, y + 4, shortened(bar.name), bar.name) +
                      text("value", chart_.width, y + 4, value_label(chart_, bar.value));
    if (!std::isfinite(bar.value)) return out;
    const std::string colour = cat(" c", chart_.colour), x = coordinate(place(bar.value));
    if (chart_.start == BarChart::Start::zero)
      out += path("bar" + colour, cat("M", coordinate(place(0)), " ", coordinate(y), "H", x));
    else
      out += cat("<circle class=\"dot", colour, "\" cx=\"", x, "\" cy=\"", coordinate(y), "\" r=\"5\"/>\n");
    if (!finite_interval(bar.interval)) return out;
    const std::string low = coordinate(place(bar.interval.low)), high = coordinate(place(bar.interval.high)),
                      top = coordinate(y - 4), foot = coordinate(y + 4);
    return out + path("whisker", cat("M", low, " ", coordinate(y), "H", high, "M", low, " ", top, "V", foot,
                                     "M", high, " ", top, "V", foot));
  }

  static std::string path(const std::string& kind, const std::string& d) {
    return cat("<path class=\"", kind, "\" d=\"", d, "\"/>\n");
  }
  static std::string text(const char* kind, double x, double y, const std::string& words,
                          const std::string& whole = "") {
    return cat("<text class=\"", kind, "\" x=\"", coordinate(x), "\" y=\"", coordinate(y), "\">",
               whole.empty() || whole == words ? "" : "<title>" + escape_html(whole) + "</title>",
               escape_html(words), "</text>\n");
  }

  const BarChart& chart_;
  ChartAxis axis_;
  Projection x_{};
  double left_ = 0, right_ = 0, bottom_ = 0;
};

}  // namespace

std::string draw_bars(const BarChart& chart) {
  const DataRange range = range_of(chart);
  return range.low <= range.high ? Bars(chart, range).svg() : "";
}

}  // namespace fr
