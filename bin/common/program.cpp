#include "bin/common/program.h"

#include <csignal>
#include <iostream>
#include <new>

#include "base/version.h"

namespace fr {

int run_program(CLI::App& app, int argc, char** argv, const std::function<int()>& body) {
  std::signal(SIGPIPE, SIG_IGN);
  const auto fail = [&](ErrorKind kind, const std::string& message) {
    std::cerr << app.get_name() << ": " << message << std::endl;
    return static_cast<int>(kind);
  };
  app.set_version_flag("--version", app.get_name() + " " + version_text());
  try {
    app.parse(argc, argv);
    const int code = body();
    if (!std::cout.flush()) return fail(ErrorKind::io, "standard output: write failed");
    return code;
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : static_cast<int>(ErrorKind::usage);
  } catch (const Error& e) {
    return fail(e.kind(), e.what());
  } catch (const std::bad_alloc&) {
    return fail(ErrorKind::memory, "out of memory");
  } catch (const std::exception& e) {
    return fail(ErrorKind::internal, cat("internal error: ", e.what()));
  }
}

}  // namespace fr
