// The CSV files beside a report of protocols (docs/formats.md); fields with commas, quotes or line ends stand in quotes, numbers
// have as many digits as they need (fr/report only).
#pragma once
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
// Where the scores of each result go: "scores.csv" when one alone has scores, otherwise "scores-lfw-s_norm.csv"; empty for a
// result without.
std::vector<std::string> scores_csv_names(const std::vector<ProtocolResult>& results);

}  // namespace fr
