// The words of enums in result.json and the CSV files (fr/report only).
#pragma once
#include <string>
#include <utility>

#include "fr/protocol/protocol.h"

namespace fr {

inline const std::pair<const char*, FigureUnit> kUnitWords[] = {
    {"share", FigureUnit::share}, {"number", FigureUnit::number}, {"score", FigureUnit::score}};
inline const std::pair<const char*, CurveKind> kCurveWords[] = {{"roc", CurveKind::roc},
                                                                {"det", CurveKind::det},
                                                                {"cmc", CurveKind::cmc},
                                                                {"dir", CurveKind::dir},
                                                                {"coverage", CurveKind::coverage}};

template <class Words, class E>
std::string word_of(const Words& words, E value) {
  for (const auto& [word, meaning] : words)
    if (meaning == value) return word;
  return "unknown";
}

}  // namespace fr
