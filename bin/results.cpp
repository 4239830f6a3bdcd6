// results RUN... --out FILE: the table of several finished runs, from their run.json; --features PAGE: their features.
#include <iostream>

#include "bin/common/command_line.h"
#include "fr/features.h"
#include "fr/summary.h"

using namespace fr;

int main(int argc, char** argv) {
  std::vector<std::string> runs;
  std::string out, figures;
  CommandLine line("results", "Writes the figures of finished runs side by side as a Markdown document.");
  line.texts("runs", runs, "run folders", CommandLine::Need::required);
  line.text("--out", out, "the document, whose other parts stay; default: stdout");
  line.text("--features", figures,
            "write a page with the features of the runs side by side (report.features) here instead");
  return line.run(argc, argv, [&] {
    const std::vector<fs::path> folders = {runs.begin(), runs.end()};
    if (!figures.empty()) return write_file_atomic(figures, features_page(folders)), 0;
    const std::string text = results_markdown(folders, fs::exists(out) ? read_text(out) : "");
    if (out.empty())
      std::cout << text;
    else
      write_file_atomic(out, text);
    return 0;
  });
}
