#include "fr/report/figure_text.h"

#include <cmath>

#include "base/error.h"
#include "fr/report/number.h"

namespace fr {
namespace {

constexpr double kSmallShare = 0.0005;
constexpr const char* kPercentSign = "\u202f%";

bool small(double share) { return share > 0 && share < kSmallShare; }

// One end of an interval: the sign of the unit stands once, at the value.
std::string end_text(FigureUnit unit, double v) {
  if (unit != FigureUnit::share) return value_text(unit, v);
  return small(v) ? format_number(100 * v, 3) : format_fixed(100 * v, 2);
}

}  // namespace

std::string share_text(double share) {
  if (share == 0) return std::string("0") + kPercentSign;
  return small(share) ? format_number(100 * share, 3) + kPercentSign : format_percent(share);
}

std::string value_text(FigureUnit unit, double value) {
  if (unit == FigureUnit::share) return share_text(value);
  return unit == FigureUnit::score ? format_fixed(value, 4) : format_number(value, 5);
}

std::string interval_text(FigureUnit unit, const Interval& interval) {
  if (!interval.known()) return "";
  return "[" + end_text(unit, interval.low) + ", " + end_text(unit, interval.high) + "]";
}

std::string far_text(double far) {
  const double exponent = std::log10(far), nearest = std::round(exponent);
  if (far > 0 && far < 1 && std::abs(exponent - nearest) < 1e-9)
    return format_power_of_ten(static_cast<int>(nearest));
  return share_text(far);
}

std::string one_in_text(double far) {
  const double n = 1 / far;
  if (!(n >= 2 && n < 1e15) || std::abs(n - std::round(n)) > 1e-6 * n) return "";
  return "1 in " + format_count(std::llround(n));
}

std::string calibration_text(const ProtocolResult& result) {
  return result.calibration.empty() || result.calibration == "none" ? "uncalibrated" : result.calibration;
}

std::string title_text(const ProtocolResult& result) {
  return !result.title.empty() ? result.title : !result.protocol.empty() ? result.protocol : "Protocol";
}

Better better(const Figure& figure) {
  if (figure.unit == FigureUnit::score) return Better::neither;
  const std::string words = "_" + figure.key.substr(0, figure.key.find("_at_")) + "_";
  const auto has = [&](const char* word) { return words.find(cat("_", word, "_")) != words.npos; };
  if (has("minus")) return Better::high;
  for (const char* low : {"eer", "far", "frr", "fnir", "fpir", "fnmr", "error", "spread", "std", "fisher"})
    if (has(low)) return Better::low;
  return figure.unit == FigureUnit::share || has("auc") ? Better::high : Better::neither;
}

int64_t count_of(const ProtocolResult& result, const std::string& name) {
  for (const auto& [what, count] : result.counts)
    if (what == name) return count;
  return 0;
}

}  // namespace fr
