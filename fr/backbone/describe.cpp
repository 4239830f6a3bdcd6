#include "fr/backbone/describe.h"

#include <algorithm>
#include <array>
#include <iomanip>
#include <numeric>
#include <sstream>

namespace fr {
namespace {

// 1234567 -> "1 234 567"
std::string grouped(int64_t n) {
  const std::string digits = std::to_string(n);
  std::string out;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) out += ' ';
    out += digits[i];
  }
  return out;
}

using Columns = std::array<std::string, 5>;

Columns columns(const LayerDescription& l) {
  return {l.name, l.kind, to_string(l.output), grouped(l.parameters), grouped(l.multiply_adds)};
}

}  // namespace

int64_t total_parameters(const std::vector<LayerDescription>& layers) {
  return std::accumulate(layers.begin(), layers.end(), int64_t{0},
                         [](int64_t sum, const LayerDescription& l) { return sum + l.parameters; });
}

int64_t total_multiply_adds(const std::vector<LayerDescription>& layers) {
  return std::accumulate(layers.begin(), layers.end(), int64_t{0},
                         [](int64_t sum, const LayerDescription& l) { return sum + l.multiply_adds; });
}

std::string to_text(const std::vector<LayerDescription>& layers) {
  std::vector<Columns> lines = {{"layer", "kind", "output", "parameters", "multiply-adds"}};
  for (const LayerDescription& l : layers) lines.push_back(columns(l));
  lines.push_back({"total", "", "", grouped(total_parameters(layers)), grouped(total_multiply_adds(layers))});
  std::array<size_t, 5> width{};
  for (const Columns& line : lines)
    for (size_t i = 0; i < line.size(); ++i) width[i] = std::max(width[i], line[i].size());
  std::ostringstream out;
  for (const Columns& line : lines) {
    for (size_t i = 0; i < line.size(); ++i)  // words to the left, numbers to the right
      out << (i ? "  " : "") << (i < 3 ? std::left : std::right) << std::setw(int(width[i])) << line[i];
    out << '\n';
  }
  return out.str();
}

}  // namespace fr
