#include "fr/report/number.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace fr {
namespace {

constexpr const char* kDash = "\u2013";
constexpr const char* kMinus = "\u2212";
constexpr const char* kThinSpace = "\u202f";

// std::to_chars is the one conversion of the standard library that ignores the locale.
std::string digits(double value, int decimals) {
  char text[400];  // the largest double has 309 digits before the point
  const auto end = std::to_chars(text, text + sizeof text, value, std::chars_format::fixed, decimals).ptr;
  return std::string(text, end);
}

// "-12345.5" -> "-12,345.5". Four digits stay together: 1234 reads well without help.
std::string grouped(std::string text) {
  const size_t first = text[0] == '-' ? 1 : 0;
  const size_t point = std::min(text.find('.'), text.size());
  if (point - first <= 4) return text;
  for (size_t i = point - 3; i > first && i < text.size(); i -= 3) {
    text.insert(i, ",");
    if (i < first + 4) break;
  }
  return text;
}

void strip_zeros(std::string& text) {
  if (text.find('.') == std::string::npos) return;
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
}

std::string typographic(std::string text) {
  const bool zero = text.find_first_of("123456789") == std::string::npos;
  if (text[0] != '-') return text;
  return zero ? text.substr(1) : kMinus + text.substr(1);  // there is no "minus nought"
}

std::string not_finite(double value) {
  if (std::isnan(value)) return kDash;
  return value > 0 ? "\u221e" : std::string(kMinus) + "\u221e";
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (size_t at = text.find(from); at != text.npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
}

const char* const kSuperscript[] = {"\u2070", "\u00b9", "\u00b2", "\u00b3", "\u2074",
                                    "\u2075", "\u2076", "\u2077", "\u2078", "\u2079"};

}  // namespace

size_t letters(const std::string& utf8) {
  return static_cast<size_t>(
      std::count_if(utf8.begin(), utf8.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

std::string ascii_number(std::string text) {
  const bool power = text.rfind("10\u207b", 0) == 0;
  for (int d = 0; d < 10; ++d) replace_all(text, kSuperscript[d], std::string(1, char('0' + d)));
  if (power) text.replace(0, 2, "1e");
  replace_all(text, "\u00d710", "e");
  replace_all(text, "\u207b", "-");
  replace_all(text, kMinus, "-");
  replace_all(text, kDash, "-");
  replace_all(text, kThinSpace, " ");
  replace_all(text, "\u221e", "inf");
  return text;
}

std::string plain_number(double value, int decimals) {
  std::string text = digits(value, decimals);
  strip_zeros(text);
  return text == "-0" ? "0" : text;
}

std::string format_power_of_ten(int exponent) {
  std::string text = exponent < 0 ? "10\u207b" : "10";
  for (const char c : std::to_string(std::abs(exponent))) text += kSuperscript[c - '0'];
  return text;
}

std::string format_number(double value, int significant) {
  if (!std::isfinite(value)) return not_finite(value);
  if (value == 0) return "0";
  const int exponent = static_cast<int>(std::floor(std::log10(std::abs(value))));
  if (exponent >= -4 && exponent < 9) {
    std::string text = digits(value, std::max(0, significant - 1 - exponent));
    strip_zeros(text);
    return typographic(grouped(text));
  }
  // Scientific: let to_chars split off the exponent, so that rounding (9.999 -> 1.0e1) is its problem.
  char buffer[64];
  const auto end =
      std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific, significant - 1)
          .ptr;
  std::string mantissa(buffer, end);
  const size_t e = mantissa.find('e');
  const int power = std::stoi(mantissa.substr(e + 1));
  mantissa.resize(e);
  strip_zeros(mantissa);
  return typographic(mantissa) + "\u00d7" + format_power_of_ten(power);
}

std::string format_fixed(double value, int decimals) {
  return std::isfinite(value) ? typographic(grouped(digits(value, decimals))) : not_finite(value);
}

std::string format_count(int64_t value) {
  std::string text = std::to_string(value);
  const int first = text[0] == '-' ? 1 : 0;
  for (int i = static_cast<int>(text.size()) - 3; i > first; i -= 3) text.insert(static_cast<size_t>(i), ",");
  return typographic(text);
}

std::string format_short_count(double value) {
  const double size = std::abs(value);
  if (size >= 1e12) return format_number(value, 3);
  if (size >= 1e9) return typographic(plain_number(value / 1e9, 3)) + "G";
  if (size >= 1e6) return typographic(plain_number(value / 1e6, 3)) + "M";
  if (size >= 1e3) return typographic(plain_number(value / 1e3, 3)) + "k";
  return format_number(value);
}

std::string format_percent(double fraction, int decimals) {
  return std::isfinite(fraction) ? format_fixed(100 * fraction, decimals) + kThinSpace + "%"
                                 : not_finite(fraction);
}

}  // namespace fr
