#include "fr/schema.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <set>
#include <sstream>
#include <utility>

#include <CLI/CLI.hpp>

#include "base/file.h"

namespace fr {
namespace {

std::string number(double v) {
  char buffer[32];
  return {buffer, std::to_chars(buffer, buffer + sizeof buffer, v).ptr};
}

// Strict: the whole text must be one finite number; the decimal point is '.', whatever the locale.
template <class N>
N parse(const std::string& text, const char* kind) {
  N value{};
  const char *begin = text.data(), *end = begin + text.size();
  if (begin != end && *begin == '+') ++begin;
  const auto [stop, error] = std::from_chars(begin, end, value);
  if (error == std::errc::result_out_of_range) throw std::invalid_argument("out of range");
  if (error != std::errc() || stop != end || begin == end) throw std::invalid_argument(cat("not ", kind));
  if constexpr (std::is_floating_point_v<N>)
    if (!std::isfinite(value)) throw std::invalid_argument("not finite");
  return value;
}

const std::string& single(const std::vector<std::string>& v) {
  if (v.size() != 1)
    throw std::invalid_argument("expected one value (put quotes around a value with spaces or commas)");
  return v[0];
}

template <class N>
N within(N v, N low, N high) {
  if (!(v >= low && v <= high)) throw std::invalid_argument("out of range");
  return v;
}

std::string range_text(const char* kind, const std::string& low, const std::string& high) {
  return cat(kind, " in [", low, ", ", high, "]");
}

std::string trim(const std::string& s) {
  const char* white = " \t\r";
  const size_t begin = s.find_first_not_of(white);
  return begin == std::string::npos ? "" : s.substr(begin, s.find_last_not_of(white) - begin + 1);
}

std::string in_quotes(const std::string& s) {
  return s.empty() || s.find_first_of(" ,#;[]'=") != std::string::npos ? '"' + s + '"' : s;
}

// The file that "base = FILE", the first line that says anything, names; "" when there is none.
std::string base_of(const std::string& text) {
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    line = trim(line.substr(0, line.find('#')));
    const size_t equals = line.find('=');
    if (line.empty() || line[0] == ';') continue;
    return equals != std::string::npos && trim(line.substr(0, equals)) == "base"
               ? trim(line.substr(equals + 1))
               : "";
  }
  return "";
}

// "section.key" -> "section", "key"; the section of "key" is "".
std::pair<std::string, std::string> split_name(const std::string& name) {
  const size_t dot = name.find('.');
  return dot == std::string::npos ? std::pair(std::string(), name)
                                  : std::pair(name.substr(0, dot), name.substr(dot + 1));
}

// What CLI11's reader does not tell: the line of each key, duplicates, and lines it would pass over in
// silence.
std::map<std::string, int> check_lines(const std::string& text, const std::string& file, bool has_base,
                                       bool keys_without_section) {
  std::map<std::string, int> line_of;
  std::istringstream in(text);
  std::string line, section;
  for (int n = 1; std::getline(in, line); ++n) {
    line = trim(line);
    if (line.empty() || line[0] == '#' || line[0] == ';') continue;
    const auto fail = [&](const std::string& what) {
      throw Error(ErrorKind::usage, cat(file, ":", n, ": ", what));
    };
    if (line.find('\0') != std::string::npos) fail("a zero byte");
    if (line.size() > 4096) fail(cat("a line of ", line.size(), " characters; 4096 are allowed"));
    if (line[0] == '[') {
      if (line.back() != ']' || line.size() < 3) fail("expected [section], found " + line);
      section = line.substr(1, line.size() - 2);
      continue;
    }
    const size_t equals = line.find('=');
    if (equals == std::string::npos) fail("expected key = value, found \"" + line + "\"");
    if (section.empty() && std::exchange(has_base, false)) continue;
    if (section.empty() && !keys_without_section) fail("a key before the first [section]: \"" + line + "\"");
    const std::string key = (section.empty() ? "" : section + ".") + trim(line.substr(0, equals));
    if (trim(line.substr(equals + 1)).empty()) fail(key + " has no value");
    if (const auto [at, fresh] = line_of.emplace(key, n); !fresh)
      fail(cat(key, " is given twice, first in line ", at->second));
  }
  return line_of;
}

std::string read_configuration(const std::filesystem::path& file) {
  if (!std::filesystem::is_regular_file(file))
    throw Error(ErrorKind::usage, cat(file.string(), ": no such configuration file"));
  return read_text(file, 1 << 20);
}

}  // namespace

bool Schema::has_keys_without_section() const {
  return std::any_of(keys_.begin(), keys_.end(),
                     [](const Key& k) { return k.name.find('.') == std::string::npos; });
}

Key& Schema::add(std::string name, std::string allowed, std::string help, Affects affects) {
  keys_.push_back({std::move(name), std::move(allowed), std::move(help), affects, {}, {}});
  return keys_.back();
}

