#include "fr/multipliers.h"

#include <algorithm>
#include <charconv>
#include <sstream>

#include "fr/nearest_name.h"

namespace fr {
namespace {

constexpr double kMost = 1e6;

// Whether the pattern is all of the name.
bool matches(const char* pattern, const char* name) {
  if (*pattern == 0) return *name == 0;
  if (*pattern == '*') return matches(pattern + 1, name) || (*name && matches(pattern, name + 1));
  return *pattern == *name && matches(pattern + 1, name + 1);
}

double parse_multiplier(const std::string& word, const std::string& behind) {
  double value = 0;
  const char* end = word.data() + word.size();
  const auto [stop, error] = std::from_chars(word.data(), end, value);
  if (error != std::errc() || stop != end || !(value >= 0 && value <= kMost))
    throw std::invalid_argument(
        cat("expected a number in [0, ", kMost, "] behind '", behind, "', got '", word, "'"));
  return value;
}

std::string number(double v) {
  char buffer[32];
  return {buffer, std::to_chars(buffer, buffer + sizeof buffer, v).ptr};
}

[[noreturn]] void throw_unknown(const std::string& pattern, const NamedParameters& parameters) {
  std::vector<std::string> names;
  for (const auto& [name, parameter] : parameters) names.push_back(name);
  std::string near;
  for (const auto& name : nearest_names(pattern, names, 3)) near += (near.empty() ? "" : ", ") + name;
  throw Error(ErrorKind::usage,
              cat("optimizer.multipliers: no parameter is called '", pattern, "'; the nearest: ", near));
}

}  // namespace

std::vector<MultiplierRule> parse_multipliers(const std::string& text) {
  std::string words = text, word, value;
  std::replace(words.begin(), words.end(), ',', ' ');
  std::istringstream in(words);
  std::vector<MultiplierRule> rules;
  while (in >> word) {
    if (word == "none" && text == word) break;
    if (word != "lr" && word != "decay") {
      rules.push_back({word, {}, {}});
      continue;
    }
    if (rules.empty())
      throw std::invalid_argument(cat("expected the name of a parameter before '", word, "'"));
    value.clear();
    in >> value;
    auto& part = word == "lr" ? rules.back().lr : rules.back().decay;
    if (part) throw std::invalid_argument(cat("'", word, "' of ", rules.back().pattern, " is given twice"));
    part = parse_multiplier(value, word);
  }
  for (const MultiplierRule& rule : rules)
    if (!rule.lr && !rule.decay)
      throw std::invalid_argument(cat("expected lr or decay behind '", rule.pattern, "'"));
  return rules;
}

std::string multipliers_text(const std::vector<MultiplierRule>& rules) {
  std::string text;
  for (const MultiplierRule& rule : rules) {
    text += (text.empty() ? "" : ", ") + rule.pattern;
    if (rule.lr) text += " lr " + number(*rule.lr);
    if (rule.decay) text += " decay " + number(*rule.decay);
  }
  return text.empty() ? "none" : text;
}

NamedParameters with_multipliers(NamedParameters parameters, const std::vector<MultiplierRule>& rules,
                                 double slope_decay) {
  for (auto& [name, parameter] : parameters)
    if (parameter->slope) parameter->decay_multiplier = slope_decay;
  for (const MultiplierRule& rule : rules) {
    bool found = false;
    for (auto& [name, parameter] : parameters) {
      if (!matches(rule.pattern.c_str(), name.c_str())) continue;
      found = true;
      if (rule.lr) parameter->lr_multiplier = *rule.lr;
      if (rule.decay) parameter->decay_multiplier = *rule.decay;
    }
    if (!found) throw_unknown(rule.pattern, parameters);
  }
  return parameters;
}

}  // namespace fr
