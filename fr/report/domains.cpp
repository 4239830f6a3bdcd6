// Domains: the frequency indicator of the classes by group and by number of pictures, and the accuracy of each group.
//                                                              Cao et al. 2020, "Domain Balancing", Figures 4 and 7
#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "fr/report/bars.h"
#include "fr/report/html.h"
#include "fr/report/number.h"
#include "fr/report/sections.h"

namespace fr {
namespace {

std::string bars_figure(const std::string& title, const BarChart& chart, const std::string& note) {
  const std::string svg = draw_bars(chart);
  if (svg.empty()) return "";
  return "<figure>\n<figcaption><b>" + escape_html(title) + "</b></figcaption>\n" + svg +
         paragraph_html("remark", note) + "</figure>\n";
}

std::string frequency_bars(const ReportDomains& d) {
  BarChart chart;
  chart.description = "Mean domain frequency indicator of the classes of each group";
  chart.start = BarChart::Start::data, chart.ticks = AxisTicks::number;
  for (const GroupFrequency& g : frequency_of_groups(d))
    chart.bars.push_back(
        {cat(g.group, " (", g.classes, ")"), g.dfi, {g.dfi - g.deviation, g.dfi + g.deviation}});
  return bars_figure("Mean DFI of each group", chart,
                     "In brackets the classes of the group; the line is the standard deviation over them.");
}

// Mean DFI against mean number of pictures, of equal parts of the classes ordered by their pictures.
std::vector<CurvePoint> by_pictures(const ReportDomains& d, int group) {
  std::vector<size_t> order;
  for (size_t j = 0; j < d.dfi.size(); ++j)
    if (group < 0 || d.group[j] == group) order.push_back(j);
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return d.pictures[a] < d.pictures[b]; });
  const auto pictures = [&](size_t i) { return d.pictures[order[i]]; };
  const size_t parts = std::clamp<size_t>(order.size() / 10, 1, 10);
  std::vector<CurvePoint> points;
  for (size_t p = 0, begin = 0, end = 0; p < parts; ++p, begin = end) {
    end = std::max(end, order.size() * (p + 1) / parts);
    while (end > 0 && end < order.size() && pictures(end) == pictures(end - 1)) ++end;  // alike stay together
    CurvePoint mean{0, 0};
    for (size_t i = begin; i < end; ++i)
      mean.x += double(pictures(i)) / double(end - begin), mean.y += d.dfi[order[i]] / double(end - begin);
    if (end > begin) points.push_back(mean);
  }
  return points;
}

std::string pictures_chart(const ReportDomains& d) {
  constexpr int kMost = 5;  // groups with lines of their own: there are as many colours
  if (d.pictures.size() != d.dfi.size()) return "";
  Chart chart;
  chart.x.label = "pictures of a class", chart.x.ticks = AxisTicks::count, chart.y.label = "mean DFI";
  chart.description = "Mean domain frequency indicator against the number of pictures";
  const bool grouped = d.group.size() == d.dfi.size() && int(d.groups.size()) <= kMost;
  if (!grouped) chart.series.push_back({"", by_pictures(d, -1), 0, ChartStroke::marked, ""});
  for (int g = 0; grouped && g < int(d.groups.size()); ++g)
    chart.series.push_back({d.groups[size_t(g)], by_pictures(d, g), g, ChartStroke::marked, "", g});
  return chart_figure(
      "DFI and the number of pictures", chart,
      "A point is the mean of a tenth of the classes, or of ten where there are fewer than a hundred.");
}

std::string fixed_or_dash(double v, const std::string& text) { return std::isfinite(v) ? text : "\u2013"; }

std::vector<std::string> accuracy_row(const GroupAccuracy& g) {
  return {g.group, format_count(g.genuine) + " + " + format_count(g.impostor), format_percent(g.common),
          fixed_or_dash(g.own, format_percent(g.own) + " \u00b1 " + format_percent(g.own_standard_error)),
          fixed_or_dash(g.auc, format_fixed(g.auc, 4))};
}

}  // namespace

std::vector<GroupFrequency> frequency_of_groups(const ReportDomains& d) {
  std::vector<GroupFrequency> all;
  if (d.group.size() != d.dfi.size()) return all;
  for (const std::string& name : d.groups) all.push_back({name});
  for (size_t j = 0; j < d.dfi.size(); ++j) {
    GroupFrequency& g = all.at(size_t(d.group[j]));
    ++g.classes, g.dfi += d.dfi[j];
  }
  for (GroupFrequency& g : all) g.dfi /= double(std::max<int64_t>(g.classes, 1));
  for (size_t j = 0; j < d.dfi.size(); ++j) {
    GroupFrequency& g = all[size_t(d.group[j])];
    g.deviation += (d.dfi[j] - g.dfi) * (d.dfi[j] - g.dfi);
  }
  for (GroupFrequency& g : all)
    g.deviation = std::sqrt(g.deviation / double(std::max<int64_t>(g.classes, 1)));
  std::erase_if(all, [](const GroupFrequency& g) { return g.classes == 0; });
  std::stable_sort(all.begin(), all.end(),
                   [](const auto& a, const auto& b) { return a.classes > b.classes; });
  return all;
}

std::string domains_section(const ReportDomains& d) {
  if (d.dfi.empty()) return "";
  return section_html(
      "Domains",
      paragraph_html("about", cat("The domain frequency indicator (DFI) of a class is ", format_number(d.eps),
                                  " divided by the compactness of the ", d.neighbours,
                                  " classes nearest to it: small where many lie near, large in "
                                  "rare domains. dfi.csv has that of every class.")) +
          block_html("large-figures", frequency_bars(d) + pictures_chart(d)));
}

std::string group_accuracy_block(const std::vector<GroupAccuracy>& groups) {
  if (groups.empty()) return "";
  std::vector<std::vector<std::string>> rows;
  BarChart chart;
  chart.description = "Accuracy of each group at the common thresholds";
  chart.start = BarChart::Start::data, chart.ceiling = 1;
  for (const GroupAccuracy& g : groups)
    rows.push_back(accuracy_row(g)), chart.bars.push_back({g.group, g.common});
  return "<h3>Groups</h3>\n" +
         html_table({"group", "pairs", "at common thresholds", "with its own thresholds", "AUC"}, rows) +
         block_html("small-figures",
                    bars_figure("Accuracy of each group", chart, "At the common thresholds."));
}

}  // namespace fr
