// Curves of protocols: each kind with the axes it is read on.
#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "fr/report/figure_text.h"
#include "fr/report/number.h"
#include "fr/report/protocol_sections.h"
#include "fr/report/sections.h"

namespace fr {
namespace {

struct Line {
  std::string name;
  std::vector<CurvePoint> points;
};

// Of one kind, of all results. A name is that of the result (when there are several) and of the curve.
std::vector<Line> lines_of(const NamedResults& results, CurveKind kind) {
  std::vector<Line> lines;
  for (const NamedResult& r : results)
    for (const ProtocolCurve& curve : r.result->curves) {
      if (curve.kind != kind) continue;
      Line line{results.size() > 1 ? r.name : "", {}};
      if (!curve.name.empty()) line.name += (line.name.empty() ? "" : ", ") + curve.name;
      if (line.name.empty()) line.name = "measured";
      for (const auto& [x, y] : curve.points)
        if (std::isfinite(x) && std::isfinite(y)) line.points.push_back({x, y});
      if (!line.points.empty()) lines.push_back(std::move(line));
    }
  return lines;
}

double smallest_positive(const std::vector<Line>& lines, double CurvePoint::*axis) {
  double smallest = INFINITY;
  for (const Line& line : lines)
    for (const CurvePoint& p : line.points)
      if (p.*axis > 0) smallest = std::min(smallest, p.*axis);
  return smallest;
}

std::string subject(const NamedResults& results) { return title_text(*results.front().result); }

std::string roc(const NamedResults& results) {
  const auto lines = lines_of(results, CurveKind::roc);
  const double lowest = smallest_positive(lines, &CurvePoint::x);
  if (!std::isfinite(lowest)) return "";
  std::vector<RocLine> curves;
  for (const Line& line : lines) {
    curves.push_back({line.name, {}});
    for (const CurvePoint& p : line.points) curves.back().points.push_back({p.x, p.y, kUnknown});
  }
  return roc_figure(curves, 1 / lowest, subject(results));
}

// DET curves, or else what the ROC curves say: FRR = 1 - TAR.
std::vector<Line> det_lines(const NamedResults& results) {
  auto lines = lines_of(results, CurveKind::det);
  if (!lines.empty()) return lines;
  lines = lines_of(results, CurveKind::roc);
  for (Line& line : lines)
    for (CurvePoint& p : line.points) p.y = 1 - p.y;
  return lines;
}

// From the smallest error that the data show, but never from so high that nothing is left of the axis.
ChartAxis error_axis(const std::string& label, double smallest, double largest) {
  ChartAxis axis;
  axis.label = label;
  axis.scale = AxisScale::normal_deviate, axis.ticks = AxisTicks::percent_number;
  axis.low = std::clamp(smallest, 1e-9, 0.05), axis.high = std::clamp(2 * largest, 10 * axis.low, 0.5);
  return axis;
}

// The largest y of what lies right of `from`.
double largest_within(const std::vector<Line>& lines, double from) {
  double largest = 0;
  for (const Line& line : lines)
    for (const CurvePoint& p : line.points)
      if (p.x >= from) largest = std::max(largest, p.y);
  return largest;
}

std::string det(const NamedResults& results) {
  auto lines = det_lines(results);
  const double far = smallest_positive(lines, &CurvePoint::x), frr = smallest_positive(lines, &CurvePoint::y);
  if (!std::isfinite(far) || !std::isfinite(frr)) return "";
  Chart chart;
  chart.description = "DET of " + subject(results) + ": false reject rate over false accept rate";
  chart.x = error_axis("false accept rate (FAR), %", far, 1);
  chart.y = error_axis("FRR, %", frr, largest_within(lines, far));
  for (Line& line : lines) {
    std::sort(line.points.begin(), line.points.end(), [](const CurvePoint& a, const CurvePoint& b) {
      return a.x < b.x || (a.x == b.x && a.y > b.y);
    });
    add_line(chart, line.name, std::move(line.points));
  }
  return chart_figure(
      "DET: reject rate (FRR), %", chart,
      "Both axes in normal deviates: errors of normally distributed scores lie on a straight line. "
      "Lower and further left is better.");
}

struct ShareChart {
  CurveKind kind;
  const char *title, *words, *x, *y, *note;
};

// Curves whose y is a share and whose x is a rank, a rate or a share.
std::string share_figure(const NamedResults& results, const ShareChart& what) {
  auto lines = lines_of(results, what.kind);
  if (lines.empty()) return "";
  Chart chart;
  chart.description = cat(what.words, " of ", subject(results));
  chart.x.label = what.x;
  chart.y.label = what.y, chart.y.ticks = AxisTicks::percent;
  double highest = 0;
  for (const Line& line : lines)
    for (const CurvePoint& p : line.points) highest = std::max(highest, p.y);
  if (highest > 0.9) chart.y.high = 1;
  const double lowest = smallest_positive(lines, &CurvePoint::x);
  if (what.kind == CurveKind::dir) {
    chart.x.scale = AxisScale::logarithmic, chart.x.ticks = AxisTicks::power_of_ten;
    for (Line& line : lines)
      for (CurvePoint& p : line.points) p.x = std::max(p.x, lowest);
  } else if (what.kind == CurveKind::cmc) {
    chart.x.scale = AxisScale::logarithmic, chart.x.ticks = AxisTicks::count;
  } else {
    chart.x.ticks = AxisTicks::percent, chart.x.low = 0, chart.x.high = 1;
  }
  for (Line& line : lines) {
    std::stable_sort(line.points.begin(), line.points.end(), [](auto& a, auto& b) { return a.x < b.x; });
    add_line(chart, line.name, std::move(line.points));
  }
  return chart_figure(what.title, chart, what.note);
}

constexpr ShareChart kShareCharts[] = {
    {CurveKind::cmc, "CMC: identified within a rank", "Cumulative match characteristic", "rank (logarithmic)",
     "share of probes", "Share of the probes whose person is among the so many most similar of the gallery."},
    {CurveKind::dir, "Open set: detected and identified (TPIR)", "Detection and identification rate",
     "false positive identification rate (FPIR)", "TPIR",
     "Share of the known people found, while strangers are let through as often as the axis says."},
    {CurveKind::coverage, "Precision over coverage", "Precision over coverage",
     "coverage: share of probes that get an answer", "precision",
     "The more probes are answered, the more answers are wrong."}};

// A sample of the scores is no basis for counts of errors.
bool is_sample(const ProtocolResult& r) {
  return count_of(r, "genuine pairs") > static_cast<int64_t>(r.genuine.size()) ||
         count_of(r, "impostor pairs") > static_cast<int64_t>(r.impostor.size());
}

}  // namespace

std::vector<NamedResults> same_protocol(const NamedResults& results) {
  std::vector<NamedResults> groups;
  for (const NamedResult& r : results) {
    const auto same = std::find_if(groups.begin(), groups.end(), [&](const NamedResults& g) {
      return g.front().result->protocol == r.result->protocol && g.front().result->title == r.result->title;
    });
    if (same == groups.end())
      groups.push_back({r});
    else
      same->push_back(r);
  }
  return groups;
}

std::string curve_figures(const NamedResults& results) {
  std::string html = roc(results) + det(results);
  for (const ShareChart& what : kShareCharts) html += share_figure(results, what);
  return html;
}

std::string histogram_figures(const NamedResults& results) {
  std::string html;
  for (const NamedResult& r : results)
    html += histogram_figure({r.result->genuine, r.result->impostor, r.result->threshold, r.result->score,
                              results.size() > 1 ? r.name : "", is_sample(*r.result)});
  return html;
}

}  // namespace fr
