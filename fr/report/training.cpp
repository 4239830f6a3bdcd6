// The training curves: loss and held-out figures large, the rest small.
#include <algorithm>
#include <cmath>
#include <functional>

#include "fr/report/html.h"
#include "fr/report/number.h"
#include "fr/report/sections.h"

namespace fr {
namespace {

using Value = std::function<double(const TrainPoint&)>;

struct Curve {
  std::vector<CurvePoint> points;  // finite ones, by step
  int64_t left_out = 0;
};

Curve curve_of(const std::vector<TrainPoint>& train, const Value& value) {
  Curve curve;
  for (const TrainPoint& p : train) {
    const double y = value(p);
    if (std::isfinite(y))
      curve.points.push_back({static_cast<double>(p.step), y});
    else
      ++curve.left_out;
  }
  // A run that was resumed may repeat steps.
  std::stable_sort(curve.points.begin(), curve.points.end(),
                   [](CurvePoint a, CurvePoint b) { return a.x < b.x; });
  return curve;
}

// A few spikes must not press everything else flat. Then the axis becomes logarithmic, or, where it cannot,
// ends a little above 99.5 % of the values.
struct Fit {
  AxisScale scale = AxisScale::linear;
  double high = kUnknown;
};

Fit fit_spikes(const std::vector<CurvePoint>& points) {
  std::vector<double> y;
  for (const CurvePoint& p : points) y.push_back(p.y);
  std::sort(y.begin(), y.end());
  if (y.empty() || !(y.back() > 12 * y[y.size() / 2])) return {};
  if (y.front() > 0) return {AxisScale::logarithmic, kUnknown};
  const double most = y[y.size() * 199 / 200];
  return {AxisScale::linear, most > 0 && most < y.back() ? 1.2 * most : kUnknown};
}

ChartAxis step_axis(const Report& report) {
  ChartAxis axis;
  axis.label = "training step";
  axis.ticks = AxisTicks::count;
  if (report.train.size() > 1) {
    const TrainPoint &a = report.train.front(), &b = report.train.back();
    const double per_epoch = static_cast<double>(b.step - a.step) / (b.epoch - a.epoch);
    if (std::isfinite(per_epoch) && per_epoch >= 1)
      axis.label += " (" + format_count(std::llround(per_epoch)) + " per epoch)";
  }
  for (const TrainPoint& p : report.train) {
    axis.low = std::fmin(axis.low, static_cast<double>(p.step));
    axis.high = std::fmax(axis.high, static_cast<double>(p.step));
  }
  for (const EvalPoint& p : report.evaluations) {
    axis.low = std::fmin(axis.low, static_cast<double>(p.step));
    axis.high = std::fmax(axis.high, static_cast<double>(p.step));
  }
  return axis;
}

// The raw curve pale behind its smooth version when it is long enough to be noisy.
// On a logarithmic axis the mean is that of the logarithms; values beyond the axis count as its end.
std::vector<CurvePoint> smooth_as_shown(std::vector<CurvePoint> points, const ChartAxis& axis) {
  const bool logarithmic = axis.scale == AxisScale::logarithmic;
  for (CurvePoint& p : points) {
    p.y = std::fmin(p.y, axis.high);
    if (logarithmic) p.y = std::log(p.y);
  }
  points = smooth_curve(std::move(points), points.size() / 150);
  if (logarithmic)
    for (CurvePoint& p : points) p.y = std::exp(p.y);
  return points;
}

void add_noisy(Chart& chart, const std::vector<CurvePoint>& points) {
  constexpr size_t kLong = 60;
  if (points.size() < kLong) {
    chart.series.push_back({"", points, 0, ChartStroke::line, ""});
    return;
  }
  chart.series.push_back({"raw", points, 0, ChartStroke::pale, ""});
  chart.series.push_back({"smoothed", smooth_as_shown(points, chart.y), 0, ChartStroke::line, ""});
}

std::string percent_label(double v) { return format_percent(v, v >= 0.9995 ? 2 : 1); }
std::string number_label(double v) { return format_number(v, 3); }

struct Panel {
  std::string title;
  Value value;
  AxisTicks ticks = AxisTicks::number;
  AxisScale scale = AxisScale::linear;
  bool noisy = true, may_be_unknown = false, large = false;
  std::string (*label)(double) = number_label;
};

std::string panel_note(const Report& report, const Panel& p, const Curve& curve, const ChartAxis& y) {
  std::string note;
  if (curve.left_out > 0 && !p.may_be_unknown)
    note = format_count(curve.left_out) + " of " + format_count(static_cast<int64_t>(report.train.size())) +
           " values are not finite and not drawn. ";
  const int64_t above = std::count_if(curve.points.begin(), curve.points.end(),
                                      [&](const CurvePoint& point) { return point.y > y.high; });
  if (above > 0)
    note += format_count(above) + (above == 1 ? " value lies" : " values lie") +
            " above the axis, the largest is " +
            number_label(std::max_element(curve.points.begin(), curve.points.end(),
                                          [](CurvePoint a, CurvePoint b) { return a.y < b.y; })
                             ->y) +
            ".";
  return note;
}

ChartAxis panel_axis(const Panel& p, const Curve& curve) {
  ChartAxis axis;
  axis.label = p.title;
  axis.ticks = p.ticks;
  if (p.ticks == AxisTicks::percent) {
    axis.low = 0, axis.high = 1;
    return axis;
  }
  const Fit fit = fit_spikes(curve.points);
  axis.scale = p.scale == AxisScale::logarithmic ? p.scale : fit.scale;
  if (axis.scale == AxisScale::linear) axis.high = fit.high;
  return axis;
}

std::string panel(const Report& report, const Panel& p) {
  const Curve curve = curve_of(report.train, p.value);
  if (curve.points.empty()) return "";
  Chart chart;
  chart.width = p.large ? 520 : 340, chart.height = p.large ? 300 : 210;
  chart.x = step_axis(report);
  if (!p.large) chart.x.label = "training step";
  chart.y = panel_axis(p, curve);
  if (p.noisy)
    add_noisy(chart, curve.points);
  else
    chart.series.push_back({"", curve.points, 0, ChartStroke::line, ""});
  chart.series.back().end_label = p.label(chart.series.back().points.back().y);
  if (!p.large) chart.series.front().name = "";  // the loss beside it explains pale and solid
  chart.description = p.title + " over " + format_count(static_cast<int64_t>(curve.points.size())) +
                      " points, from " + p.label(curve.points.front().y) + " to " +
                      chart.series.back().end_label;
  const std::string logarithmic = chart.y.scale == AxisScale::logarithmic ? " (logarithmic)" : "";
  return chart_figure(p.title + logarithmic, chart, panel_note(report, p, curve, chart.y));
}

std::string evaluation_panel(const Report& report) {
  Chart chart;
  chart.x = step_axis(report);
  chart.y.label = "share";
  std::vector<CurvePoint> accuracy, auc;
  EvalPoint best;
  for (const EvalPoint& e : report.evaluations) {
    if (std::isfinite(e.accuracy)) accuracy.push_back({static_cast<double>(e.step), e.accuracy});
    if (std::isfinite(e.auc)) auc.push_back({static_cast<double>(e.step), e.auc});
    if (std::isfinite(e.accuracy) && !(e.accuracy <= best.accuracy)) best = e;
  }
  const auto by_step = [](CurvePoint a, CurvePoint b) { return a.x < b.x; };
  std::stable_sort(accuracy.begin(), accuracy.end(), by_step);
  std::stable_sort(auc.begin(), auc.end(), by_step);
  if (accuracy.empty() && auc.empty()) return "";
  const auto last = [](const std::vector<CurvePoint>& p) {
    return p.empty() ? "" : format_fixed(p.back().y, 3);
  };
  if (!accuracy.empty())
    chart.series.push_back({"accuracy", accuracy, 0, ChartStroke::marked, last(accuracy)});
  if (!auc.empty()) chart.series.push_back({"AUC", auc, 1, ChartStroke::marked, last(auc)});
  chart.description = "Held-out accuracy and AUC during training";
  return chart_figure("Held-out verification", chart,
                      std::isfinite(best.accuracy) ? "Best accuracy " + format_percent(best.accuracy) +
                                                         " at step " + format_count(best.step) + "."
                                                   : "");
}

std::string grid(const char* kind, const std::vector<std::string>& figures) {
  std::string html;
  for (const std::string& f : figures) html += f;
  return html.empty() ? "" : "<div class=\"" + std::string(kind) + "\">\n" + html + "</div>\n";
}

// One for each of some named numbers of the points.
using Named = std::vector<std::pair<std::string, double>> TrainPoint::*;
void add_named_panels(std::vector<std::string>& panels, const Report& report, Named named,
                      const std::string& title) {
  if (report.train.empty()) return;
  const auto& first = report.train.front().*named;
  for (size_t i = 0; i < first.size(); ++i) {
    Panel p{title + first[i].first, [=](const TrainPoint& point) {
              return i < (point.*named).size() ? (point.*named)[i].second : kUnknown;
            }};
    p.may_be_unknown = true;
    panels.push_back(panel(report, p));
  }
}

}  // namespace

std::string training_section(const Report& report) {
  Panel loss{"Training loss", [](const TrainPoint& p) { return p.loss; }};
  loss.large = true;
  Panel accuracy{"Training accuracy", [](const TrainPoint& p) { return p.accuracy; }};
  accuracy.ticks = AxisTicks::percent, accuracy.may_be_unknown = true, accuracy.label = percent_label;
  Panel rate{"Learning rate", [](const TrainPoint& p) { return p.learning_rate; }};
  rate.noisy = false;
  Panel lambda{"Annealing weight \u03bb", [](const TrainPoint& p) { return p.lambda; }};
  lambda.noisy = false, lambda.may_be_unknown = true, lambda.scale = AxisScale::logarithmic;
  Panel norm{"Gradient norm", [](const TrainPoint& p) { return p.gradient_norm; }};
  Panel speed{"Speed, images per second", [](const TrainPoint& p) { return p.images_per_second; }};
  speed.may_be_unknown = true;
  std::vector<std::string> small;
  add_named_panels(small, report, &TrainPoint::terms, "Loss term ");
  add_named_panels(small, report, &TrainPoint::figures, "");
  for (const Panel& p : {accuracy, rate, lambda, norm, speed}) small.push_back(panel(report, p));
  const std::string body =
      grid("large-figures", {panel(report, loss), evaluation_panel(report)}) + grid("small-figures", small);
  return body.empty() ? "" : "<section><h2>Training</h2>\n" + body + "</section>\n";
}

}  // namespace fr
