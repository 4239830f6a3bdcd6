// results RUN... --out FILE: the table of several finished runs, from their run.json.
#include <iostream>

#include "bin/common/command_line.h"
#include "fr/summary.h"

using namespace fr;

int main(int argc, char** argv) {
  std::vector<std::string> runs;
  std::string out;
  CommandLine line("results", "Writes the figures of finished runs side by side as a Markdown document.");
  line.texts("runs", runs, "run folders", CommandLine::Need::required);
  line.text("--out", out, "the document; default: stdout");
  return line.run(argc, argv, [&] {
    const std::string text = results_markdown({runs.begin(), runs.end()});
    if (out.empty())
      std::cout << text;
    else
      write_file_atomic(out, text);
    return 0;
  });
}
