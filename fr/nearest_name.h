// For messages about names that nobody knows.
#pragma once
#include <string>
#include <vector>

namespace fr {

// The nearest of `known` to `name` by edit distance (Levenshtein 1966), or "" when nothing is near.
std::string nearest_name(const std::string& name, const std::vector<std::string>& known);

// The `count` nearest, however far; ties in the order of `known`.
std::vector<std::string> nearest_names(const std::string& name, std::vector<std::string> known, size_t count);

}  // namespace fr
