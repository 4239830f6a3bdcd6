// audit [WORDS]: every loss, op and kernel against central differences, and every backend against double.
#include <iostream>

#include "audit/run.h"
#include "base/parallel.h"
#include "bin/common/command_line.h"

using namespace fr;

int main(int argc, char** argv) {
  audit::Request request;
  int thread_count = 0;
  CommandLine line("audit",
                   "Checks the mathematics: gradients in double against central differences, every "
                   "backend against double. Exit code 1 when anything fails.");
  line.texts("words", request.options.filters,
             "only lines whose family, name, reference or page holds one of these");
  line.flag("--quick", request.options.quick, "of the kernels only the small rows");
  line.flag("--verbose", request.verbose, "every row, and every buffer of it");
  line.flag("--list", request.list, "what there is; measures nothing");
  line.flag("--markdown", request.markdown, "print tables for a document");
  line.flag("--json", request.json, "print everything for a program");
  line.text("--docs", request.docs, "write the errors into the pages of this folder, if all is well");
  line.number("--threads", thread_count, "0: all cores", 0, 1024);
  return line.run(argc, argv, [&] {
    if (thread_count > 0) set_threads(thread_count);
    request.options.device = device();
    return audit::run(audit::everything(), request, std::cout, std::cerr);
  });
}
