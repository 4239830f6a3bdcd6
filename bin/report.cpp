// report RUN... [--out PAGE]: several evaluations or training runs on one page, with a table as CSV and JSON beside it.
#include <iostream>

#include "bin/common/command_line.h"
#include "fr/report/comparison.h"

using namespace fr;

int main(int argc, char** argv) {
  std::vector<std::string> runs;
  std::string out = "compare.html";
  CommandLine line("report", "Writes the figures and curves of several runs side by side as one page.");
  line.texts("runs", runs, "folders of bin/evaluate --out, or run folders of bin/train",
             CommandLine::Need::required);
  line.text("--out", out, "the page; the same name with .csv and .json goes beside it");
  return line.run(argc, argv, [&] {
    const std::vector<ComparedRun> compared = read_runs({runs.begin(), runs.end()});
    write_comparison(out, compared);
    std::cout << "report  " << out << "\n";
    return 0;
  });
}
