// The parts of the pages about protocols, shared between the report of one evaluation and the comparison of several runs
// (fr/report only).
#pragma once
#include <string>
#include <vector>

#include "fr/protocol/protocol.h"

namespace fr {

// Results that are set side by side, each under its name: a calibration, a run.
struct NamedResult {
  std::string name;
  const ProtocolResult* result;
};
using NamedResults = std::vector<NamedResult>;

// Results of the same protocol and title stand together, in the order of their first.
std::vector<std::vector<NamedResult>> same_protocol(const std::vector<NamedResult>& results);

// ---- protocol_curves.cpp: every kind of curve that there is, all results in one chart; then histograms, one chart each.
std::string curve_figures(const NamedResults& results);
std::string histogram_figures(const NamedResults& results);

// ---- protocol_tables.cpp
std::string figures_table(const ProtocolResult& result);
std::string card_table(const ProtocolResult& result);
std::string groups_block(const ProtocolResult& result);  // as a table and as bars

// ---- comparison_table.cpp
// One row a figure, one column a result; the best is marked, and what its interval does not tell from the best.
enum class Changes { hidden, shown };  // shown: also each figure minus that of the first
std::string comparison_table(const NamedResults& results, Changes changes);

enum class Standing { none, best, tied };  // tied: its interval overlaps that of the best
// Of each value: which of them is best. All none when fewer than two are known or all are equal.
std::vector<Standing> standings(const std::vector<const Figure*>& figures);  // null: not measured

}  // namespace fr
