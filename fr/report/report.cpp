// The page: headline, facts, training, tests, configuration, warnings. Figures come from the caller; nothing
// is measured here but TAR at powers of ten, read from the caller's ROC.
#include "fr/report/report.h"

#include <algorithm>
#include <cmath>

#include "fr/report/html.h"
#include "fr/report/number.h"
#include "fr/report/sections.h"

namespace fr {
namespace {

// FAR of the headline: the smallest power of ten that rests on ten or more impostor pairs.
double headline_far(const ReportTest& test) {
  const double n = impostor_count(test);
  if (test.roc.empty() || n < 20) return kUnknown;
  return std::pow(10.0, std::ceil(std::log10(10 / n) - 1e-9));
}

std::string far_in_words(double far) { return "1 in " + format_count(std::llround(1 / far)); }

std::string plus_minus(const ReportTest& test) {
  return std::isfinite(test.accuracy_standard_error) ? "± " + format_percent(test.accuracy_standard_error)
                                                     : "";
}

std::vector<Tile> test_tiles(const ReportTest& test) {
  std::vector<Tile> tiles;
  if (std::isfinite(test.accuracy))
    tiles.push_back({"Accuracy", format_percent(test.accuracy),
                     plus_minus(test).empty() ? "" : plus_minus(test) + " standard error"});
  if (std::isfinite(test.auc)) tiles.push_back({"Area under the ROC", format_fixed(test.auc, 4), "AUC"});
  if (std::isfinite(test.eer))
    tiles.push_back({"Equal error rate", format_percent(test.eer), "EER, FAR = FRR"});
  const double far = headline_far(test), tar = operating_point(test.roc, far).tar;
  if (std::isfinite(tar))
    tiles.push_back({"Genuine pairs accepted", format_percent(tar),
                     "TAR at FAR = " + format_power_of_ten(static_cast<int>(std::lround(std::log10(far))))});
  return tiles;
}

// Without a test: where training stands.
std::vector<Tile> training_tiles(const Report& report) {
  std::vector<Tile> tiles;
  if (!report.evaluations.empty()) {
    const EvalPoint& e = report.evaluations.back();
    const std::string when = "step " + format_count(e.step);
    if (std::isfinite(e.accuracy)) tiles.push_back({"Held-out accuracy", format_percent(e.accuracy), when});
    if (std::isfinite(e.auc)) tiles.push_back({"Held-out AUC", format_fixed(e.auc, 4), when});
  }
  if (!report.train.empty()) {
    const TrainPoint& p = report.train.back();
    tiles.push_back({"Training loss", format_number(p.loss), "step " + format_count(p.step)});
  }
  return tiles;
}

std::string verdict(const Report& report) {
  if (report.tests.empty())
    return report.train.empty() && report.evaluations.empty() ? "Nothing has been measured yet."
                                                              : "Not yet verified on a test set.";
  const ReportTest& test = report.tests.front();
  const size_t pairs = test.genuine.size() + test.impostor.size();
  std::string words;
  if (std::isfinite(test.accuracy)) {
    words = "On " + test.name + ", " + format_percent(test.accuracy) + " of the " +
            (pairs > 0 ? format_count(static_cast<int64_t>(pairs)) + " " : std::string()) +
            "pairs are judged correctly";
    if (std::isfinite(test.accuracy_standard_error)) words += " (" + plus_minus(test) + " standard error)";
    words += ".";
  }
  const double far = headline_far(test), tar = operating_point(test.roc, far).tar;
  if (std::isfinite(tar))
    words += (words.empty() ? "On " + test.name + ", w" : std::string(" W")) + "hen " + far_in_words(far) +
             " impostor pairs is let through, " + format_percent(tar) + " of the genuine pairs are accepted.";
  return words;
}

std::string headline(const Report& report) {
  std::string html =
      "<header>\n<h1>" + escape_html(report.title.empty() ? "Run report" : report.title) + "</h1>\n";
  html += paragraph_html("verdict", verdict(report)) + paragraph_html("summary", report.summary);
  if (!report.warnings.empty())
    html += "<p class=\"flag\"><a href=\"#warnings\">" +
            format_count(static_cast<int64_t>(report.warnings.size())) +
            (report.warnings.size() == 1 ? " warning" : " warnings") + "</a> below.</p>\n";
  html += tiles_html(report.tests.empty() ? training_tiles(report) : test_tiles(report.tests.front()));
  return html + "</header>\n";
}

// Several tests: one row each.
std::string comparison(const Report& report) {
  if (report.tests.size() < 2) return "";
  std::vector<std::vector<std::string>> rows;
  for (const ReportTest& t : report.tests) {
    const double far = headline_far(t), tar = operating_point(t.roc, far).tar;
    const std::string at =
        std::isfinite(tar) ? " at FAR " + format_power_of_ten(static_cast<int>(std::lround(std::log10(far))))
                           : "";
    rows.push_back({t.name, format_percent(t.accuracy) + (plus_minus(t).empty() ? "" : " " + plus_minus(t)),
                    format_fixed(t.auc, 4), format_percent(t.eer), format_percent(tar) + at});
  }
  return section_html("All tests", html_table({"Test", "Accuracy", "AUC", "EER", "TAR"}, rows));
}

std::string configuration(const Report& report) {
  if (report.configuration.empty()) return "";
  return section_html("Configuration", "<details><summary>Resolved, as the run used it</summary>\n<pre>" +
                                           escape_html(report.configuration) + "</pre></details>");
}

std::string warnings(const Report& report) {
  if (report.warnings.empty()) return "";
  return "<section id=\"warnings\"><h2>Warnings</h2>\n" + list_html(report.warnings) + "</section>\n";
}

}  // namespace

RocPoint operating_point(const std::vector<RocPoint>& roc, double far) {
  RocPoint best;
  for (const RocPoint& p : roc) {
    if (!(p.far <= far * (1 + 1e-12)) || !std::isfinite(p.tar)) continue;
    if (!(p.tar <= best.tar) || (p.tar == best.tar && p.threshold > best.threshold)) best = p;
  }
  return best;
}

std::string render_html(const Report& report) {
  std::string html = headline(report) + comparison(report) +
                     section_html("The run", facts_html(report.facts)) + training_section(report);
  html += features_section(report.features);
  html += domains_section(report.domains);
  PictureBudget budget;
  for (const ReportTest& test : report.tests) html += test_section(test, budget);
  html += doppelganger_section(report.doppelgangers, budget);
  html += configuration(report) + warnings(report);
  return page_html(report.title.empty() ? "Run report" : report.title, html);
}

std::string render_features(const std::vector<ReportFeatures>& runs) {
  const std::string title = "What a loss does to its features";
  std::string html = "<header>\n<h1>" + title + "</h1>\n</header>\n";
  for (const ReportFeatures& run : runs) html += features_section(run);
  return page_html(title, html);
}

void write_report(const fs::path& path, const Report& report) {
  write_file_atomic(path, render_html(report));
}

}  // namespace fr
