// Lists of pairs as one line of text, for comparison.
#pragma once
#include <string>

#include "base/error.h"
#include "data/pairs.h"

namespace fr {

// "group/fold:a=b ", with ! for two people, without "group/" where there is none
inline std::string show(const PairList& list) {
  std::string all;
  for (const Pair& p : list.pairs)
    all += cat(p.group, p.group.empty() ? "" : "/", p.fold, ":", p.a, p.same ? "=" : "!", p.b, " ");
  return all;
}

inline bool noted(const PairList& list, const std::string& part) {
  for (const std::string& note : list.notes)
    if (note.find(part) != std::string::npos) return true;
  return false;
}

}  // namespace fr
