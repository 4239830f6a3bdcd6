// Figures of protocols as words, for pages and (through ascii_number) for terminals.
#pragma once
#include <string>

#include "fr/protocol/protocol.h"

namespace fr {

std::string share_text(double share);  // "99.12 %"; below 0.05 % three digits: "0.0123 %"
std::string value_text(FigureUnit unit, double value);
std::string interval_text(FigureUnit unit, const Interval& interval);  // "[98.70, 99.43]"; empty when unknown
std::string far_text(double far);                                      // "10⁻⁴", "2.5 %"
std::string one_in_text(double far);  // "1 in 10,000"; empty for other than 1/n

// The name of the calibration for a reader: "none" is "uncalibrated".
std::string calibration_text(const ProtocolResult& result);
std::string title_text(const ProtocolResult& result);  // the title, or else the protocol's word

// Whether more is better, by the words of the figure's key before "_at_": eer, far, frr, fnir, fpir, fnmr, error, spread, std
// and fisher are better when low ("minus_std" is not); scores and numbers that are no AUC are neither.
enum class Better { high, low, neither };
Better better(const Figure& figure);

// Impostor pairs by the counts of the protocol, 0 when it does not tell.
int64_t count_of(const ProtocolResult& result, const std::string& name);

}  // namespace fr