template <class I>
void Schema::integer(std::string name, I& value, int64_t low, int64_t high, std::string help,
                     Affects affects) {
  Key& key = add(std::move(name), range_text("integer", std::to_string(low), std::to_string(high)),
                 std::move(help), affects);
  key.set = [&value, low, high](const auto& v) {
    value = static_cast<I>(within(parse<int64_t>(single(v), "an integer"), low, high));
  };
  key.get = [&value] { return std::to_string(value); };
}
template void Schema::integer(std::string, int&, int64_t, int64_t, std::string, Affects);
template void Schema::integer(std::string, int64_t&, int64_t, int64_t, std::string, Affects);
template void Schema::integer(std::string, uint64_t&, int64_t, int64_t, std::string, Affects);

void Schema::real(std::string name, double& value, double low, double high, std::string help,
                  Affects affects) {
  Key& key = add(std::move(name), range_text("real", number(low), number(high)), std::move(help), affects);
  key.set = [&value, low, high](const auto& v) {
    value = within(parse<double>(single(v), "a number"), low, high);
  };
  key.get = [&value] { return number(value); };
}

void Schema::real_or(std::string name, double& value, double low, double high,
                     std::pair<std::string, double> word, std::string help) {
  Key& key = add(std::move(name), cat(word.first, ", or ", range_text("real", number(low), number(high))),
                 std::move(help), Affects::result);
  key.set = [&value, low, high, word](const auto& v) {
    value = single(v) == word.first ? word.second : within(parse<double>(single(v), "a number"), low, high);
  };
  key.get = [&value, word] { return value == word.second ? word.first : number(value); };
}

void Schema::integer_or(std::string name, int64_t& value, int64_t low, int64_t high,
                        std::pair<std::string, int64_t> word, std::string help) {
  Key& key = add(std::move(name),
                 cat(word.first, ", or ", range_text("integer", std::to_string(low), std::to_string(high))),
                 std::move(help), Affects::result);
  key.set = [&value, low, high, word](const auto& v) {
    value =
        single(v) == word.first ? word.second : within(parse<int64_t>(single(v), "an integer"), low, high);
  };
  key.get = [&value, word] { return value == word.second ? word.first : std::to_string(value); };
}

void Schema::reals(std::string name, std::vector<double>& value, double low, double high, std::string help) {
  Key& key = add(std::move(name), range_text("list of reals", number(low), number(high)), std::move(help),
                 Affects::result);
  key.set = [&value, low, high](const std::vector<std::string>& v) {
    std::vector<double> parsed;
    for (const auto& text : v)
      if (!text.empty() && text != "none")
        parsed.push_back(within(parse<double>(text, "a number"), low, high));
    value = parsed;
  };
  key.get = [&value] {
    std::string out;
    for (double v : value) out += (out.empty() ? "" : ", ") + number(v);
    return out.empty() ? std::string("none") : out;
  };
}

void Schema::weighted_words(std::string name, std::vector<std::pair<std::string, double>>& value,
                            const std::vector<std::string>& known, std::string help) {
  std::string allowed;
  for (const auto& word : known) allowed += (allowed.empty() ? "list of word or word:weight: " : ", ") + word;
  Key& key = add(std::move(name), allowed, std::move(help), Affects::result);
  key.set = [&value, known](const std::vector<std::string>& texts) {
    std::vector<std::pair<std::string, double>> parsed;
    for (const auto& text : texts) {
      const size_t colon = text.find(':');
      const std::string word = trim(text.substr(0, colon));
      if (std::find(known.begin(), known.end(), word) == known.end()) {
        const std::string near = nearest_name(word, known);
        throw std::invalid_argument(near.empty()
                                        ? "unknown choice '" + word + "'"
                                        : "unknown choice '" + word + "'; did you mean '" + near + "'?");
      }
      const double weight =
          colon == std::string::npos ? 1 : parse<double>(trim(text.substr(colon + 1)), "a number");
      parsed.emplace_back(word, weight);
    }
    value = parsed;
  };
  key.get = [&value] {
    std::string out;
    for (const auto& [word, weight] : value)
      out += cat(out.empty() ? "" : ", ", word, weight == 1 ? "" : ":" + number(weight));
    return out;
  };
}

void Schema::flag(std::string name, bool& value, std::string help, Affects affects) {
  Key& key = add(std::move(name), "true or false", std::move(help), affects);
  key.set = [&value](const auto& v) {
    const std::string& text = single(v);
    if (text != "true" && text != "false") throw std::invalid_argument("neither true nor false");
    value = text == "true";
  };
  key.get = [&value] { return std::string(value ? "true" : "false"); };
}

void Schema::text(std::string name, std::string& value, std::string help, Affects affects) {
  Key& key = add(std::move(name), "text", std::move(help), affects);
  key.set = [&value](const auto& v) { value = single(v); };
  key.get = [&value] { return in_quotes(value); };
}

