// Numbers as a reader wants them: few digits, thousands separated, a real minus sign, powers of ten as
// superscripts. The program's locale has no influence. Not-a-number is an en dash, infinity is its sign.
#pragma once
#include <cstdint>
#include <string>

namespace fr {

// `significant` digits, trailing zeros removed: 0.4127, 12,345, 3.2×10⁻⁶.
std::string format_number(double value, int significant = 4);
std::string format_fixed(double value, int decimals);
std::string format_count(int64_t value);                        // 1,234,567
std::string format_short_count(double value);                   // 500, 20k, 1.5M: for axes
std::string format_percent(double fraction, int decimals = 2);  // 0.9743 -> "97.43 %"
std::string format_power_of_ten(int exponent);                  // -3 -> "10⁻³"

size_t letters(const std::string& utf8);  // code points
// The same words in ASCII, for a terminal: "99.12 %", "-2", "1e-4", "inf"; what is not known is "-".
std::string ascii_number(std::string text);

// Machine form for attributes and paths: plain digits with a point, no trailing zeros. The value must be
// finite.
std::string plain_number(double value, int decimals);

}  // namespace fr
