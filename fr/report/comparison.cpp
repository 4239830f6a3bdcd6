// The page of several runs.
#include "fr/report/comparison.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "fr/report/figure_text.h"
#include "fr/report/html.h"
#include "fr/report/number.h"
#include "fr/report/protocol_csv.h"
#include "fr/report/protocol_sections.h"
#include "fr/report/sections.h"

namespace fr {
namespace {

constexpr size_t kHistograms = 4;  // with more runs they are left out

NamedResults all_results(const std::vector<ComparedRun>& runs) {
  NamedResults all;
  for (const ComparedRun& run : runs)
    for (const ProtocolResult& r : run.results)
      all.push_back(
          {run.name + (r.calibration.empty() || r.calibration == "none" ? "" : ", " + r.calibration), &r});
  return all;
}

// "LFW, accuracy: best is a with 99.50 % [99.32, 99.68]. The interval overlaps with b."
std::string verdict(const NamedResults& group) {
  if (group.size() < 2 || group.front().result->figures.empty()) return "";
  const std::string key = group.front().result->figures.front().key;
  std::vector<const Figure*> figures;
  for (const NamedResult& r : group) figures.push_back(figure_of(*r.result, key));
  const auto standing = standings(figures);
  std::string best, tied;
  for (size_t i = 0; i < group.size(); ++i) {
    if (standing[i] == Standing::best) best += (best.empty() ? "" : ", ") + group[i].name;
    if (standing[i] == Standing::tied) tied += (tied.empty() ? "" : ", ") + group[i].name;
  }
  if (best.empty()) return "";
  const Figure& f = *figures[static_cast<size_t>(std::find(standing.begin(), standing.end(), Standing::best) -
                                                 standing.begin())];
  return cat(title_text(*group.front().result), ", ", f.name, ": best is ", best, " with ",
             value_text(f.unit, f.value), " ", interval_text(f.unit, f.interval),
             tied.empty() ? "." : ". The interval overlaps with " + tied + ".");
}

std::string warnings(const std::vector<ComparedRun>& runs) {
  std::vector<std::string> all;
  for (const ComparedRun& run : runs)
    for (const ProtocolResult& r : run.results)
      for (const std::string& w : r.warnings) all.push_back(run.name + ", " + title_text(r) + ": " + w);
  return warnings_html(all);
}

// The headlines of all protocols, one row each. "_at_" ends what the best is judged by (figure_text.h).
std::string headlines(const std::vector<NamedResults>& groups) {
  if (groups.size() < 2) return "";
  std::vector<std::string> names;
  std::vector<ProtocolResult> columns;
  for (size_t g = 0; g < groups.size(); ++g)
    for (const NamedResult& r : groups[g]) {
      if (r.result->figures.empty()) continue;
      const auto at = static_cast<size_t>(std::find(names.begin(), names.end(), r.name) - names.begin());
      if (at == names.size()) names.push_back(r.name), columns.emplace_back();
      Figure f = r.result->figures.front();
      f.key += cat("_at_", g), f.name = title_text(*r.result) + ": " + f.name;
      columns[at].figures.push_back(f);
    }
  NamedResults all;
  for (size_t i = 0; i < names.size(); ++i) all.push_back({names[i], &columns[i]});
  return comparison_table(all, Changes::hidden);
}

std::string protocol_body(const NamedResults& group) {
  std::string html = paragraph_html("about", group.front().result->description) +
                     paragraph_html("", verdict(group)) +
                     comparison_table(group, group.size() == 2 ? Changes::shown : Changes::hidden);
  html += block_html("large-figures",
                     curve_figures(group) + (group.size() <= kHistograms ? histogram_figures(group) : ""));
  std::vector<std::string> notes;
  for (const NamedResult& r : group)
    for (const std::string& note : r.result->notes)
      if (std::find(notes.begin(), notes.end(), note) == notes.end()) notes.push_back(note);
  return html + (notes.empty() ? "" : "<h3>Notes</h3>\n" + list_html(notes));
}

// One row a fact, one column a run.
std::string facts_table(const std::vector<ComparedRun>& runs) {
  std::vector<std::string> header = {""}, names;
  for (const ComparedRun& run : runs) {
    header.push_back(run.name);
    for (const auto& [name, value] : run.facts)
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  if (names.empty()) return "";
  std::vector<std::vector<std::string>> rows;
  for (const std::string& name : names) {
    rows.push_back({name});
    for (const ComparedRun& run : runs) {
      const auto fact =
          std::find_if(run.facts.begin(), run.facts.end(), [&](auto& f) { return f.first == name; });
      rows.back().push_back(fact == run.facts.end() ? "\u2013" : fact->second);
    }
  }
  return "<div class=\"comparison words\">" + html_table(header, rows) + "</div>\n";
}

// The finite ones of `points` at (step, value), by step.
template <class Point>
std::vector<CurvePoint> over_steps(const std::vector<Point>& points, double Point::*value) {
  std::vector<CurvePoint> line;
  for (const Point& p : points)
    if (std::isfinite(p.*value)) line.push_back({static_cast<double>(p.step), p.*value});
  std::stable_sort(line.begin(), line.end(),
                   [](const CurvePoint& a, const CurvePoint& b) { return a.x < b.x; });
  const size_t half_width = line.size() / 150;
  return smooth_curve(std::move(line), half_width);
}

Chart training_chart(const char* label, AxisTicks ticks) {
  Chart chart;
  chart.description = cat(label, " of each run over the training steps");
  chart.x.label = "training step", chart.x.ticks = AxisTicks::count;
  chart.y.label = label, chart.y.ticks = ticks;
  return chart;
}

std::string training(const std::vector<ComparedRun>& runs) {
  Chart loss = training_chart("loss", AxisTicks::number);
  Chart accuracy = training_chart("held-out accuracy", AxisTicks::percent);
  for (const ComparedRun& run : runs) {
    add_line(loss, run.name, over_steps(run.train, &TrainPoint::loss));
    add_line(accuracy, run.name, over_steps(run.evaluations, &EvalPoint::accuracy));
  }
  return block_html("large-figures", chart_figure("Training loss", loss, "") +
                                         chart_figure("Held-out accuracy", accuracy, ""));
}

}  // namespace

std::string render_comparison(const std::vector<ComparedRun>& runs) {
  const std::string title = cat(runs.size(), runs.size() == 1 ? " run" : " runs side by side");
  std::string names;
  for (const ComparedRun& run : runs) names += (names.empty() ? "" : ", ") + run.name;
  std::string html = "<header>\n<h1>" + title + "</h1>\n" + paragraph_html("verdict", names) +
                     warnings(runs) + "</header>\n";
  const auto groups = same_protocol(all_results(runs));
  html += section_html("All protocols", headlines(groups));
  for (const NamedResults& group : groups)
    html += section_html(title_text(*group.front().result), protocol_body(group));
  html += section_html("Training", training(runs)) + section_html("The runs", facts_table(runs));
  return page_html(title, html);
}

void write_comparison(const fs::path& page, const std::vector<ComparedRun>& runs) {
  if (page.extension() != ".html")
    throw Error(ErrorKind::usage,
                cat(page.string(), ": the name of a page ends in .html; .csv and .json go beside it"));
  write_file_atomic(fs::path(page).replace_extension(".csv"), figures_csv(all_results(runs)));
  write_file_atomic(fs::path(page).replace_extension(".json"), comparison_json(runs));
  write_file_atomic(page, render_comparison(runs));
}

}  // namespace fr
