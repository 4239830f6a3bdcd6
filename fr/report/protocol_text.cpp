// A protocol's result as the table on stdout: at most 100 columns, ASCII but for the words that come from elsewhere.
#include <algorithm>
#include <sstream>

#include "fr/report/figure_text.h"
#include "fr/report/number.h"
#include "fr/report/protocol_report.h"

namespace fr {
namespace {

constexpr size_t kColumns = 100;

using Row = std::vector<std::string>;

// 'l' and 'r' of `sides`: how a column is aligned; the last ones count as left.
std::string aligned(const std::vector<Row>& rows, const std::string& sides) {
  std::vector<size_t> width;
  for (const Row& row : rows)
    for (size_t c = 0; c < row.size(); ++c) {
      if (c == width.size()) width.push_back(0);
      width[c] = std::max(width[c], letters(row[c]));
    }
  std::string text;
  for (const Row& row : rows) {
    std::string line;
    size_t filled = 0;
    for (size_t c = 0; c < row.size(); ++c) {
      const std::string room(width[c] - letters(row[c]), ' ');
      if (filled + 2 + letters(row[c]) > kColumns && c > 0) {  // a long remark goes below its row
        line = line.substr(0, line.find_last_not_of(' ') + 1) + "\n    " + row[c];
        continue;
      }
      line += (c == 0 || width[c] == 0 ? "" : "  ") +
              (c < sides.size() && sides[c] == 'r' ? room + row[c] : row[c] + room);
      filled += width[c] + 2;
    }
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

// Lines of at most kColumns letters, broken at blanks; the first begins with `first`, the others are indented as far.
std::string wrapped(const std::string& first, const std::string& words) {
  std::string text, line = first, word;
  size_t filled = letters(first);
  const std::string indent(filled, ' ');
  bool empty = true;
  for (std::istringstream in(words); in >> word;) {
    if (!empty && filled + 1 + letters(word) > kColumns) {
      text += line + "\n";
      line = indent, filled = indent.size(), empty = true;
    }
    line += (empty ? "" : " ") + word;
    filled += letters(word) + (empty ? 0 : 1);
    empty = false;
  }
  return empty && text.empty() ? "" : text + line + "\n";
}

std::string plain(FigureUnit unit, double v) { return ascii_number(value_text(unit, v)); }
std::string plain(FigureUnit unit, const Interval& i) { return ascii_number(interval_text(unit, i)); }
std::string plain_share(double v) { return plain(FigureUnit::share, v); }

std::string head(const ProtocolResult& r) {
  std::string text = title_text(r) + "\n" + wrapped("", r.description);
  std::vector<Row> rows;
  if (!r.score.empty()) rows.push_back({"score", r.score});
  if (!r.calibration.empty()) rows.push_back({"calibration", r.calibration});
  for (const auto& [name, count] : r.counts) rows.push_back({name, ascii_number(format_count(count))});
  return text + aligned(rows, "ll");
}

std::string figures(const ProtocolResult& r) {
  std::vector<Row> rows;
  for (const Figure& f : r.figures)
    rows.push_back({f.name, plain(f.unit, f.value), plain(f.unit, f.interval),
                    f.warning.empty() ? "" : "! " + f.warning});
  return rows.empty() ? "" : "\n" + aligned(rows, "lr");
}

std::string card(const ProtocolResult& r) {
  if (r.card.empty()) return "";
  std::vector<Row> rows = {{"FAR", "threshold", "realised FAR", "TAR"}};
  for (const CardRow& c : r.card)
    rows.push_back({ascii_number(far_text(c.far)), plain(FigureUnit::score, c.threshold),
                    plain_share(c.realised_far), plain_share(c.tar), plain(FigureUnit::share, c.tar_interval),
                    c.resolved ? "" : "! below what the data resolve"});
  return "\nThreshold card: accept when the score is at least the threshold\n" + aligned(rows, "lrrr");
}

std::string groups(const ProtocolResult& r) {
  if (r.groups.empty()) return "";
  std::vector<Row> rows = {{r.group_title.empty() ? "group" : r.group_title, "genuine", "impostor",
                            "accuracy", "", "FAR", "", "FRR"}};
  for (const GroupRow& g : r.groups)
    rows.push_back({g.group, ascii_number(format_count(g.genuine)), ascii_number(format_count(g.impostor)),
                    plain_share(g.accuracy), plain(FigureUnit::share, g.accuracy_interval),
                    plain_share(g.far), plain(FigureUnit::share, g.far_interval), plain_share(g.frr),
                    plain(FigureUnit::share, g.frr_interval)});
  return "\nGroups at the threshold " + plain(FigureUnit::score, r.threshold) + "\n" +
         aligned(rows, "lrrrlrlrl");
}

}  // namespace

std::string to_text(const ProtocolResult& r) {
  std::string text = head(r) + figures(r) + card(r) + groups(r);
  if (!r.warnings.empty() || !r.notes.empty()) text += "\n";
  for (const std::string& w : r.warnings) text += wrapped("warning: ", w);
  for (const std::string& n : r.notes) text += wrapped("note: ", n);
  return text;
}

}  // namespace fr
