#include "data/landmark_list.h"

#include <charconv>
#include <cmath>

#include "base/error.h"
#include "data/text.h"

namespace fr {

LandmarkList read_landmarks(const std::filesystem::path& path) {
  LandmarkList list;
  for (const text::Line& line : text::read_lines(path)) {
    const std::vector<std::string> f = text::fields(line.text);
    if (f.size() != 11)
      text::fail(path, line.number, cat("expected a name and 10 coordinates, found ", f.size(), " fields"));
    Landmarks points;
    for (size_t i = 0; i < 10; ++i) {
      double value = 0;
      const std::string& word = f[i + 1];
      const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
      if (error != std::errc() || end != word.data() + word.size() || !std::isfinite(value))
        text::fail(path, line.number, cat("expected a coordinate, found '", word, "'"));
      (i % 2 ? points[i / 2].y : points[i / 2].x) = value;
    }
    if (!list.emplace(f[0], points).second) text::fail(path, line.number, "a second time: " + f[0]);
  }
  if (list.empty()) throw Error(ErrorKind::data, path.string() + ": no landmarks");
  return list;
}

std::string to_text(const LandmarkList& list) {
  std::string out;
  char digits[32];
  for (const auto& [name, points] : list) {
    out += name;
    for (const Point& p : points)
      for (const double value : {p.x, p.y}) {
        const auto [end, error] = std::to_chars(digits, digits + sizeof digits, value);
        out += "\t" + std::string(digits, end);
      }
    out += "\n";
  }
  return out;
}

}  // namespace fr
