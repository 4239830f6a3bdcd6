// The page of one evaluation, and the files beside it.
#include <algorithm>
#include <cmath>
#include <set>

#include "base/error.h"
#include "fr/report/figure_text.h"
#include "fr/report/html.h"
#include "fr/report/number.h"
#include "fr/report/protocol_csv.h"
#include "fr/report/protocol_report.h"
#include "fr/report/protocol_sections.h"
#include "fr/report/sections.h"

namespace fr {
namespace {

constexpr size_t kTiles = 4;

// The calibrations of one protocol, that without one first.
NamedResults by_calibration(NamedResults results) {
  std::stable_partition(results.begin(), results.end(),
                        [](const NamedResult& r) { return r.result->calibration == "none"; });
  return results;
}

NamedResults named(const std::vector<ProtocolResult>& results) {
  NamedResults out;
  for (const ProtocolResult& r : results) out.push_back({calibration_text(r), &r});
  return out;
}

std::string value_and_interval(const Figure& f) {
  const std::string interval = interval_text(f.unit, f.interval);
  return value_text(f.unit, f.value) + (interval.empty() ? "" : " " + interval);
}

std::string verdict(const ProtocolResult& r) {
  if (r.figures.empty()) return "";
  const Figure& f = r.figures.front();
  const int64_t genuine = count_of(r, "genuine pairs"), impostor = count_of(r, "impostor pairs");
  const std::string pairs =
      genuine > 0 && impostor > 0
          ? ", from " + format_count(genuine) + " genuine and " + format_count(impostor) + " impostor pairs"
          : "";
  return title_text(r) + ": " + f.name + " " + value_and_interval(f) + pairs + ".";
}

std::string tiles(const ProtocolResult& r) {
  std::vector<Tile> tiles;
  for (size_t i = 0; i < std::min(kTiles, r.figures.size()); ++i) {
    const Figure& f = r.figures[i];
    tiles.push_back({f.name, value_text(f.unit, f.value), interval_text(f.unit, f.interval)});
  }
  return tiles_html(tiles);
}

// Before everything else, so that nobody reads a figure without them.
std::string warnings(const std::vector<ProtocolResult>& results) {
  std::vector<std::string> all;
  for (const ProtocolResult& r : results)
    for (const std::string& w : r.warnings) {
      const std::string text = results.size() > 1 ? title_text(r) + ", " + calibration_text(r) + ": " + w : w;
      if (std::find(all.begin(), all.end(), text) == all.end()) all.push_back(text);
    }
  return warnings_html(all);
}

std::string page_title(const std::vector<ProtocolResult>& results) {
  std::string title;
  for (const NamedResults& group : same_protocol(named(results)))
    title += (title.empty() ? "" : ", ") + title_text(*group.front().result);
  return results.empty() ? "Evaluation" : title;
}

// Several protocols: the headline of each, one row.
std::string overview(const std::vector<NamedResults>& groups) {
  if (groups.size() < 2) return "";
  std::vector<std::vector<std::string>> rows;
  for (const NamedResults& group : groups)
    for (const NamedResult& r : group) {
      if (r.result->figures.empty()) continue;
      const Figure& f = r.result->figures.front();
      rows.push_back({html_cell(title_text(*r.result), group.size() > 1 ? r.name : ""), escape_html(f.name),
                      html_cell(value_text(f.unit, f.value), interval_text(f.unit, f.interval))});
    }
  return section_html("All protocols", html_table_of_html({"protocol", "figure", "value"}, rows));
}

std::vector<PairPicture> pictures_of(const std::vector<ScoredPair>& pairs, const PictureList& pictures) {
  const auto picture = [&](int64_t place) {
    if (!pictures.picture) return Image();
    try {
      return pictures.picture(place);
    } catch (const Error&) {  // a picture that cannot be read any more leaves an empty frame
      return Image();
    }
  };
  std::vector<PairPicture> out;
  const auto count = static_cast<int64_t>(pictures.names.size());
  for (const ScoredPair& p : pairs) {
    FR_CHECK(p.a >= 0 && p.a < count && p.b >= 0 && p.b < count, "hardest pairs: pictures ", p.a, " and ",
             p.b, " of a list of ", count);
    out.push_back({picture(p.a), picture(p.b), pictures.names[static_cast<size_t>(p.a)],
                   pictures.names[static_cast<size_t>(p.b)], p.score});
  }
  return out;
}

std::string counts(const ProtocolResult& r) {
  std::vector<std::pair<std::string, std::string>> facts;
  for (const auto& [name, count] : r.counts) facts.emplace_back(name, format_count(count));
  return facts_html(facts);
}

enum class FiguresTable { shown, left_out };

// Everything that belongs to one result alone.
std::string details(const ProtocolResult& r, const PictureList& pictures, PictureBudget& budget,
                    FiguresTable figures) {
  return block_html("tables", (figures == FiguresTable::shown ? figures_table(r) : "") + card_table(r)) +
         groups_block(r) +
         hardest_pairs(pictures_of(r.hardest_genuine, pictures), GalleryKind::genuine, r.threshold, r.score,
                       budget) +
         hardest_pairs(pictures_of(r.hardest_impostor, pictures), GalleryKind::impostor, r.threshold, r.score,
                       budget);
}

std::string protocol_body(const NamedResults& group, const PictureList& pictures, PictureBudget& budget) {
  const ProtocolResult& first = *group.front().result;
  std::string html = paragraph_html("about", first.description) + counts(first);
  if (group.size() > 1)
    html += "<h3>Before and after calibration</h3>\n" + comparison_table(group, Changes::shown);
  html += block_html("large-figures", curve_figures(group) + histogram_figures(group));
  const FiguresTable figures = group.size() == 1 ? FiguresTable::shown : FiguresTable::left_out;
  for (const NamedResult& r : group) {
    if (group.size() > 1) html += "<h3 class=\"part\">" + escape_html(r.name) + "</h3>\n";
    html += details(*r.result, pictures, budget, figures);
    if (!r.result->notes.empty()) html += "<h3>Notes</h3>\n" + list_html(r.result->notes);
  }
  return html;
}

// Scores that the run told by the folder's result.json left there and this one does not write.
std::set<std::string> stale_scores(const fs::path& folder, const std::vector<std::string>& written) {
  std::set<std::string> names;
  try {
    names = possible_scores_csv_names(read_results(folder / "result.json").results);
  } catch (const Error&) {  // no earlier run, or one that cannot be read
  }
  for (const std::string& name : written) names.erase(name);
  return names;
}

void remove_file(const fs::path& path) {
  std::error_code error;
  fs::remove(path, error);
  if (error) throw Error(ErrorKind::io, cat("cannot remove ", path.string(), ": ", error.message()));
}

}  // namespace

std::string render_protocol_report(const std::vector<ProtocolResult>& results, const PictureList& pictures,
                                   const ReportFacts& facts) {
  std::vector<NamedResults> groups = same_protocol(named(results));
  for (NamedResults& group : groups) group = by_calibration(group);
  const std::string title = page_title(results);
  std::string html = "<header>\n<h1>" + escape_html(title) + "</h1>\n";
  html += results.empty() ? paragraph_html("verdict", "Nothing has been measured yet.")
                          : paragraph_html("verdict", verdict(*groups.front().front().result)) +
                                warnings(results) + tiles(*groups.front().front().result);
  html += "</header>\n" + overview(groups) + section_html("The evaluation", facts_html(facts));
  PictureBudget budget;
  for (const NamedResults& group : groups)
    html += section_html(groups.size() > 1 ? title_text(*group.front().result) : "Results",
                         protocol_body(group, pictures, budget));
  return page_html(title, html);
}

void write_protocol_report(const fs::path& folder, const std::vector<ProtocolResult>& results,
                           const PictureList& pictures, const ReportFacts& facts) {
  NamedResults all;
  for (const ProtocolResult& r : results) all.push_back({"", &r});
  const auto scores = scores_csv_names(results);
  const auto stale = stale_scores(folder, scores);
  for (size_t i = 0; i < results.size(); ++i)
    if (!scores[i].empty()) write_scores_csv(folder / scores[i], results[i], pictures.names);
  for (const std::string& name : stale) remove_file(folder / name);
  write_file_atomic(folder / "figures.csv", figures_csv(all));
  write_file_atomic(folder / "curves.csv", curves_csv(all));
  write_file_atomic(folder / "result.json", to_json(results, facts));
  write_file_atomic(folder / "report.html", render_protocol_report(results, pictures, facts));
}

}  // namespace fr
