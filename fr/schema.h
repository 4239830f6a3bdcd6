// A schema of configuration keys: one description of every key gives the INI reader its types and ranges, the
// command line its overrides, the resolved configuration its text and docs/configuration.md its table. INI
// syntax is CLI11's (sections, # comments, quotes, lists separated by commas).
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "fr/nearest_name.h"

namespace fr {

// Does a key change the trained weights? Only such keys must agree when a run is resumed.
enum class Affects { result, speed };

struct Key {
  std::string name;     // "section.key", or "key" before the first section
  std::string allowed;  // "real in [0, 1]", "one of: a, b"
  std::string help;
  Affects affects = Affects::result;
  std::function<void(const std::vector<std::string>& values)>
      set;                           // throws std::invalid_argument with the reason
  std::function<std::string()> get;  // as it would be written in an INI file
};

class Schema {
 public:
  template <class I>  // int, int64_t or uint64_t; the range must fit int64_t
  void integer(std::string name, I& value, int64_t low, int64_t high, std::string help,
               Affects affects = Affects::result);
  void real(std::string name, double& value, double low, double high, std::string help,
            Affects affects = Affects::result);
  // A number of the range, or the word, which stands for the word's number.
  void real_or(std::string name, double& value, double low, double high, std::pair<std::string, double> word,
               std::string help);
  void integer_or(std::string name, int64_t& value, int64_t low, int64_t high,
                  std::pair<std::string, int64_t> word, std::string help);
  void reals(std::string name, std::vector<double>& value, double low, double high, std::string help);
  // A list of `word` or `word:weight`, each word one of `known`, without a weight 1.
  void weighted_words(std::string name, std::vector<std::pair<std::string, double>>& value,
                      const std::vector<std::string>& known, std::string help);
  void flag(std::string name, bool& value, std::string help, Affects affects = Affects::result);
  void text(std::string name, std::string& value, std::string help, Affects affects = Affects::result);
  void texts(std::string name, std::vector<std::string>& value, std::string help,
             Affects affects = Affects::result);
  template <class E>
  void choice(std::string name, E& value, std::vector<std::pair<std::string, E>> names, std::string help,
              Affects affects = Affects::result);

  // A list of a form of its own: `parse` is given its entries one behind the other, with blanks between, and throws
  // std::invalid_argument with the reason; `print` gives the text that `parse` reads back.
  template <class V>
  void entries(std::string name, V& value, V (*parse)(const std::string&), std::string (*print)(const V&),
               std::string allowed, std::string help, Affects affects = Affects::result);

  // All throw Error{usage} naming the file (or "command line"), the line, the key, the value and what is
  // allowed; an unknown key comes with the nearest known one.
  // + Error{usage} when the file is missing. Where its first line is "base = FILE", relative to its folder, that file is read
  // first and this one is stronger.
  void read_ini(const std::filesystem::path& file);
  void read_ini_text(const std::string& text, const std::string& name);  // the same for text from elsewhere
  void override_with(const std::string& assignment);                     // "section.key=value"

  // Keys without a section must be registered first. Sections stand in order of registration.
  std::string to_ini(bool only_affecting_result = false) const;
  std::string to_markdown() const;  // the table of docs/configuration.md
  const std::vector<Key>& keys() const { return keys_; }

 private:
  bool has_keys_without_section() const;
  Key& add(std::string name, std::string allowed, std::string help, Affects affects);
  void read_items(const std::string& text, const std::string& name, bool has_base);
  void set(const std::string& key, const std::vector<std::string>& values, const std::string& where);
  std::vector<Key> keys_;
};

template <class V>
void Schema::entries(std::string name, V& value, V (*parse)(const std::string&),
                     std::string (*print)(const V&), std::string allowed, std::string help, Affects affects) {
  Key& key = add(std::move(name), std::move(allowed), std::move(help), affects);
  key.set = [&value, parse](const std::vector<std::string>& v) {
    std::string text;
    for (const auto& entry : v) text += (text.empty() ? "" : " ") + entry;
    value = parse(text);
  };
  key.get = [&value, print] { return print(value); };
}

template <class E>
void Schema::choice(std::string name, E& value, std::vector<std::pair<std::string, E>> names,
                    std::string help, Affects affects) {
  std::string allowed = "one of: ";
  std::vector<std::string> words;
  for (const auto& n : names) allowed += (words.empty() ? "" : ", ") + n.first, words.push_back(n.first);
  Key& key = add(std::move(name), allowed, std::move(help), affects);
  key.set = [&value, names, words](const std::vector<std::string>& v) {
    for (const auto& n : names)
      if (v.size() == 1 && n.first == v[0]) return void(value = n.second);
    const std::string near = v.empty() ? "" : nearest_name(v[0], words);
    throw std::invalid_argument(near.empty() ? "unknown choice"
                                             : "unknown choice; did you mean '" + near + "'?");
  };
  key.get = [&value, names] {
    for (const auto& n : names)
      if (n.second == value) return n.first;
    return std::string("?");
  };
}

}  // namespace fr
