#include "audit/print.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <ostream>

#include "base/parallel.h"
#include "base/version.h"

namespace fr::audit {
namespace {

constexpr size_t kNumberWidth = 8;  // 3.1e-10 and a mark

std::string padded(const std::string& text, size_t width) {
  return text + std::string(text.size() < width ? width - text.size() : 0, ' ');
}
std::string right(const std::string& text, size_t width) {
  return std::string(text.size() < width ? width - text.size() : 0, ' ') + text;
}

bool failed(const std::vector<Finding>& findings, const std::string& column) {
  for (const Finding& f : findings)
    for (const Check& c : f.checks)
      if (c.column == column && !(c.largest() <= c.allowed)) return true;
  return false;
}

// The mark behind a number: ! too large, * not against central differences.
std::string mark(const Line& line, const std::string& column) {
  if (failed(line.findings, column)) return "!";
  return column == "differences" && !line.note.empty() ? "*" : " ";
}

std::string machine() { return cat(version_text(), " on ", cpu_name(), ", ", threads(), " threads"); }

}  // namespace

std::string error_text(double error) {
  if (error < 0) return "-";
  if (error == 0) return "0";
  if (std::isinf(error)) return "inf";
  char text[32];
  std::snprintf(text, sizeof text, "%.1e", error);
  return text;
}

TextTable::TextTable(std::ostream& out, const std::vector<Family>& families, std::vector<std::string> columns,
                     Detail detail)
    : out_(out), columns_(std::move(columns)), detail_(detail), widths_(3) {
  for (const Family& f : families) {
    widths_[0] = std::max(widths_[0], f.name.size());
    for (const Line& line : f.lines) {
      widths_[0] = std::max(widths_[0], line.title.name.size() + 2);
      widths_[1] = std::max(widths_[1], line.title.equation.size());
      widths_[2] = std::max(widths_[2], line.title.reference.size());
    }
  }
}

void TextTable::row(const std::vector<std::string>& words, const std::vector<std::string>& numbers,
                    const std::string& verdict) const {
  std::string text;
  for (size_t i = 0; i < words.size(); ++i) text += padded(words[i], widths_[i]) + "  ";
  for (size_t i = 0; i < numbers.size(); ++i)
    text += right(numbers[i], std::max(kNumberWidth, columns_[i].size() + 1)) + " ";
  text += " " + verdict;
  text.erase(text.find_last_not_of(' ') + 1);
  out_ << text << "\n";
}

void TextTable::heading() const {
  out_ << "audit " << machine() << R"(

differences  gradients in double against central differences (*: not the derivative, against a formula)
stated       the loss in double against what an independent implementation gave
the others   every result in float on that backend against double
Each number is the largest error of a line's rows.
)";
}

void TextTable::details(const Finding& finding) const {
  out_ << "    " << finding.row;
  if (!finding.checks.empty())
    out_ << "  (" << error_text(finding.checks.back().allowed) << ": " << finding.reason << ")";
  out_ << "\n";
  std::map<std::string, std::vector<std::string>> buffers;
  for (size_t i = 0; i < columns_.size(); ++i)
    for (const Check& c : finding.checks)
      if (c.column == columns_[i])
        for (const auto& [name, error] : c.errors) {
          auto& numbers = buffers.try_emplace(name, columns_.size(), "").first->second;
          numbers[i] = error_text(error) + (error <= c.allowed ? " " : "!");
        }
  for (const auto& [name, numbers] : buffers) row({"      " + name, "", ""}, numbers, "");
}

void TextTable::family(const Family& family) const {
  const auto used = [&](const std::string& column) {
    return std::any_of(family.lines.begin(), family.lines.end(),
                       [&](const Line& line) { return largest(line.findings, column) >= 0; });
  };
  std::vector<std::string> titles;
  for (const std::string& column : columns_) titles.push_back(used(column) ? column + " " : "");
  out_ << "\n";
  row({family.name, "", ""}, titles, "");
  for (const Line& line : family.lines) {
    std::vector<std::string> numbers;
    for (size_t i = 0; i < columns_.size(); ++i) {
      const std::string error = error_text(largest(line.findings, columns_[i]));
      numbers.push_back(titles[i].empty() ? "" : error + mark(line, columns_[i]));
    }
    row({"  " + line.title.name, line.title.equation, line.title.reference}, numbers,
        line.passed() ? "ok" : "FAILED");
    if (detail_ == Detail::buffers)
      for (const Finding& finding : line.findings) details(finding);
  }
  out_.flush();
}

void TextTable::summary(const std::vector<Family>& families, double seconds) const {
  size_t lines = 0, rows = 0, bad = 0;
  for (const Family& family : families)
    for (const Line& line : family.lines) ++lines, rows += line.findings.size(), bad += line.passed() ? 0 : 1;
  out_ << "\n";
  for (const std::string& failure : failures(families)) out_ << "FAILED " << failure << "\n";
  out_ << lines << " lines, " << rows << " rows in " << std::lround(seconds) << " s: ";
  if (bad == 0)
    out_ << "all ok\n";
  else
    out_ << bad << " FAILED\n";
}

std::string list_text(const std::vector<Family>& families) {
  std::string text;
  size_t name = 0, equation = 0;
  for (const Family& f : families)
    for (const Line& line : f.lines)
      name = std::max(name, line.title.name.size()),
      equation = std::max(equation, line.title.equation.size());
  for (const Family& f : families) {
    text += f.name + "\n";
    for (const Line& line : f.lines) {
      text += "  " + padded(line.title.name, name + 2) + padded(line.title.equation, equation + 2) +
              line.title.reference;
      text.erase(text.find_last_not_of(' ') + 1);
      text += "\n";
    }
  }
  return text;
}

}  // namespace fr::audit
