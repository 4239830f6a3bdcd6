#include "fr/report/svg.h"

#include <algorithm>
#include <cmath>

#include "fr/report/axis.h"
#include "fr/report/html.h"
#include "fr/report/number.h"

namespace fr {
namespace {

constexpr size_t kBuckets = 300;  // about one for two device pixels of a curve

std::string number(double value) { return plain_number(value, 1); }

struct Range {
  double low = INFINITY, high = -INFINITY;
  void add(double v) { low = std::min(low, v), high = std::max(high, v); }
  bool empty() const { return !(low <= high); }
};

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

std::string colour_class(const ChartSeries& s) {
  return " c" + std::to_string(s.colour) + (s.dash > 0 ? " d" + std::to_string(s.dash) : "");
}

const char* line_class(ChartStroke stroke) {
  return stroke == ChartStroke::pale ? "line pale" : stroke == ChartStroke::dashed ? "line dashed" : "line";
}

// Where everything goes. Letters of charts wider than kNarrow grow to 16 units on small screens (style
// sheet), so margins are cut for the larger size: about 0.6 of it per letter.
class Plot {
 public:
  explicit Plot(const Chart& chart) : chart_(chart) {
    letter_ = chart.width > 400 ? 9.2 : 7.2;
    Range xs, ys;
    measure(xs, ys);
    if (xs.empty() || ys.empty()) return;
    bottom_ = chart.height - (chart.width > 400 ? 46 : 38);
    top_ = chart.rules.empty() ? 12 : 26;
    y_ = fit_axis(chart.y, {ys.low, ys.high}, bottom_ - top_, AxisSide::vertical, chart.height > 240 ? 5 : 4);
    label_y_ticks();
    right_ = chart.width - right_margin();
    x_ = fit_axis(chart.x, {xs.low, xs.high}, right_ - left_, AxisSide::horizontal, 5);
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
    y_ticks_ = axis_ticks(chart_.y, y_, chart_.height > 240 ? 5 : 4);
    for (const AxisTick& t : y_ticks_) longest = std::max(longest, letters(t.label));
    left_ = 10 + letter_ * static_cast<double>(longest);
  }

  double right_margin() const {
    size_t longest = 0;
    for (const ChartSeries& s : chart_.series) longest = std::max(longest, letters(s.end_label));
    return longest == 0 ? 12 : 12 + letter_ * static_cast<double>(longest);
  }

  std::string opening() const {
    const auto axis = [](const Projection& p) {
      return std::to_string(static_cast<int>(p.scale)) + " " + format_exact(p.place(p.low)) + " " +
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
    for (const AxisTick& t : y_ticks_) {
      const double y = bottom_ - y_(t.value);
      out += segment(left_, y, right_, y, "grid") + text(left_ - 7, y + 4, "tick y", t.label);
    }
    out += segment(left_, bottom_, right_, bottom_, "axis");
    double free_from = 0;  // a label that would touch the one before it is left out
    for (const AxisTick& t : axis_ticks(chart_.x, x_, chart_.width > 400 ? 5 : 4)) {
      const double x = left_ + x_(t.value), half = letter_ * static_cast<double>(letters(t.label)) / 2;
      out += segment(x, bottom_, x, bottom_ + 4, "axis");
      if (x - half < free_from) continue;
      out +=
          text(std::min(x, chart_.width - half), bottom_ + (chart_.width > 400 ? 18 : 16), "tick x", t.label);
      free_from = x + half + 2;
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
    const std::string colour = colour_class(s);
    if (points.size() == 1) return dot(points[0], 3.5, "dot" + colour);
    const std::string d = polyline(points);
    std::string out;
    if (s.stroke == ChartStroke::area)
      out += "<path class=\"area" + colour + "\" d=\"" + d + "L" + number(points.back().x) + " " +
             number(y_.length) + "L" + number(points.front().x) + " " + number(y_.length) + "Z\"/>\n";
    out += "<path class=\"" + std::string(line_class(s.stroke)) + colour + "\" d=\"" + d + "\" data-name=\"" +
           escape_html(s.name) + "\"/>\n";
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
  std::vector<AxisTick> y_ticks_;
  double left_ = 0, right_ = 0, top_ = 0, bottom_ = 0, letter_ = 0;
  bool drawable_ = false;
};

}  // namespace

std::string draw_chart(const Chart& chart) { return Plot(chart).svg(); }

std::string chart_legend(const Chart& chart) {
  std::string html;
  int named = 0;
  for (const ChartSeries& s : chart.series) {
    if (s.name.empty() || s.points.empty()) continue;
    html += " <span class=\"key\"><svg class=\"swatch\" viewBox=\"0 0 26 6\"><path class=\"" +
            std::string(line_class(s.stroke)) + colour_class(s) + "\" d=\"M0 3L26 3\"/></svg>" +
            escape_html(s.name) + "</span>";
    ++named;
  }
  return named < 2 ? "" : html;
}

}  // namespace fr
