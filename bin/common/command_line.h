// A program's arguments and its way out: exceptions become exit codes and messages. CLI11 stays behind this interface,
// in one translation unit, because its header takes seconds to compile.
#pragma once
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"

namespace CLI {
class App;
}

namespace fr {

// Names that start with -- are options, others are positional. A value given here before parsing is the default that
// --help shows.
class CommandLine {
 public:
  enum class Need { optional, required };

  CommandLine(const std::string& name, const std::string& description);
  ~CommandLine();

  void text(const std::string& name, std::string& value, const std::string& help, Need = Need::optional);
  void texts(const std::string& name, std::vector<std::string>& values, const std::string& help,
             Need = Need::optional);
  void flag(const std::string& name, bool& value, const std::string& help);
  // T: int, int64_t, uint64_t, double; within [least, most].
  template <class T>
  void number(const std::string& name, T& value, const std::string& help,
              T least = std::numeric_limits<T>::lowest(), T most = std::numeric_limits<T>::max());
  // T: int64_t, double; from `fewest` to `count` of them, separated by commas, each within [least, most].
  template <class T>
  void numbers(const std::string& name, std::vector<T>& values, const std::string& help, int fewest,
               int count, T least, T most = std::numeric_limits<T>::max());
  // One of several words.
  template <class E>
  void choice(const std::string& name, E& value, const std::vector<std::pair<std::string, E>>& words,
              const std::string& help) {
    std::vector<std::string> names;
    std::string current;
    for (const auto& [word, meaning] : words) {
      names.push_back(word);
      if (meaning == value) current = word;
    }
    one_of(name, names, current, help, [&value, words](size_t i) { value = words[i].second; });
  }

  // Parses and runs `body`. The exit code of the program: 0, an ErrorKind (wrong arguments: 2), or 128 + signal when
  // `body` returns that. Messages go to stderr as "name: message".
  int run(int argc, char** argv, const std::function<int()>& body);

 private:
  void one_of(const std::string& name, const std::vector<std::string>& words, const std::string& current,
              const std::string& help, const std::function<void(size_t)>& chosen);

  std::unique_ptr<CLI::App> app_;
};

}  // namespace fr
