// Several runs on one page: evaluations (bin/evaluate --out) and training runs (bin/train), their figures side by side and
// their curves in one chart.
#pragma once
#include <string>
#include <vector>

#include "base/file.h"
#include "fr/report/protocol_report.h"
#include "fr/report/report.h"

namespace fr {

struct ComparedRun {
  std::string name;
  fs::path path;
  std::vector<ProtocolResult> results;
  ReportFacts facts;
  std::vector<TrainPoint> train = {};  // of a training run, from metrics.jsonl
  std::vector<EvalPoint> evaluations = {};
};

// A folder with result.json, or else with run.json (its test, scores.csv and metrics.jsonl). The result of a training run
// takes the interval of its accuracy from the standard error over the folds, +- 1.96 of them.
// Throws Error{io} for a folder with neither; Error{data} naming the file and the key, or the line.
ComparedRun read_run(const fs::path& folder);
// Named by their folders, with as many folders above as tell them apart.
std::vector<ComparedRun> read_runs(const std::vector<fs::path>& folders);

std::string render_comparison(const std::vector<ComparedRun>& runs);
std::string comparison_json(const std::vector<ComparedRun>& runs);  // docs/formats.md
// The page, and the same figures as .csv and .json beside it, each atomic. Throws Error{io}; Error{usage} when the page's name
// does not end in .html.
void write_comparison(const fs::path& page, const std::vector<ComparedRun>& runs);

}  // namespace fr
