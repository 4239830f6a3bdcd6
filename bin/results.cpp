// results RUN... --out FILE: the table of several finished runs, from their run.json.
#include <iostream>

#include "bin/common/program.h"
#include "fr/summary.h"

using namespace fr;

int main(int argc, char** argv) {
  std::vector<std::string> runs;
  std::string out;
  CLI::App app("Writes the figures of finished runs side by side as a Markdown document.", "results");
  app.add_option("runs", runs, "run folders")->required();
  app.add_option("--out", out, "the document; default: stdout");
  return run_program(app, argc, argv, [&] {
    const std::string text = results_markdown({runs.begin(), runs.end()});
    if (out.empty())
      std::cout << text;
    else
      write_file_atomic(out, text);
    return 0;
  });
}
