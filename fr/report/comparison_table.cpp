// Several results of one protocol side by side.
#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "fr/report/figure_text.h"
#include "fr/report/html.h"
#include "fr/report/number.h"
#include "fr/report/protocol_sections.h"
#include "fr/report/sections.h"

namespace fr {
namespace {

const Figure* find(const ProtocolResult& r, const std::string& key) {
  for (const Figure& f : r.figures)
    if (f.key == key) return &f;
  return nullptr;
}

// The figures of all results, each key once, in the order they first occur.
std::vector<const Figure*> all_figures(const NamedResults& results) {
  std::vector<const Figure*> all;
  for (const NamedResult& r : results)
    for (const Figure& f : r.result->figures)
      if (std::none_of(all.begin(), all.end(), [&](const Figure* known) { return known->key == f.key; }))
        all.push_back(&f);
  return all;
}

std::vector<const Figure*> row_of(const NamedResults& results, const std::string& key) {
  std::vector<const Figure*> row;
  for (const NamedResult& r : results) row.push_back(find(*r.result, key));
  return row;
}

bool overlap(const Interval& a, const Interval& b) {
  return a.known() && b.known() && a.low <= b.high && b.low <= a.high;
}

std::vector<std::string> header_of(const NamedResults& results, Changes changes) {
  std::vector<std::string> header = {""};
  for (const NamedResult& r : results) header.push_back(escape_html(r.name));
  for (size_t i = 1; i < results.size() && changes == Changes::shown; ++i)
    header.push_back("change with " + escape_html(results[i].name));
  return header;
}

std::string marked_cell(const Figure* f, Standing standing) {
  if (!f) return "\u2013";
  const std::string cell = html_cell(value_text(f->unit, f->value), interval_text(f->unit, f->interval));
  if (standing == Standing::none) return cell;
  return standing == Standing::best ? "<b class=\"best\"><i>\u2605</i>" + cell + "</b>"
                                    : "<span class=\"tied\"><i>\u2248</i>" + cell + "</span>";
}

// "+0.31": percentage points for shares.
std::string difference_text(const Figure& f, double difference) {
  if (!std::isfinite(difference)) return "\u2013";
  const double shown = f.unit == FigureUnit::share ? 100 * difference : difference;
  const std::string text = f.unit == FigureUnit::share ? format_fixed(shown, 2) : format_number(shown, 4);
  return (difference > 0 && text.find_first_of("123456789") != text.npos ? "+" : "") + text +
         (f.unit == FigureUnit::share ? " points" : "");
}

std::string change_cell(const Figure* from, const Figure* to) {
  if (!from || !to) return "\u2013";
  const double change = to->value - from->value;
  const Better sense = better(*from);
  const bool judged = sense != Better::neither && (change > 0 || change < 0);
  return html_cell(difference_text(*from, change), !judged                                   ? ""
                                                   : (change > 0) == (sense == Better::high) ? "better"
                                                                                             : "worse");
}

}  // namespace

std::vector<Standing> standings(const std::vector<const Figure*>& figures) {
  std::vector<Standing> out(figures.size(), Standing::none);
  const Figure* best = nullptr;
  int known = 0;
  bool differ = false;
  for (const Figure* f : figures) {
    if (!f || !std::isfinite(f->value) || better(*f) == Better::neither) continue;
    ++known;
    differ |= best && f->value != best->value;
    if (!best || (better(*f) == Better::high ? f->value > best->value : f->value < best->value)) best = f;
  }
  if (known < 2 || !differ) return out;
  for (size_t i = 0; i < figures.size(); ++i) {
    const Figure* f = figures[i];
    if (!f || !std::isfinite(f->value)) continue;
    if (f->value == best->value)
      out[i] = Standing::best;
    else if (overlap(f->interval, best->interval))
      out[i] = Standing::tied;
  }
  return out;
}

std::string comparison_table(const NamedResults& results, Changes changes) {
  std::vector<std::vector<std::string>> rows;
  bool best = false, tied = false;
  for (const Figure* figure : all_figures(results)) {
    const auto row = row_of(results, figure->key);
    const auto standing = standings(row);
    rows.push_back({escape_html(figure->name)});
    for (size_t i = 0; i < row.size(); ++i) {
      rows.back().push_back(marked_cell(row[i], standing[i]));
      best |= standing[i] == Standing::best, tied |= standing[i] == Standing::tied;
    }
    for (size_t i = 1; i < row.size() && changes == Changes::shown; ++i)
      rows.back().push_back(change_cell(row[0], row[i]));
  }
  if (rows.empty()) return "";
  return "<div class=\"comparison\">" + html_table_of_html(header_of(results, changes), rows) + "</div>\n" +
         paragraph_html("remark",
                        cat(best ? "\u2605 the best of its row. " : "",
                            tied ? "\u2248 not as good, but its interval overlaps that of the best: "
                                   "these data may not tell the two apart."
                                 : ""));
}

}  // namespace fr
