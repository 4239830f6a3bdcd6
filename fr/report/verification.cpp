// One test of a training run: ROC, score histograms, tables, the hardest pairs.
#include <algorithm>
#include <cmath>

#include "fr/report/html.h"
#include "fr/report/number.h"
#include "fr/report/sections.h"

namespace fr {
namespace {

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

}  // namespace

double impostor_count(const ReportTest& test) {
  if (!test.impostor.empty())
    return static_cast<double>(
        std::count_if(test.impostor.begin(), test.impostor.end(), [](double s) { return std::isfinite(s); }));
  double smallest = INFINITY;
  for (const RocPoint& p : test.roc)
    if (p.far > 0) smallest = std::min(smallest, p.far);
  return std::isfinite(smallest) ? std::round(1 / smallest) : 0;
}

std::string test_section(const ReportTest& test, PictureBudget& budget) {
  const std::string figures = roc_figure({{"this run", test.roc}}, impostor_count(test), test.name) +
                              histogram_figure({test.genuine, test.impostor, test.threshold, test.score, ""});
  std::string tables;
  if (!test.table.empty()) tables += "<div><h3>Figures</h3>\n" + html_table(test.table) + "</div>\n";
  tables += operating_points(test);
  return section_html(
      test.name.empty() ? "Verification" : test.name,
      paragraph_html("about", test.description) + block_html("large-figures", figures) +
          block_html("tables", tables) + group_accuracy_block(test.groups) +
          hardest_pairs(test.hardest_genuine, GalleryKind::genuine, test.threshold, test.score, budget) +
          hardest_pairs(test.hardest_impostor, GalleryKind::impostor, test.threshold, test.score, budget));
}

}  // namespace fr
