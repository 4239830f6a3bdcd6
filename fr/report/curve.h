// Curves before they are drawn: fewer points without losing the extremes, and a smooth version of a noisy
// one.
#pragma once
#include <cstddef>
#include <vector>

namespace fr {

struct CurvePoint {
  double x, y;
  bool operator==(const CurvePoint&) const = default;
};

// At most 2 `buckets` + 2 of the points, which are sorted by x: the first, the last, and of each of the
// equal-width stretches of x the lowest and the highest, in their order. So a spike of one step in 200,000
// stays visible.
std::vector<CurvePoint> downsample_curve(const std::vector<CurvePoint>& points, size_t buckets);

// Three passes of a centred moving average over 2 `half_width` + 1 points, close to a Gaussian of standard
// deviation half_width. At the ends the window keeps the points it has.
std::vector<CurvePoint> smooth_curve(std::vector<CurvePoint> points, size_t half_width);

}  // namespace fr
