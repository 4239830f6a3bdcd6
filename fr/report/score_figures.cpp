// The two figures of any set of scores: ROC and histograms.
#include <algorithm>
#include <cmath>

#include "fr/report/number.h"
#include "fr/report/sections.h"

namespace fr {
namespace {

constexpr int kColours = 4;  // of lines that are compared; more of them differ by their dashes

int64_t finite_count(const std::vector<double>& values) {
  return std::count_if(values.begin(), values.end(), [](double v) { return std::isfinite(v); });
}

// TAR as the staircase it is: constant until one more impostor pair is let through.
std::vector<CurvePoint> staircase(const std::vector<RocPoint>& roc, double lowest) {
  std::vector<CurvePoint> points;
  for (const RocPoint& p : roc)
    if (std::isfinite(p.far) && std::isfinite(p.tar)) points.push_back({std::max(p.far, lowest), p.tar});
  std::sort(points.begin(), points.end(),
            [](const CurvePoint& a, const CurvePoint& b) { return a.x < b.x || (a.x == b.x && a.y < b.y); });
  std::vector<CurvePoint> stairs;
  double top = -1;
  for (const CurvePoint& p : points) {
    if (p.y <= top) continue;
    if (!stairs.empty() && stairs.back().x == p.x)
      stairs.back().y = p.y;
    else {
      if (!stairs.empty()) stairs.push_back({p.x, top});
      stairs.push_back(p);
    }
    top = p.y;
  }
  if (!stairs.empty()) stairs.push_back({1, top});
  return stairs;
}

std::vector<CurvePoint> chance(double lowest) {
  std::vector<CurvePoint> points;
  for (int i = 0; i <= 80; ++i) {
    const double far = std::pow(lowest, 1 - i / 80.0);
    points.push_back({far, far});
  }
  return points;
}

// The lowest TAR at the left end of the curves; NaN when one of them has no point there.
double lowest_start(const std::vector<RocLine>& lines, double far) {
  double lowest = 1;
  for (const RocLine& line : lines) {
    const double start = operating_point(line.points, far).tar;
    if (!(start >= lowest)) lowest = start;
  }
  return lowest;
}

Chart roc_chart(double impostors, const std::string& subject) {
  Chart chart;
  chart.description = "ROC of " + subject + ": true accept rate over logarithmic false accept rate";
  chart.x.label = "false accept rate (FAR)";
  chart.x.scale = AxisScale::logarithmic;
  chart.x.ticks = AxisTicks::power_of_ten;
  chart.x.low = 1 / impostors, chart.x.high = 1;
  chart.y.label = "TAR";
  chart.y.ticks = AxisTicks::percent;
  chart.y.high = 1;
  return chart;
}

void mark_powers(Chart& chart, const std::vector<RocPoint>& roc, double impostors) {
  for (const int e : resolvable_powers(impostors)) {
    const double tar = operating_point(roc, std::pow(10.0, e)).tar;
    if (std::isfinite(tar)) chart.marks.push_back({{std::pow(10.0, e), tar}, format_percent(tar, 1)});
  }
}

std::string share_of(int64_t part, int64_t whole, const std::string& what) {
  return format_count(part) + " of " + format_count(whole) + " " + what + " (" +
         format_percent(static_cast<double>(part) / static_cast<double>(whole)) + ")";
}

std::string errors_at_threshold(const ScoreSets& sets) {
  const double t = sets.threshold;
  const int64_t genuine = finite_count(sets.genuine), impostor = finite_count(sets.impostor);
  if (!std::isfinite(t) || genuine == 0 || impostor == 0) return "";
  const auto rejected =
      std::count_if(sets.genuine.begin(), sets.genuine.end(), [&](double v) { return v < t; });
  const auto accepted =
      std::count_if(sets.impostor.begin(), sets.impostor.end(), [&](double v) { return v >= t; });
  return "At the threshold " + share_of(rejected, genuine, "genuine pairs are rejected") + ", " +
         share_of(accepted, impostor, "impostor pairs are accepted") + ".";
}

}  // namespace

// The powers of ten from 1/10 down to what one impostor pair can resolve.
std::vector<int> resolvable_powers(double impostors) {
  std::vector<int> powers;
  for (int e = -1; e >= -9 && std::pow(10.0, e) * impostors >= 1 - 1e-9; --e) powers.push_back(e);
  return powers;
}

void add_line(Chart& chart, const std::string& name, std::vector<CurvePoint> points) {
  const int place =
      static_cast<int>(std::count_if(chart.series.begin(), chart.series.end(),
                                     [](const ChartSeries& s) { return s.stroke == ChartStroke::line; }));
  chart.series.push_back({name, std::move(points), place % kColours, ChartStroke::line, "", place % 5});
}

std::string roc_figure(const std::vector<RocLine>& lines, double impostors, const std::string& subject) {
  if (lines.empty() || lines.front().points.empty() || !(impostors >= 2)) return "";
  Chart chart = roc_chart(impostors, subject);
  if (!(lowest_start(lines, 1 / impostors) > 0.75)) {
    chart.y.low = 0;
    chart.series.push_back({"chance", chance(1 / impostors), 4, ChartStroke::dashed, ""});
  }
  for (const RocLine& line : lines) add_line(chart, line.name, staircase(line.points, 1 / impostors));
  const bool alone = lines.size() == 1;
  if (alone) mark_powers(chart, lines.front().points, impostors);
  return chart_figure("ROC: true accept rate (TAR)", chart,
                      "Logarithmic FAR, down to 1/" + format_count(std::llround(impostors)) +
                          ": one impostor pair." + (alone ? " Dots mark powers of ten." : ""));
}

std::string histogram_figure(const ScoreSets& sets) {
  Chart chart = histogram_pair("genuine", sets.genuine, "impostor", sets.impostor, sets.threshold);
  chart.x.label = sets.score;
  chart.y.label = "share of pairs";
  chart.description = "Histograms of the scores of genuine and impostor pairs" +
                      (sets.subject.empty() ? "" : ": " + sets.subject);
  const int64_t total = static_cast<int64_t>(sets.genuine.size() + sets.impostor.size());
  const int64_t bad = total - finite_count(sets.genuine) - finite_count(sets.impostor);
  std::string note = sets.sample ? "A sample of the scores; shares per bin."
                                 : "Share of the pairs of each kind per bin. " + errors_at_threshold(sets);
  if (bad > 0) note += " " + share_of(bad, total, "scores are not finite and not drawn") + ".";
  return chart_figure("Scores" + (sets.subject.empty() ? "" : ": " + sets.subject), chart, note);
}

}  // namespace fr
