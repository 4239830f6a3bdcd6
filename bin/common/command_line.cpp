#include "bin/common/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <filesystem>
#include <iostream>
#include <new>

#include "base/version.h"

namespace fr {

CommandLine::CommandLine(const std::string& name, const std::string& description)
    : app_(std::make_unique<CLI::App>(description, name)) {
  app_->set_version_flag("--version", name + " " + version_text());
}
CommandLine::~CommandLine() = default;

void CommandLine::text(const std::string& name, std::string& value, const std::string& help, Need need) {
  auto* option = app_->add_option(name, value, help)->required(need == Need::required);
  if (!value.empty()) option->capture_default_str();
}

void CommandLine::texts(const std::string& name, std::vector<std::string>& values, const std::string& help,
                        Need need) {
  app_->add_option(name, values, help)->required(need == Need::required);
}

void CommandLine::flag(const std::string& name, bool& value, const std::string& help) {
  app_->add_flag(name, value, help);
}

template <class T>
void CommandLine::number(const std::string& name, T& value, const std::string& help, T least, T most) {
  auto* option = app_->add_option(name, value, help)->capture_default_str();
  if (least != std::numeric_limits<T>::lowest() || most != std::numeric_limits<T>::max())
    option->check(CLI::Range(least, most));
}
template void CommandLine::number(const std::string&, int&, const std::string&, int, int);
template void CommandLine::number(const std::string&, int64_t&, const std::string&, int64_t, int64_t);
template void CommandLine::number(const std::string&, uint64_t&, const std::string&, uint64_t, uint64_t);
template void CommandLine::number(const std::string&, double&, const std::string&, double, double);

template <class T>
void CommandLine::numbers(const std::string& name, std::vector<T>& values, const std::string& help,
                          int fewest, int count, T least, T most) {
  app_->add_option(name, values, help)
      ->expected(fewest, count)
      ->delimiter(',')
      ->check(CLI::Range(least, most))
      ->capture_default_str();
}
template void CommandLine::numbers(const std::string&, std::vector<int64_t>&, const std::string&, int, int,
                                   int64_t, int64_t);
template void CommandLine::numbers(const std::string&, std::vector<double>&, const std::string&, int, int,
                                   double, double);

void CommandLine::one_of(const std::string& name, const std::vector<std::string>& words,
                         const std::string& current, const std::string& help,
                         const std::function<void(size_t)>& chosen) {
  app_->add_option_function<std::string>(
          name,
          [words, chosen](const std::string& word) {
            chosen(static_cast<size_t>(std::find(words.begin(), words.end(), word) - words.begin()));
          },
          help)
      ->check(CLI::IsMember(words))
      ->default_str(current);
}

int CommandLine::run(int argc, char** argv, const std::function<int()>& body) {
  std::signal(SIGPIPE, SIG_IGN);
  const auto fail = [&](ErrorKind kind, const std::string& message) {
    std::cerr << app_->get_name() << ": " << message << std::endl;
    return static_cast<int>(kind);
  };
  try {
    app_->parse(argc, argv);
    const int code = body();
    if (!std::cout.flush()) return fail(ErrorKind::io, "standard output: write failed");
    return code;
  } catch (const CLI::ParseError& e) {
    return app_->exit(e) == 0 ? 0 : static_cast<int>(ErrorKind::usage);
  } catch (const Error& e) {
    return fail(e.kind(), e.what());
  } catch (const std::bad_alloc&) {
    return fail(ErrorKind::memory, "out of memory");
  } catch (const std::filesystem::filesystem_error& e) {
    return fail(ErrorKind::io, e.what());
  } catch (const std::exception& e) {
    return fail(ErrorKind::internal, cat("internal error: ", e.what()));
  }
}

}  // namespace fr
