// One test: ROC, score histograms, tables, the hardest pairs.
#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "fr/report/html.h"
#include "fr/report/number.h"
#include "fr/report/sections.h"

namespace fr {
namespace {

constexpr size_t kPairsShown = 12;
constexpr int kLargestSide = 160, kJpegQuality = 82;

int64_t finite_count(const std::vector<double>& values) {
  return std::count_if(values.begin(), values.end(), [](double v) { return std::isfinite(v); });
}

// The powers of ten from 1/10 down to what one impostor pair can resolve.
std::vector<int> resolvable_powers(double impostors) {
  std::vector<int> powers;
  for (int e = -1; e >= -9 && std::pow(10.0, e) * impostors >= 1 - 1e-9; --e) powers.push_back(e);
  return powers;
}

// TAR as the staircase it is: constant until one more impostor pair is let through.
std::vector<CurvePoint> staircase(const ReportTest& test, double lowest) {
  std::vector<CurvePoint> points;
  for (const RocPoint& p : test.roc)
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

std::string roc_figure(const ReportTest& test) {
  const double n = impostor_count(test);
  if (test.roc.empty() || !(n >= 2)) return "";
  Chart chart;
  chart.description = "ROC of " + test.name + ": true accept rate over logarithmic false accept rate";
  chart.x.label = "false accept rate (FAR)";
  chart.x.scale = AxisScale::logarithmic;
  chart.x.ticks = AxisTicks::power_of_ten;
  chart.x.low = 1 / n, chart.x.high = 1;
  chart.y.label = "TAR";
  chart.y.ticks = AxisTicks::percent;
  chart.y.high = 1;
  const double start = operating_point(test.roc, 1 / n).tar;
  const bool from_zero = !(start > 0.75);
  if (from_zero) chart.y.low = 0;
  if (from_zero) chart.series.push_back({"chance", chance(1 / n), 4, ChartStroke::dashed, ""});
  chart.series.push_back({"this run", staircase(test, 1 / n), 0, ChartStroke::line, ""});
  for (const int e : resolvable_powers(n)) {
    const double tar = operating_point(test.roc, std::pow(10.0, e)).tar;
    if (std::isfinite(tar)) chart.marks.push_back({{std::pow(10.0, e), tar}, format_percent(tar, 1)});
  }
  return chart_figure("ROC: true accept rate (TAR)", chart,
                      "Logarithmic FAR, down to 1/" + format_count(std::llround(n)) +
                          ": one impostor pair. Dots mark powers of ten.");
}

std::string share_of(int64_t part, int64_t whole, const std::string& what) {
  return format_count(part) + " of " + format_count(whole) + " " + what + " (" +
         format_percent(static_cast<double>(part) / static_cast<double>(whole)) + ")";
}

std::string errors_at_threshold(const ReportTest& test) {
  const double t = test.threshold;
  const int64_t genuine = finite_count(test.genuine), impostor = finite_count(test.impostor);
  if (!std::isfinite(t) || genuine == 0 || impostor == 0) return "";
  const auto rejected =
      std::count_if(test.genuine.begin(), test.genuine.end(), [&](double v) { return v < t; });
  const auto accepted =
      std::count_if(test.impostor.begin(), test.impostor.end(), [&](double v) { return v >= t; });
  return "At the threshold " + share_of(rejected, genuine, "genuine pairs are rejected") + ", " +
         share_of(accepted, impostor, "impostor pairs are accepted") + ".";
}

std::string histogram_figure(const ReportTest& test) {
  Chart chart = histogram_pair("genuine", test.genuine, "impostor", test.impostor, test.threshold);
  chart.x.label = test.score;
  chart.y.label = "share of pairs";
  chart.description = "Histograms of the scores of genuine and impostor pairs of " + test.name;
  const int64_t total = static_cast<int64_t>(test.genuine.size() + test.impostor.size());
  const int64_t bad = total - finite_count(test.genuine) - finite_count(test.impostor);
  std::string note = "Share of the pairs of each kind per bin. " + errors_at_threshold(test);
  if (bad > 0) note += " " + share_of(bad, total, "scores are not finite and not drawn") + ".";
  return chart_figure("Scores", chart, note);
}

std::string operating_points(const ReportTest& test) {
  const double n = impostor_count(test);
  std::vector<std::vector<std::string>> rows;
  for (const int e : resolvable_powers(n)) {
    const double far = std::pow(10.0, e);
    const RocPoint p = operating_point(test.roc, far);
    if (!std::isfinite(p.tar)) continue;
    rows.push_back({format_power_of_ten(e), format_percent(p.tar), format_number(p.threshold),
                    format_count(static_cast<int64_t>(std::floor(far * n + 1e-9)))});
  }
  if (rows.empty()) return "";
  return "<div><h3>Operating points</h3>\n" +
         html_table({"FAR at most", "TAR", "threshold", "impostor pairs allowed"}, rows) + "</div>\n";
}

std::string frame(const Image& image, const std::string& name, PictureBudget& budget) {
  const std::string empty = "<span class=\"empty\">no picture</span>";
  const std::string uri = budget.exceeded ? "" : picture_data_uri(image, kLargestSide, kJpegQuality);
  if (uri.empty()) return empty;
  if (uri.size() > budget.left) {
    budget.exceeded = true;
    return empty;
  }
  budget.left -= uri.size();
  return "<img src=\"" + uri + "\" alt=\"" + escape_html(name) + "\"/>";
}

std::string pair_figure(const PairPicture& pair, double threshold, bool genuine, PictureBudget& budget) {
  std::string html = "<figure class=\"pair\"><div class=\"pictures\">" + frame(pair.a, pair.name_a, budget) +
                     frame(pair.b, pair.name_b, budget) + "</div>\n<figcaption><b>" +
                     format_fixed(pair.score, 3) + "</b>";
  if (std::isfinite(threshold) && std::isfinite(pair.score)) {
    const bool accepted = pair.score >= threshold;
    html += cat(" <span class=\"", accepted == genuine ? "right" : "wrong", "\">",
                accepted == genuine ? "\u2713 " : "\u2717 ", accepted ? "accepted, " : "rejected, ",
                format_fixed(std::abs(pair.score - threshold), 3), accepted ? " above" : " below", "</span>");
  }
  html +=
      "<span class=\"names\">" + escape_html(pair.name_a) + "<br/>" + escape_html(pair.name_b) + "</span>";
  return html + "</figcaption></figure>\n";
}

std::string hardest(const ReportTest& test, bool genuine, PictureBudget& budget) {
  std::vector<const PairPicture*> pairs;
  for (const PairPicture& p : genuine ? test.hardest_genuine : test.hardest_impostor) pairs.push_back(&p);
  if (pairs.empty()) return "";
  // Hardest first; a score that is not a number goes last.
  const auto rank = [&](const PairPicture* p) {
    return std::isnan(p->score) ? INFINITY : genuine ? p->score : -p->score;
  };
  std::stable_sort(pairs.begin(), pairs.end(), [&](auto a, auto b) { return rank(a) < rank(b); });
  pairs.resize(std::min(pairs.size(), kPairsShown));
  std::string html = genuine ? "<h3>Hardest genuine pairs <span>one person, lowest scores</span></h3>\n"
                             : "<h3>Hardest impostor pairs <span>two people, highest scores</span></h3>\n";
  html += "<div class=\"pairs\">\n";
  for (const PairPicture* p : pairs) html += pair_figure(*p, test.threshold, genuine, budget);
  html += "</div>\n";
  if (std::isfinite(test.threshold))
    html += "<p class=\"remark\">The number is the score (" + escape_html(test.score) +
            "), then its distance to the threshold " + format_number(test.threshold, 3) + ".</p>\n";
  if (budget.exceeded)
    html += "<p class=\"remark\">Pictures beyond the size limit of the page are left out.</p>\n";
  return html;
}

}  // namespace

double impostor_count(const ReportTest& test) {
  if (!test.impostor.empty()) return static_cast<double>(finite_count(test.impostor));
  double smallest = INFINITY;
  for (const RocPoint& p : test.roc)
    if (p.far > 0) smallest = std::min(smallest, p.far);
  return std::isfinite(smallest) ? std::round(1 / smallest) : 0;
}

std::string test_section(const ReportTest& test, PictureBudget& budget) {
  std::string html =
      "<section><h2>" + escape_html(test.name.empty() ? "Verification" : test.name) + "</h2>\n";
  if (!test.description.empty()) html += "<p class=\"about\">" + escape_html(test.description) + "</p>\n";
  const std::string figures = roc_figure(test) + histogram_figure(test);
  if (!figures.empty()) html += "<div class=\"large-figures\">\n" + figures + "</div>\n";
  std::string tables;
  if (!test.table.empty()) tables += "<div><h3>Figures</h3>\n" + html_table(test.table) + "</div>\n";
  tables += operating_points(test);
  if (!tables.empty()) html += "<div class=\"tables\">\n" + tables + "</div>\n";
  html += hardest(test, true, budget) + hardest(test, false, budget);
  return html + "</section>\n";
}

}  // namespace fr
