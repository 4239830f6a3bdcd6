#include "fr/report/curve.h"

#include <algorithm>

namespace fr {
namespace {

// Appends the lowest and the highest of points[begin, end) in the order they occur.
void keep_extremes(const std::vector<CurvePoint>& points, size_t begin, size_t end,
                   std::vector<CurvePoint>& kept) {
  if (begin == end) return;
  size_t low = begin, high = begin;
  for (size_t i = begin; i < end; ++i) {
    if (points[i].y < points[low].y) low = i;
    if (points[i].y > points[high].y) high = i;
  }
  kept.push_back(points[std::min(low, high)]);
  if (low != high) kept.push_back(points[std::max(low, high)]);
}

}  // namespace

std::vector<CurvePoint> downsample_curve(const std::vector<CurvePoint>& points, size_t buckets) {
  if (buckets == 0 || points.size() <= 2 * buckets + 2) return points;
  const double first = points.front().x, width = (points.back().x - first) / static_cast<double>(buckets);
  std::vector<CurvePoint> kept = {points.front()};
  size_t begin = 1, last = points.size() - 1;
  for (size_t b = 1; b <= buckets; ++b) {
    const double right = first + width * static_cast<double>(b);
    size_t end = begin;
    while (end < last && (b == buckets || points[end].x < right)) ++end;
    keep_extremes(points, begin, end, kept);
    begin = end;
  }
  kept.push_back(points.back());
  return kept;
}

std::vector<CurvePoint> smooth_curve(std::vector<CurvePoint> points, size_t half_width) {
  const size_t n = points.size();
  std::vector<double> sum(n + 1);  // sum[i] = y_0 + ... + y_(i-1)
  for (int pass = 0; pass < 3; ++pass) {
    for (size_t i = 0; i < n; ++i) sum[i + 1] = sum[i] + points[i].y;
    for (size_t i = 0; i < n; ++i) {
      const size_t begin = i - std::min(i, half_width), end = std::min(n, i + half_width + 1);
      points[i].y = (sum[end] - sum[begin]) / static_cast<double>(end - begin);
    }
  }
  return points;
}

}  // namespace fr
