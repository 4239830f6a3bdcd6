#include "data/text.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/error.h"
#include "base/file.h"

namespace fr::text {

namespace {

std::string_view next_field(std::string_view& rest, const char* separators) {
  rest.remove_prefix(std::min(rest.find_first_not_of(separators), rest.size()));
  const std::string_view field = rest.substr(0, rest.find_first_of(separators));
  rest.remove_prefix(field.size());
  return field;
}

const char* separators_of(std::string_view line) {
  return line.find('\t') != std::string_view::npos ? "\t" : " ";
}

}  // namespace

void for_each_line(const fs::path& path,
                   const std::function<void(int64_t number, std::string_view line)>& use) {
  std::string_view bom = "\xef\xbb\xbf", blanks = " \t\r\v\f";
  const std::string all = read_text(path, uint64_t{1} << 32);
  std::string_view rest = all;
  if (rest.substr(0, 3) == bom) rest.remove_prefix(3);
  for (int64_t number = 1; !rest.empty(); ++number) {
    const size_t end = rest.find('\n');
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    if (line.find('\0') != std::string_view::npos) fail(path, number, "a zero byte: this is not a text file");
    line = line.substr(0, line.find_last_not_of(blanks) + 1);
    if (!line.empty()) use(number, line);
  }
}

std::vector<Line> read_lines(const fs::path& path) {
  std::vector<Line> lines;
  for_each_line(path, [&](int64_t number, std::string_view line) {
    lines.push_back({number, std::string(line)});
  });
  return lines;
}

std::vector<std::string> fields(const std::string& line) {
  const char* separators = separators_of(line);
  std::vector<std::string> out;
  std::string_view rest = line;
  while (true) {
    const std::string_view field = next_field(rest, separators);
    if (field.empty()) return out;
    out.emplace_back(field);
  }
}

size_t split(std::string_view line, std::span<std::string_view> out) {
  const char* separators = separators_of(line);
  for (size_t n = 0;; ++n) {
    const std::string_view field = next_field(line, separators);
    if (field.empty()) return n;
    if (n < out.size()) out[n] = field;
  }
}

std::vector<std::string> csv_fields(const std::string& line) {
  std::vector<std::string> out(1);
  bool quoted = false;
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '"' && quoted && i + 1 < line.size() && line[i + 1] == '"')
      out.back() += line[i++];
    else if (line[i] == '"')
      quoted = !quoted;
    else if (line[i] == ',' && !quoted)
      out.emplace_back();
    else
      out.back() += line[i];
  }
  return out;
}

bool parse(std::string_view text, int64_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

bool parse(std::string_view text, double& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && std::isfinite(value);
}

void fail(const fs::path& path, int64_t line, const std::string& message) {
  throw Error(ErrorKind::data, cat(path.string(), ":", line, ": ", message));
}

int64_t number(std::string_view field, const char* what, int64_t low, int64_t high, const fs::path& path,
               int64_t line) {
  int64_t value = 0;
  if (!parse(field, value) || value < low || value > high)
    fail(path, line, cat(what, ": an integer ", low, "..", high, " expected, got '", field, "'"));
  return value;
}

double real(std::string_view field, const char* what, double low, double high, const fs::path& path,
            int64_t line) {
  double value = 0;
  if (!parse(field, value) || value < low || value > high)
    fail(path, line, cat(what, ": a number ", low, "..", high, " expected, got '", field, "'"));
  return value;
}

std::string lfw_path(const std::string& name, int64_t index, const std::string& extension) {
  const std::string digits = std::to_string(index);
  return name + "/" + name + "_" + std::string(digits.size() < 4 ? 4 - digits.size() : 0, '0') + digits +
         extension;
}

}  // namespace fr::text
