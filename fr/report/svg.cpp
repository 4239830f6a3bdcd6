#include "fr/report/svg.h"

#include <algorithm>
#include <cmath>

#include "fr/report/html.h"
#include "fr/report/number.h"

namespace fr {
namespace {

constexpr double kDrawable = 1e100;  // beyond, differences of coordinates could overflow
constexpr size_t kBuckets = 300;     // about one for two device pixels of a curve

std::string number(double value) { return plain_number(value, 1); }

// One axis in drawing units: from(value) and the range it covers.
struct Projection {
  AxisScale scale;
  double low, high, length;
  double place(double v) const { return scale == AxisScale::linear ? v : std::log10(v); }
  bool shows(double v) const {
    return std::abs(v) < kDrawable && (scale == AxisScale::linear || v > 1 / kDrawable);
  }
  double operator()(double v) const { return (place(v) - place(low)) / (place(high) - place(low)) * length; }
};

struct Range {
  double low = INFINITY, high = -INFINITY;
  void add(double v) { low = std::min(low, v), high = std::max(high, v); }
  bool empty() const { return !(low <= high); }
};

std::vector<double> ticks_of(const Projection& p, int wanted) {
  return p.scale == AxisScale::linear ? linear_ticks(p.low, p.high, wanted)
                                      : logarithmic_ticks(p.low, p.high, wanted);
}

// 1, 2 or 5 times a power of ten, such that about `wanted` steps make `span`.
double nice_step(double span, int wanted) {
  const double raw = span / wanted, power = std::pow(10.0, std::floor(std::log10(raw)));
  const double ratio = raw / power;
  return power * (ratio < 1.5 ? 1 : ratio < 3.5 ? 2 : ratio < 7.5 ? 5 : 10);
}

// The nearest of ..., 1, 2, 5, 10, 20, ... that is not above value (not below, for `up`).
double round_to_125(double value, bool up) {
  const double power = std::pow(10.0, std::floor(std::log10(value) + 1e-9));
  double below = power, above = 10 * power;
  for (const double t : {power, 2 * power, 5 * power}) {
    if (t <= value * (1 + 1e-9)) below = t;
    if (t >= value * (1 - 1e-9)) above = std::min(above, t);
  }
  return up ? above : below;
}

// A range with room: a single value gets a neighbourhood, a range that nearly reaches 0 reaches it.
void widen(Projection& p, bool vertical, int wanted) {
  if (p.scale == AxisScale::logarithmic) {
    if (!(p.high > p.low * 1.0000001)) p.low /= 2, p.high *= 2;
    if (vertical) p.low = round_to_125(p.low, false), p.high = round_to_125(p.high, true);
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

Projection fit(const ChartAxis& axis, const Range& data, double length, bool vertical, int wanted) {
  Projection p{axis.scale, data.low, data.high, length};
  const bool low_given = p.shows(axis.low), high_given = p.shows(axis.high);
  if (low_given) p.low = axis.low;
  if (high_given) p.high = axis.high;
  if (!(low_given && high_given && p.low < p.high)) widen(p, vertical, wanted);
  if (low_given && axis.low < p.high) p.low = axis.low;
  if (high_given && axis.high > p.low) p.high = axis.high;
  return p;
}

// Decimals that tell multiples of `step` apart.
int decimals_for(double step) {
  return std::clamp(static_cast<int>(std::ceil(-std::log10(step) - 1e-9)), 0, 6);
}

// On a linear axis all labels have the same decimals: 0.90, 0.95, 1.00.
std::string tick_label(const ChartAxis& axis, double value, double step) {
  if (axis.ticks == AxisTicks::percent) return format_percent(value, decimals_for(100 * step));
  if (axis.ticks == AxisTicks::count || std::abs(value) >= 1e5) return format_short_count(value);
  if (axis.ticks == AxisTicks::power_of_ten && value > 0 && value < 1) {
    const double exponent = std::round(std::log10(value));
    if (std::abs(std::log10(value) - exponent) < 1e-9) return format_power_of_ten(static_cast<int>(exponent));
  }
  if (axis.scale == AxisScale::linear && step >= 1e-6) return format_fixed(value, decimals_for(step));
  return format_number(value, 3);
}

size_t letters(const std::string& utf8) {
  return static_cast<size_t>(
      std::count_if(utf8.begin(), utf8.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

std::string text(double x, double y, const char* kind, const std::string& words) {
  return "<text class=\"" + std::string(kind) + "\" x=\"" + number(x) + "\" y=\"" + number(y) + "\">" +
         escape_html(words) + "</text>\n";
}

std::string segment(double x1, double y1, double x2, double y2, const char* kind) {
  return "<path class=\"" + std::string(kind) + "\" d=\"M" + number(x1) + " " + number(y1) + "L" +
         number(x2) + " " + number(y2) + "\"/>\n";
}

std::string dot(CurvePoint at, double radius, const std::string& kind) {
  return "<circle class=\"" + kind + "\" cx=\"" + number(at.x) + "\" cy=\"" + number(at.y) + "\" r=\"" +
         number(radius) + "\"/>\n";
}

std::string polyline(const std::vector<CurvePoint>& points) {
  std::string d;
  for (const CurvePoint& p : points) d += (d.empty() ? "M" : "L") + number(p.x) + " " + number(p.y);
  return d;
}

// Where everything goes. Letters of charts wider than kNarrow grow to 16 units on small screens (style
// sheet), so margins are cut for the larger size: about 0.6 of it per letter.
class Plot {
 public:
  explicit Plot(const Chart& chart) : chart_(chart) {
    letter_ = chart.width > 400 ? 9.2 : 7.2;
    y_ticks_wanted_ = chart.height > 240 ? 5 : 4;
    Range xs, ys;
    measure(xs, ys);
    if (xs.empty() || ys.empty()) return;
    bottom_ = chart.height - (chart.width > 400 ? 46 : 38);
    top_ = chart.rules.empty() ? 12 : 26;
    y_ = fit(chart.y, ys, bottom_ - top_, true, y_ticks_wanted_);
    label_y_ticks();
    right_ = chart.width - right_margin();
    x_ = fit(chart.x, xs, right_ - left_, false, 5);
    drawable_ = true;
  }

  std::string svg() const {
    if (!drawable_) return "";
    std::string out = opening() + grid();
    // A nested <svg> clips to the plot; the 4 units around it leave room for strokes and dots on the border.
    out += "<svg class=\"plot\" x=\"" + number(left_ - 4) + "\" y=\"" + number(top_ - 4) + "\" width=\"" +
           number(right_ - left_ + 8) + "\" height=\"" + number(bottom_ - top_ + 8) + "\" viewBox=\"-4 -4 " +
           number(right_ - left_ + 8) + " " + number(bottom_ - top_ + 8) + "\">\n";
    for (const ChartSeries& s : chart_.series) out += curve(s);
    out += "</svg>\n" + rules() + marks() + end_labels();
    return out + "<text class=\"readout\" x=\"" + number(right_) + "\" y=\"" + number(top_ + 10) +
           "\"></text></svg>\n";
  }

 private:
  bool shown(const CurvePoint& p) const {
    return Projection{chart_.x.scale, 0, 0, 0}.shows(p.x) && Projection{chart_.y.scale, 0, 0, 0}.shows(p.y);
  }

  void measure(Range& xs, Range& ys) const {
    for (const ChartSeries& s : chart_.series) {
      for (const CurvePoint& p : s.points) {
        if (!shown(p)) continue;
        xs.add(p.x);
        if (s.stroke != ChartStroke::dashed) ys.add(p.y);
      }
      if (s.stroke == ChartStroke::area && chart_.y.scale == AxisScale::linear) ys.add(0);
    }
  }

  void label_y_ticks() {
    size_t longest = 1;
    y_ticks_ = ticks_of(y_, y_ticks_wanted_);
    const double step = y_ticks_.size() > 1 ? y_ticks_[1] - y_ticks_[0] : 1;
    for (const double t : y_ticks_) {
      y_labels_.push_back(tick_label(chart_.y, t, step));
      longest = std::max(longest, letters(y_labels_.back()));
    }
    left_ = 10 + letter_ * static_cast<double>(longest);
  }

  double right_margin() const {
    size_t longest = 0;
    for (const ChartSeries& s : chart_.series) longest = std::max(longest, letters(s.end_label));
    return longest == 0 ? 12 : 12 + letter_ * static_cast<double>(longest);
  }

  std::string opening() const {
    const auto axis = [](const Projection& p) {
      return std::string(p.scale == AxisScale::linear ? "0 " : "1 ") + format_exact(p.place(p.low)) + " " +
             format_exact(p.place(p.high)) + " " + number(p.length);
    };
    const std::string size = std::to_string(chart_.width) + " " + std::to_string(chart_.height);
    return "<svg class=\"chart" + std::string(chart_.width > 400 ? " large" : "") + "\" viewBox=\"0 0 " +
           size + "\" role=\"img\" aria-label=\"" + escape_html(chart_.description) + "\" data-x=\"" +
           axis(x_) + "\" data-y=\"" + axis(y_) + "\" data-name=\"" + escape_html(chart_.x.label) + "\">\n";
  }

  // Enough digits for the read-outs, which invert the projection.
  static std::string format_exact(double value) { return plain_number(value, 9); }

  std::string grid() const {
    std::string out;
    for (size_t i = 0; i < y_ticks_.size(); ++i) {
      const double y = bottom_ - y_(y_ticks_[i]);
      out += segment(left_, y, right_, y, "grid") + text(left_ - 7, y + 4, "tick y", y_labels_[i]);
    }
    out += segment(left_, bottom_, right_, bottom_, "axis");
    const auto ticks = ticks_of(x_, chart_.width > 400 ? 5 : 4);
    const double step = ticks.size() > 1 ? ticks[1] - ticks[0] : 1;
    for (const double t : ticks) {
      const double x = left_ + x_(t);
      out += segment(x, bottom_, x, bottom_ + 4, "axis") +
             text(x, bottom_ + (chart_.width > 400 ? 18 : 16), "tick x", tick_label(chart_.x, t, step));
    }
    return out + text((left_ + right_) / 2, chart_.height - 6, "label", chart_.x.label);
  }

  // In plot units: x to the right, y downwards from the top of the plot.
  std::vector<CurvePoint> project(const ChartSeries& s) const {
    std::vector<CurvePoint> points;
    for (const CurvePoint& p : s.points)
      if (shown(p)) points.push_back({x_(p.x), y_.length - y_(p.y)});
    return points;
  }

  std::string curve(const ChartSeries& s) const {
    const std::vector<CurvePoint> points = downsample_curve(project(s), kBuckets);
    if (points.empty()) return "";
    const std::string colour = " c" + std::to_string(s.colour);
    if (points.size() == 1) return dot(points[0], 3.5, "dot" + colour);
    static const char* const kKinds[] = {"line", "line pale", "line dashed", "line", "line"};
    const std::string d = polyline(points);
    std::string out;
    if (s.stroke == ChartStroke::area)
      out += "<path class=\"area" + colour + "\" d=\"" + d + "L" + number(points.back().x) + " " +
             number(y_.length) + "L" + number(points.front().x) + " " + number(y_.length) + "Z\"/>\n";
    out += "<path class=\"" + std::string(kKinds[static_cast<int>(s.stroke)]) + colour + "\" d=\"" + d +
           "\" data-name=\"" + escape_html(s.name) + "\"/>\n";
    if (s.stroke == ChartStroke::marked && points.size() <= 80)
      for (const CurvePoint& p : points) out += dot(p, 2.6, "dot" + colour);
    return out;
  }

  std::string rules() const {
    std::string out;
    for (const ChartRule& r : chart_.rules) {
      if (!x_.shows(r.x) || r.x < x_.low || r.x > x_.high) continue;
      const double x = left_ + x_(r.x);
      const bool left_half = x < (left_ + right_) / 2;
      out += segment(x, top_ - 20, x, bottom_, "rule") +
             text(x + (left_half ? 6 : -6), top_ - 9, left_half ? "note" : "note end", r.label);
    }
    return out;
  }

  std::string marks() const {
    std::string out;
    for (const ChartMark& m : chart_.marks) {
      if (!shown(m.at) || m.at.y < y_.low || m.at.y > y_.high) continue;
      const CurvePoint at{left_ + x_(m.at.x), bottom_ - y_(m.at.y)};
      const bool low = bottom_ - at.y < 22;  // no room below the dot
      out += dot(at, 4, "dot c0 ring") + text(at.x + 7, at.y + (low ? -7 : 16), "note", m.label);
    }
    return out;
  }

  // Next to the last points, pushed apart when they would overlap.
  std::string end_labels() const {
    struct Label {
      double y;
      const ChartSeries* series;
    };
    std::vector<Label> labels;
    for (const ChartSeries& s : chart_.series) {
      const auto points = project(s);
      if (!s.end_label.empty() && !points.empty())
        labels.push_back({top_ + std::clamp(points.back().y, 0.0, y_.length), &s});
    }
    std::stable_sort(labels.begin(), labels.end(), [](const Label& a, const Label& b) { return a.y < b.y; });
    const double apart = chart_.width > 400 ? 17 : 13;
    for (size_t i = 1; i < labels.size(); ++i) labels[i].y = std::max(labels[i].y, labels[i - 1].y + apart);
    std::string out;
    for (const Label& l : labels)
      out += text(right_ + 8, l.y + 4, ("end t" + std::to_string(l.series->colour)).c_str(),
                  l.series->end_label);
    return out;
  }

  const Chart& chart_;
  Projection x_{}, y_{};
  std::vector<double> y_ticks_;
  std::vector<std::string> y_labels_;
  double left_ = 0, right_ = 0, top_ = 0, bottom_ = 0, letter_ = 0;
  int y_ticks_wanted_ = 5;
  bool drawable_ = false;
};

}  // namespace

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

std::string draw_chart(const Chart& chart) { return Plot(chart).svg(); }

std::string chart_legend(const Chart& chart) {
  std::string html;
  int named = 0;
  for (const ChartSeries& s : chart.series) {
    if (s.name.empty() || s.points.empty()) continue;
    const char* kind = s.stroke == ChartStroke::pale     ? " pale"
                       : s.stroke == ChartStroke::dashed ? " dashed"
                                                         : "";
    html += " <span class=\"key\"><i class=\"b" + std::to_string(s.colour) + kind + "\"></i>" +
            escape_html(s.name) + "</span>";
    ++named;
  }
  return named < 2 ? "" : html;
}

}  // namespace fr
