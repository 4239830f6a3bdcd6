#include "fr/report/discrepancy_page.h"

#include <cmath>

#include "fr/report/number.h"
#include "fr/report/sections.h"

namespace fr {
namespace {

ChartSeries quantile_line(const std::string& name, const std::vector<double>& values, int colour) {
  ChartSeries line{name, {}, colour, ChartStroke::line, ""};
  for (size_t rank = 0; rank < values.size(); ++rank) line.points.push_back({double(rank + 1), values[rank]});
  return line;
}

std::string neighbours_figure(const DiscrepancyFigures& f) {
  Chart chart;
  chart.description = "Cosines of a picture with other people, largest first";
  chart.x = {"rank among the other people", AxisScale::logarithmic, AxisTicks::count};
  chart.y.label = "cosine";
  chart.series = {quantile_line("nine tenths below", f.high, 1), quantile_line("half", f.middle, 0),
                  quantile_line("one tenth", f.low, 2)};
  if (double(f.k) <= double(f.middle.size()))
    chart.rules.push_back({double(f.k), "k = " + std::to_string(f.k)});
  return chart_figure(
      "Neighbours of other classes", chart,
      "Of each picture the cosines with the centres of all other people, sorted: a few are close, "
      "and how close differs from picture to picture. Lines: quantiles over the pictures.");
}

std::vector<double> at(const std::vector<double>& values, const std::vector<int64_t>& places) {
  std::vector<double> out;
  for (const int64_t i : places) out.push_back(values[size_t(i)]);
  return out;
}

Chart histogram_of(const std::string& name, const std::vector<double>& values, const std::string& axis) {
  Chart chart = histogram_pair(name, values, "", {}, kUnknown);
  std::erase_if(chart.series, [](const ChartSeries& s) { return s.points.empty(); });
  chart.description = name, chart.x.label = axis;
  return chart;
}

std::string segments_figure(const DiscrepancyFigures& f, const std::string& title,
                            const std::vector<double>& values, const std::string& axis, double overlap,
                            double rank) {
  Chart chart = histogram_pair("higher probability", at(values, f.sure), "lower probability",
                               at(values, f.unsure), kUnknown);
  chart.description = title, chart.x.label = axis;
  return chart_figure(title, chart,
                      "Common area " + format_fixed(overlap, 3) + "; rank correlation with the probability " +
                          format_fixed(rank, 3) + ".");
}

}  // namespace

std::string discrepancy_page(const DiscrepancyFigures& f, const std::string& score) {
  std::vector<double> log10;
  for (const double p : f.log_odds) log10.push_back(p / std::log(10.0));
  const std::string centres = f.means ? "mean directions of their pictures, a picture left out of its own"
                                      : "the weights of the classifier";
  const std::string facts = facts_html({{"Pictures", format_count(f.N)},
                                        {"People", format_count(f.M)},
                                        {"Centres", centres},
                                        {"Scale s of the softmax", format_number(f.s, 3)},
                                        {"Calibrated score", score}});
  const std::string distributions =
      chart_figure("Cosine with the own centre", histogram_of("pictures", f.cosine, "cosine"), "") +
      chart_figure("Probability of the own class", histogram_of("pictures", log10, "log10 of p / (1 - p)"),
                   "Softmax over all centres; 2 stands for 99 in 100.");
  const std::string segments =
      segments_figure(f, "Cosine", f.cosine, "cosine", f.overlap_cosine, f.rank_cosine) +
      segments_figure(f, "Calibrated", f.calibrated, "log DAO", f.overlap_calibrated, f.rank_calibrated);
  return page_html(
      "Discrepancy alignment",
      "<h1>Discrepancy alignment</h1>\n" + facts +
          section_html("Sorted cosines", block_html("large-figures", neighbours_figure(f))) +
          section_html("Probability against cosine", block_html("large-figures", distributions)) +
          section_html(
              "Two ranges of the probability, before and after",
              paragraph_html("",
                             "Pictures between the 20th and the 40th, and the 60th and the 80th percentile "
                             "of the probability. The less the two overlap, the better a score tells "
                             "well placed pictures from others.") +
                  block_html("large-figures", segments)));
}

}  // namespace fr
