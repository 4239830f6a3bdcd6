// Boxes of a detector: overlap, suppression of those that show the same thing, correction, squaring.
#pragma once
#include <optional>
#include <vector>

#include "fr/detection/face.h"

namespace fr {

// What the common area of two boxes is divided by.
enum class Overlap {
  of_union,
  of_smaller,  // 1 when one box holds the other
};
// 0..1; 0 when a box has no area
double overlap(const Box& a, const Box& b, Overlap how);

// A network's correction of a box: each side moves by a share of the width (left, right) or height (top, bottom).
struct Correction {
  double left = 0, top = 0, right = 0, bottom = 0;
};
Box corrected(const Box& box, const Correction& correction);

// Whole pixels [x, x + side) x [y, y + side); may reach beyond the picture.
struct Square {
  int x = 0, y = 0, side = 0;
  Box box() const { return {x - 0.5, y - 0.5, x + side - 0.5, y + side - 0.5}; }
};
// The square around the box's centre whose side is the box's longer one, in whole pixels. Nothing when the box is no box
// (not finite, a side below one pixel), has no pixel in common with a picture of this size, or is more than twice as long.
std::optional<Square> square_around(const Box& box, int width, int height);

// Greedy non-maximum suppression: in order of falling score (ties: as given) a box is kept unless it overlaps one that was
// kept by more than `threshold`. Places of the kept, in that order.
std::vector<size_t> kept_boxes(const std::vector<Box>& boxes, const std::vector<double>& scores,
                               double threshold, Overlap how);
// The same for anything with a `box` and a `score`.
template <class T>
std::vector<T> suppress(const std::vector<T>& candidates, double threshold, Overlap how) {
  std::vector<Box> boxes;
  std::vector<double> scores;
  for (const T& c : candidates) boxes.push_back(c.box), scores.push_back(c.score);
  std::vector<T> kept;
  for (size_t i : kept_boxes(boxes, scores, threshold, how)) kept.push_back(candidates[i]);
  return kept;
}

}  // namespace fr
