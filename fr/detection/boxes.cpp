#include "fr/detection/boxes.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"

namespace fr {

double overlap(const Box& a, const Box& b, Overlap how) {
  const double width = std::min(a.right, b.right) - std::max(a.left, b.left);
  const double height = std::min(a.bottom, b.bottom) - std::max(a.top, b.top);
  if (!(width > 0 && height > 0)) return 0;
  const double common = width * height;
  const double area_a = a.width() * a.height(), area_b = b.width() * b.height();
  return common / (how == Overlap::of_union ? area_a + area_b - common : std::min(area_a, area_b));
}

Box corrected(const Box& box, const Correction& by) {
  return {box.left + by.left * box.width(), box.top + by.top * box.height(),
          box.right + by.right * box.width(), box.bottom + by.bottom * box.height()};
}

std::optional<Square> square_around(const Box& box, int width, int height) {
  const double side = std::max(box.width(), box.height());
  if (!(std::min(box.width(), box.height()) >= 1 && side <= 2.0 * std::max(width, height))) return {};
  if (!(box.left < width && box.right > -1 && box.top < height && box.bottom > -1)) return {};
  // The left edge of pixel x lies at x - 0.5.
  Square square;
  square.side = static_cast<int>(std::lround(side));
  square.x = static_cast<int>(std::lround((box.left + box.right - square.side) / 2 + 0.5));
  square.y = static_cast<int>(std::lround((box.top + box.bottom - square.side) / 2 + 0.5));
  const bool meets =
      square.x < width && square.y < height && square.x + square.side > 0 && square.y + square.side > 0;
  return meets ? std::optional(square) : std::nullopt;
}

std::vector<size_t> kept_boxes(const std::vector<Box>& boxes, const std::vector<double>& scores,
                               double threshold, Overlap how) {
  FR_CHECK(boxes.size() == scores.size(), "kept_boxes: ", boxes.size(), " boxes, ", scores.size(), " scores");
  std::vector<size_t> order(boxes.size()), kept;
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t i, size_t j) { return scores[i] > scores[j]; });
  for (const size_t i : order) {
    const auto covers = [&](size_t j) { return overlap(boxes[i], boxes[j], how) > threshold; };
    if (std::none_of(kept.begin(), kept.end(), covers)) kept.push_back(i);
  }
  return kept;
}

}  // namespace fr
