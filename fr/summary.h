// What a finished (or stopped) run leaves behind for people: run.json, scores.csv, report.html, the table on
// stdout.
#pragma once
#include "fr/train.h"

namespace fr {

// Writes all three into the run's folder. `warnings` appear in the report.
void write_summary(const Session& session, const RunFolder& folder, const RunResult& result,
                   const std::vector<std::string>& warnings = {});

// "accuracy", "0.9312 +- 0.0041", ...: the table of figures, for stdout and for the report.
std::vector<std::pair<std::string, std::string>> figures(const TestResult& result);
std::vector<std::pair<std::string, std::string>> group_figures(
    const TestResult& result);  // the accuracy of each
std::string to_text(const std::vector<std::pair<std::string, std::string>>& table);

// docs/results.md from the run.json of several run folders: configuration, commit, time, figure. In `document`, as it was
// before, the part between the markers <!-- runs --> and <!-- end of runs --> is replaced; what others wrote around it stays.
// An empty document begins anew; Error{data} for one without them.
std::string results_markdown(const std::vector<fs::path>& run_folders, const std::string& document = "");

}  // namespace fr