void Schema::texts(std::string name, std::vector<std::string>& value, std::string help, Affects affects) {
  Key& key = add(std::move(name), "list of texts", std::move(help), affects);
  key.set = [&value](const std::vector<std::string>& texts) {
    std::vector<std::string> given;
    for (const auto& text : texts) given.push_back(trim(text));
    if (given.size() > 1 && std::find(given.begin(), given.end(), "") != given.end())
      throw std::invalid_argument("an empty text in the list");
    value = given == std::vector<std::string>{""} ? std::vector<std::string>() : given;
  };
  key.get = [&value] {
    std::string out;
    for (const auto& text : value) out += (out.empty() ? "" : ", ") + in_quotes(text);
    return value.empty() ? in_quotes("") : out;
  };
}

void Schema::set(const std::string& name, const std::vector<std::string>& values, const std::string& where) {
  const auto key = std::find_if(keys_.begin(), keys_.end(), [&](const Key& k) { return k.name == name; });
  if (key == keys_.end()) {
    std::vector<std::string> known;
    for (const auto& k : keys_) known.push_back(k.name);
    const std::string near = nearest_name(name, known);
    throw Error(ErrorKind::usage, cat(where, ": unknown key '", name, "'",
                                      near.empty() ? "" : "; did you mean '" + near + "'?"));
  }
  try {
    key->set(values);
  } catch (const std::invalid_argument& e) {
    std::string value;
    for (const auto& v : values) value += (value.empty() ? "" : ", ") + v;
    throw Error(ErrorKind::usage,
                cat(where, ": ", name, " = ", value, ": ", e.what(), "; allowed: ", key->allowed));
  }
}

void Schema::read_ini(const std::filesystem::path& file) {
  const std::string text = read_configuration(file), base = base_of(text);
  if (!base.empty()) {
    const std::filesystem::path below = file.parent_path() / base;
    const std::string below_text = read_configuration(below);
    if (!base_of(below_text).empty())
      throw Error(ErrorKind::usage, cat(below.string(), ": is a base and cannot have one itself"));
    read_items(below_text, below.string(), false);
  }
  read_items(text, file.string(), !base.empty());
}

void Schema::read_ini_text(const std::string& text, const std::string& name) {
  read_items(text, name, false);
}

void Schema::read_items(const std::string& text, const std::string& name, bool has_base) {
  const auto line_of = check_lines(text, name, has_base, has_keys_without_section());
  std::istringstream in(text);
  std::vector<CLI::ConfigItem> items;
  try {
    items = CLI::ConfigBase().comment('#')->from_config(in);
  } catch (const CLI::Error& e) {
    throw Error(ErrorKind::usage, cat(name, ": ", e.what()));
  }
  for (const auto& item : items) {
    if (item.name == "++" || item.name == "--") continue;  // CLI11's marks for the begin and end of a section
    if (has_base && item.fullname() == "base") continue;
    const auto line = line_of.find(item.fullname());
    set(item.fullname(), item.inputs, line == line_of.end() ? name : cat(name, ":", line->second));
  }
}

void Schema::override_with(const std::string& assignment) {
  const size_t equals = assignment.find('=');
  const bool any_key = has_keys_without_section();
  if (equals == std::string::npos || (!any_key && assignment.find('.') > equals))
    throw Error(ErrorKind::usage, cat("command line: expected ", any_key ? "" : "section.",
                                      "key=value, found \"", assignment, "\""));
  const std::string key = trim(assignment.substr(0, equals)), value = trim(assignment.substr(equals + 1));
  const bool is_list = value.find(',') != std::string::npos;
  set(key, is_list ? CLI::detail::split(value, ',') : std::vector<std::string>{value}, "command line");
}

std::string Schema::to_ini(bool only_affecting_result) const {
  std::string out, section;
  for (const auto& key : keys_) {
    if (only_affecting_result && key.affects != Affects::result) continue;
    const auto [of, name] = split_name(key.name);
    if (std::exchange(section, of) != of) out += cat(out.empty() ? "" : "\n", "[", of, "]\n");
    out += cat(name, " = ", key.get(), "\n");
  }
  return out;
}

std::string Schema::to_markdown() const {
  const std::string header = "\n| key | default | allowed | meaning |\n|---|---|---|---|\n";
  std::string out = has_keys_without_section() ? header : "", section;
  for (const auto& key : keys_) {
    const auto [of, name] = split_name(key.name);
    if (std::exchange(section, of) != of) out += cat("\n## [", of, "]\n", header);
    out += cat("| ", name, " | `", key.get(), "` | ", key.allowed, " | ", key.help,
               key.affects == Affects::speed ? " *" : "", " |\n");
  }
  return out;
}

}  // namespace fr
