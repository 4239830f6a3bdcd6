#include "data/align.h"

#include <cmath>
#include <stdexcept>
#include <vector>

#include "base/error.h"

namespace fr {
namespace {

constexpr double kCoincide = 1e-6;  // pixels^2
constexpr Landmarks kSquare = {
    {{38.2946, 51.6963}, {73.5318, 51.5014}, {56.0252, 71.7366}, {41.5493, 92.3655}, {70.7299, 92.2041}}};
constexpr Landmarks kNarrow = {
    {{30.2946, 51.6963}, {65.5318, 51.5014}, {48.0252, 71.7366}, {33.5493, 92.3655}, {62.7299, 92.2041}}};

Point mean_of(std::span<const Point> points) {
  Point mean;
  for (const Point& p : points) mean.x += p.x, mean.y += p.y;
  return {mean.x / double(points.size()), mean.y / double(points.size())};
}

double spread_of(std::span<const Point> points) {
  const Point mean = mean_of(points);
  double sum = 0;
  for (const Point& p : points) sum += (p.x - mean.x) * (p.x - mean.x) + (p.y - mean.y) * (p.y - mean.y);
  return sum;
}

Point apply(const Affine& m, Point p) { return {m.a * p.x + m.b * p.y + m.tx, m.c * p.x + m.d * p.y + m.ty}; }

// In the plane and without a mirror image the least squares have a closed form. With p', q' counted from their means:
//   a = sum (p'x q'x + p'y q'y) / sum |p'|^2,   b = sum (p'x q'y - p'y q'x) / sum |p'|^2,   x' = a x - b y, y' = b x + a y
Affine least_squares(std::span<const Point> p, std::span<const Point> q) {
  const Point mp = mean_of(p), mq = mean_of(q);
  const double spread = spread_of(p);
  FR_CHECK(spread >= kCoincide,
           "align: the points all but coincide: the sum of their squared distances from their mean is ",
           spread);
  double a = 0, b = 0;
  for (size_t i = 0; i < p.size(); ++i) {
    const double px = p[i].x - mp.x, py = p[i].y - mp.y, qx = q[i].x - mq.x, qy = q[i].y - mq.y;
    a += px * qx + py * qy, b += px * qy - py * qx;
  }
  a /= spread, b /= spread;
  return {a, -b, mq.x - a * mp.x + b * mp.y, b, a, mq.y - b * mp.x - a * mp.y};
}

Affine fit_in_source_plane(std::span<const Point> p, std::span<const Point> q) {
  const Affine plain = inverse(least_squares(q, p));
  std::vector<Point> mirrored(q.begin(), q.end());
  for (Point& point : mirrored) point.x = -point.x;
  const Affine back = compose({-1, 0, 0, 0, 1, 0}, inverse(least_squares(mirrored, p)));
  return alignment_error(p, q, plain) <= alignment_error(p, q, back) ? plain : back;
}

}  // namespace

const Landmarks& alignment_template(int height, int width) {
  FR_CHECK(height == 112 && (width == 112 || width == 96), "align: expected 112 x 112 or 112 x 96, got ",
           height, " x ", width);
  return width == 112 ? kSquare : kNarrow;
}

Affine fit_similarity(std::span<const Point> p, std::span<const Point> q, SimilarityFit how) {
  FR_CHECK(p.size() == q.size() && p.size() >= 2, "align: expected two or more pairs of points, got ",
           p.size(), " and ", q.size());
  return how == SimilarityFit::umeyama ? least_squares(p, q) : fit_in_source_plane(p, q);
}

double alignment_error(std::span<const Point> p, std::span<const Point> q, const Affine& map) {
  double sum = 0;
  for (size_t i = 0; i < p.size(); ++i) {
    const Point at = apply(map, p[i]);
    sum += (q[i].x - at.x) * (q[i].x - at.x) + (q[i].y - at.y) * (q[i].y - at.y);
  }
  return std::sqrt(sum / double(p.size()));
}

Image align_face(const Image& image, const Landmarks& landmarks, int height, int width, SimilarityFit how) {
  const Landmarks& target = alignment_template(height, width);
  const Affine map =
      spread_of(landmarks) >= kCoincide ? fit_similarity(landmarks, target, how) : Affine{0, 0, 0, 0, 0, 0};
  if (!(map.a * map.a + map.c * map.c > 0)) {
    const Image fitted = fit(image, height, width);
    return crop(fitted, (fitted.width - width) / 2, (fitted.height - height) / 2, width, height);
  }
  return warp(image, inverse(map), width, height, Border::constant, 0);
}

}  // namespace fr
