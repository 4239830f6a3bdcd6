#include "fr/nearest_name.h"

#include <algorithm>

namespace fr {
namespace {

size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j < row.size(); ++j) row[j] = j;
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0]++;
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t substitute = diagonal + (a[i] != b[j]);
      diagonal = row[j + 1];
      row[j + 1] = std::min({substitute, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

std::string nearest_name(const std::string& name, const std::vector<std::string>& known) {
  const std::vector<std::string> nearest = nearest_names(name, known, 1);
  const bool near =
      !nearest.empty() && edit_distance(name, nearest[0]) <= std::max<size_t>(2, name.size() / 3);
  return near ? nearest[0] : "";
}

std::vector<std::string> nearest_names(const std::string& name, std::vector<std::string> known,
                                       size_t count) {
  std::stable_sort(known.begin(), known.end(), [&](const std::string& a, const std::string& b) {
    return edit_distance(name, a) < edit_distance(name, b);
  });
  known.resize(std::min(count, known.size()));
  return known;
}

}  // namespace fr
