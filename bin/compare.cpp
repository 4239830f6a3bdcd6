// compare MODEL A B: are two pictures of the same person?
#include <iostream>

#include "bin/common/recogniser_arguments.h"
#include "fr/recogniser/compare.h"

using namespace fr;

int main(int argc, char** argv) {
  RecogniserArguments recogniser_arguments;
  DecisionArguments decision_arguments;
  std::string a, b, html;
  CommandLine line("compare",
                   "Compares two faces: finds, aligns and embeds them, and says how alike they are. With a "
                   "threshold card, "
                   "or a threshold, it decides whether they are of the same person.");
  using Need = CommandLine::Need;
  recogniser_arguments.declare(line);
  line.text("a", a, "a picture", Need::required);
  line.text("b", b, "another picture", Need::required);
  decision_arguments.declare(line);
  line.text("--html", html, "write a page with both faces here");
  return line.run(argc, argv, [&] {
    const Recogniser recogniser = recogniser_arguments.make();
    const auto calibrator = decision_arguments.make_calibrator_of(recogniser);
    const auto decision = decision_arguments.make(*calibrator, recogniser);
    if (decision && decision->searched)
      throw Error(ErrorKind::usage,
                  "--card: is one of searches in a gallery (FPIR), not of single comparisons");
    const Comparison comparison = compare(recogniser, *calibrator, a, b);
    std::cout << to_text(comparison, *calibrator, decision);
    if (!html.empty()) write_file_atomic(html, to_html(comparison, *calibrator, decision, a, b, recogniser));
    return 0;
  });
}
