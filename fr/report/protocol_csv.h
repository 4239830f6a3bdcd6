// The CSV files beside a report of protocols (docs/formats.md); fields with commas, quotes or line ends stand in quotes, numbers
// have as many digits as they need (fr/report only).
#pragma once
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "base/file.h"
#include "fr/report/protocol_sections.h"

namespace fr {

std::string csv_field(const std::string& text);
std::string csv_number(double value);  // "nan", "inf", "-inf"

std::string figures_csv(const NamedResults& results);
std::string curves_csv(const NamedResults& results);
// fold,a,b,same,score and, where there is one, group.
void write_scores_csv(const fs::path& path, const ProtocolResult& result,
                      const std::vector<std::string>& names);
// The scores of such a file and which of them are genuine; of write_summary's too. Throws Error{io}, Error{data} (file:line).
struct ReadScores {
  std::vector<double> scores;
  std::vector<uint8_t> same;
};
ReadScores read_scores_csv(const fs::path& path);
// Where the scores of each result go: "scores.csv" when one alone has scores, otherwise "scores-lfw-s_norm.csv"; empty for a
// result without.
std::vector<std::string> scores_csv_names(const std::vector<ProtocolResult>& results);
// The same for results as result.json keeps them, without their scores: all names they may have had.
std::set<std::string> possible_scores_csv_names(std::vector<ProtocolResult> results);

}  // namespace fr
