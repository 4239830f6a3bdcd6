// The table as Markdown and as JSON.
#include <algorithm>

#include <nlohmann/json.hpp>

#include "audit/print.h"
#include "base/version.h"

namespace fr::audit {
namespace {

using nlohmann::ordered_json;

// In a cell of a table.
std::string escaped(const std::string& text) {
  std::string result;
  for (const char c : text) result += c == '|' ? "\\|" : std::string(1, c);
  return result;
}
std::string code(const std::string& text) { return text.empty() ? "" : "`" + escaped(text) + "`"; }

std::string table_head(const std::vector<std::string>& words, const std::vector<std::string>& columns) {
  std::string head = "|", rule = "|";
  for (const std::string& word : words) head += " " + word + " |", rule += "---|";
  for (const std::string& column : columns) head += " " + column + " |", rule += "---:|";
  return head + " verdict |\n" + rule + "---|\n";
}

std::string table_row(const Line& line, const std::vector<std::string>& columns, bool with_equation) {
  std::string row = "| " + escaped(line.title.name) + " | ";
  if (with_equation) row += code(line.title.equation) + " | ";
  row += escaped(line.title.reference) + " |";
  for (const std::string& column : columns) {
    const bool noted = column == "differences" && !line.note.empty();
    row += " " + error_text(largest(line.findings, column)) + (noted ? " (" + line.note + ")" : "") + " |";
  }
  return row + (line.passed() ? " ok |\n" : " FAILED |\n");
}

ordered_json to_json(const Finding& finding) {
  ordered_json checks = ordered_json::array();
  for (const Check& c : finding.checks)
    checks.push_back({{"column", c.column}, {"allowed", c.allowed}, {"errors", c.errors}});
  return {
      {"name", finding.row}, {"reason", finding.reason}, {"checks", checks}, {"failures", finding.failures}};
}

ordered_json to_json(const Line& line, const std::vector<std::string>& columns) {
  ordered_json errors = ordered_json::object(), rows = ordered_json::array();
  for (const std::string& column : columns)
    if (const double error = largest(line.findings, column); error >= 0) errors[column] = error;
  for (const Finding& finding : line.findings) rows.push_back(to_json(finding));
  return {{"name", line.title.name},
          {"equation", line.title.equation},
          {"reference", line.title.reference},
          {"page", line.title.page},
          {"note", line.note},
          {"passed", line.passed()},
          {"errors", errors},
          {"rows", rows}};
}

}  // namespace

std::string to_markdown(const std::vector<Family>& families, const std::vector<std::string>& columns) {
  std::string text;
  for (const Family& family : families) {
    text += (text.empty() ? "" : "\n") + std::string("### ") + family.name + "\n\n" +
            table_head({"name", "equation", "reference"}, columns);
    for (const Line& line : family.lines) text += table_row(line, columns, true);
  }
  return text;
}

std::string page_markdown(const std::vector<Family>& families, const std::vector<std::string>& columns,
                          const std::string& page) {
  std::vector<Line> lines;
  for (const Family& family : families)
    for (const Line& line : family.lines)
      if (line.title.page == page) lines.push_back(line);
  if (lines.empty()) return "";
  std::vector<std::string> used;
  for (const std::string& column : columns)
    if (std::any_of(lines.begin(), lines.end(),
                    [&](const Line& line) { return largest(line.findings, column) >= 0; }))
      used.push_back(column);
  std::string text = table_head({"name", "reference"}, used);
  for (const Line& line : lines) text += table_row(line, used, false);
  return text;
}

std::string to_json(const std::vector<Family>& families, const std::vector<std::string>& columns) {
  ordered_json all = ordered_json::array();
  for (const Family& family : families) {
    ordered_json lines = ordered_json::array();
    for (const Line& line : family.lines) lines.push_back(to_json(line, columns));
    all.push_back({{"name", family.name}, {"lines", lines}});
  }
  const Failures bad = failures(families);
  const ordered_json document = {{"version", version_text()}, {"cpu", cpu_name()}, {"columns", columns},
                                 {"passed", bad.empty()},     {"failures", bad},   {"families", all}};
  return document.dump(1) + "\n";
}

}  // namespace fr::audit
