// What every program shares: exceptions become exit codes and messages, --version, and the first Ctrl-C asks
// politely.
#pragma once
#include <CLI/CLI.hpp>
#include <functional>

#include "base/error.h"

namespace fr {

// Runs `body` and returns the exit code of the program: 0, an ErrorKind, or 128 + signal when `body` returns
// that. CLI11's own parse errors are exit code 2. Messages go to stderr as "name: message".
int run_program(CLI::App& app, int argc, char** argv, const std::function<int()>& body);

}  // namespace fr
