// One protocol's tables: figures, threshold card, groups (with bars).
#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "fr/report/bars.h"
#include "fr/report/figure_text.h"
#include "fr/report/html.h"
#include "fr/report/number.h"
#include "fr/report/protocol_sections.h"
#include "fr/report/sections.h"

namespace fr {
namespace {

using Rows = std::vector<std::vector<std::string>>;

std::string titled(const std::string& title, const std::string& table, const std::string& note) {
  return "<div><h3>" + escape_html(title) + "</h3>\n" + table + paragraph_html("remark", note) + "</div>\n";
}

std::string share_cell(double share, const Interval& interval) {
  return html_cell(share_text(share), interval_text(FigureUnit::share, interval));
}

Bar bar_of(const GroupRow& g, double GroupRow::*value, Interval GroupRow::*interval) {
  return {g.group, g.*value, g.*interval};
}

std::string bars_figure(const ProtocolResult& r, const std::string& title, BarChart chart,
                        double GroupRow::*value, Interval GroupRow::*interval) {
  chart.description = title + " of each group";
  chart.ceiling = 1;
  for (const GroupRow& g : r.groups) chart.bars.push_back(bar_of(g, value, interval));
  const std::string svg = draw_bars(chart);
  if (svg.empty()) return "";
  return "<figure>\n<figcaption><b>" + escape_html(title) + "</b></figcaption>\n" + svg + "</figure>\n";
}

std::string group_bars(const ProtocolResult& r) {
  BarChart accuracy, far, frr;
  accuracy.start = BarChart::Start::data;
  far.colour = 1, frr.colour = 3;
  return block_html(
      "small-figures",
      bars_figure(r, "Accuracy", accuracy, &GroupRow::accuracy, &GroupRow::accuracy_interval) +
          bars_figure(r, "False accept rate (FAR)", far, &GroupRow::far, &GroupRow::far_interval) +
          bars_figure(r, "False reject rate (FRR)", frr, &GroupRow::frr, &GroupRow::frr_interval));
}

}  // namespace

std::string figures_table(const ProtocolResult& r) {
  if (r.figures.empty()) return "";
  Rows rows;
  bool intervals = false;
  for (const Figure& f : r.figures) {
    rows.push_back({html_cell(f.name, f.warning.empty() ? "" : "\u26a0 " + f.warning),
                    html_cell(value_text(f.unit, f.value), interval_text(f.unit, f.interval))});
    intervals |= f.interval.known();
  }
  return titled("Figures", html_table_of_html({}, rows),
                intervals ? "In brackets: the interval by the bootstrap over people." : "");
}

std::string card_table(const ProtocolResult& r) {
  if (r.card.empty()) return "";
  Rows rows;
  bool unresolved = false;
  for (const CardRow& c : r.card) {
    rows.push_back({html_cell(far_text(c.far), one_in_text(c.far)),
                    html_cell(std::isinf(c.threshold) ? "none" : value_text(FigureUnit::score, c.threshold),
                              c.resolved ? "" : "\u26a0 not resolved"),
                    share_cell(c.tar, c.tar_interval), share_text(c.realised_far)});
    unresolved |= !c.resolved;
  }
  return titled(
      "Threshold card", html_table_of_html({"FAR at most", "threshold", "TAR", "realised FAR"}, rows),
      cat("Accept a pair when its score (", r.score, ") is at least the threshold.",
          unresolved
              ? " Not resolved: so few impostor pairs cannot show so small a rate; the threshold lets none "
                "of them through, and that is all it says."
              : ""));
}

std::string groups_block(const ProtocolResult& r) {
  if (r.groups.empty()) return "";
  Rows rows;
  for (const GroupRow& g : r.groups)
    rows.push_back({html_cell(g.group, format_count(g.genuine) + "\u00a0genuine, " +
                                           format_count(g.impostor) + "\u00a0impostor"),
                    share_cell(g.accuracy, g.accuracy_interval), share_cell(g.far, g.far_interval),
                    share_cell(g.frr, g.frr_interval)});
  return "<h3>Groups" + (r.group_title.empty() ? "" : ": " + escape_html(r.group_title)) + "</h3>\n" +
         html_table_of_html({"group", "accuracy", "FAR", "FRR"}, rows) +
         paragraph_html(
             "remark", "All at the one threshold " + format_number(r.threshold, 4) +
                           ". In the pictures a dot or a bar is the figure, the line across it its interval; "
                           "the axis of the accuracy does not begin at 0.") +
         group_bars(r);
}

}  // namespace fr
