// Errors. A caller's mistake throws std::invalid_argument through FR_CHECK; everything that depends on the
// world (files, data, configuration, devices) throws fr::Error, whose kind is the program's exit code. Only
// bin/ exits.
#pragma once
#include <sstream>
#include <stdexcept>
#include <string>

namespace fr {

// The value is the exit code of every program.
enum class ErrorKind {
  internal = 1,  // our own bug
  usage = 2,     // command line or configuration
  state = 3,     // a checkpoint, data set or configuration that does not fit the other
  data = 4,      // pictures, lists, labels
  io = 5,        // reading, writing, syncing
  memory = 6,    // memory or device
  locked = 7,    // another process owns the run folder
  diverged = 8,  // a non-finite loss
};

class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}
  ErrorKind kind() const { return kind_; }

 private:
  ErrorKind kind_;
};

// Concatenate anything that can be streamed.
template <class... A>
std::string cat(const A&... a) {
  std::ostringstream out;
  (out << ... << a);
  return out.str();
}

}  // namespace fr

// "op: expected, got": throws std::invalid_argument for what a caller can get wrong.
#define FR_CHECK(cond, ...)                                           \
  do {                                                                \
    if (!(cond)) throw std::invalid_argument(::fr::cat(__VA_ARGS__)); \
  } while (0)
