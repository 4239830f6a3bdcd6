#include "data/synthetic/digits.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "base/philox.h"

namespace fr {
namespace {

struct Point {
  double x, y;
};
using Stroke = std::vector<Point>;

// Part of an ellipse, from angle `a` to `b` in turns; 0 points right, 0.25 down.
Stroke arc(Point centre, double rx, double ry, double a, double b) {
  Stroke points;
  for (int i = 0; i <= 16; ++i) {
    const double t = 6.283185307179586 * (a + (b - a) * i / 16);
    points.push_back({centre.x + rx * std::cos(t), centre.y + ry * std::sin(t)});
  }
  return points;
}
Stroke joined(Stroke a, const Stroke& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

// The digit in a box of -1..1, y down; `form` chooses between two ways to write 1, 4 and 7.
std::vector<Stroke> strokes_of(int64_t digit, bool form) {
  switch (digit) {
    case 0:
      return {arc({0, 0}, 0.62, 0.95, 0, 1)};
    case 1:
      return form ? std::vector<Stroke>{{{0, -0.95}, {0, 0.95}}}
                  : std::vector<Stroke>{{{-0.38, -0.6}, {0.05, -0.95}, {0.05, 0.95}}};
    case 2:
      return {joined(arc({0, -0.42}, 0.58, 0.53, -0.45, 0.1), {{-0.6, 0.93}, {0.65, 0.93}})};
    case 3:
      return {
          joined(arc({-0.05, -0.47}, 0.55, 0.48, -0.42, 0.25), arc({-0.05, 0.45}, 0.62, 0.5, -0.25, 0.4))};
    case 4:
      return form ? std::vector<Stroke>{{{0.25, 0.95}, {0.25, -0.95}, {-0.65, 0.35}, {0.7, 0.35}}}
                  : std::vector<Stroke>{{{-0.5, -0.9}, {-0.55, 0.05}, {0.5, 0.05}},
                                        {{0.45, -0.9}, {0.4, 0.95}}};
    case 5:
      return {
          joined({{0.55, -0.93}, {-0.45, -0.93}, {-0.5, -0.1}}, arc({-0.05, 0.37}, 0.6, 0.55, -0.35, 0.38))};
    case 6:
      return {joined({{0.4, -0.95}, {-0.25, -0.3}}, arc({0, 0.42}, 0.55, 0.52, -0.5, 0.55))};
    case 7:
      return form ? std::vector<Stroke>{{{-0.6, -0.9}, {0.6, -0.9}, {-0.1, 0.95}}}
                  : std::vector<Stroke>{{{-0.6, -0.9}, {0.6, -0.9}, {0, 0.95}}, {{-0.3, 0.05}, {0.5, 0.05}}};
    case 8:
      return {arc({0, -0.47}, 0.48, 0.46, 0, 1), arc({0, 0.47}, 0.58, 0.48, 0, 1)};
    default:
      return {joined(arc({0, -0.42}, 0.52, 0.5, 0, 1), {{0.45, 0.1}, {0.2, 0.95}})};
  }
}

// The hand: every point of a stroke moves a little, then the whole is turned, slanted, stretched and shifted.
struct Hand {
  double turn, slant, wide, high, x, y, shake;
  explicit Hand(Random& random)
      : turn(random.uniform(-0.22, 0.22)),
        slant(random.uniform(-0.3, 0.3)),
        wide(random.uniform(0.7, 1.1)),
        high(random.uniform(0.85, 1.1)),
        x(random.uniform(-1.5, 1.5)),
        y(random.uniform(-1.5, 1.5)),
        shake(random.uniform(0.02, 0.09)) {}
  Point operator()(Point p, Random& random) const {
    p.x = wide * (p.x + shake * random.normal()) - slant * p.y, p.y = high * (p.y + shake * random.normal());
    const double c = std::cos(turn), s = std::sin(turn);
    return {13.5 + x + 9 * (c * p.x - s * p.y), 13.5 + y + 9 * (s * p.x + c * p.y)};
  }
};

double distance_to(Point p, Point a, Point b) {
  const double dx = b.x - a.x, dy = b.y - a.y, length2 = dx * dx + dy * dy;
  const double t = length2 > 0 ? std::clamp(((p.x - a.x) * dx + (p.y - a.y) * dy) / length2, 0.0, 1.0) : 0;
  return std::hypot(p.x - a.x - t * dx, p.y - a.y - t * dy);
}

}  // namespace

Image render_digit(uint64_t seed, int64_t index) {
  constexpr int kSize = 28;
  Random random({seed, Purpose::sample, uint64_t(index), 1});
  const bool form = random.chance(0.5);
  const double radius = random.uniform(0.9, 1.9), light = random.uniform(190, 255);
  const Hand hand(random);
  std::array<double, kSize * kSize> nearest;
  nearest.fill(1e9);
  for (Stroke stroke : strokes_of(index % 10, form)) {
    for (Point& p : stroke) p = hand(p, random);
    for (size_t i = 1; i < stroke.size(); ++i)
      for (int y = 0; y < kSize; ++y)
        for (int x = 0; x < kSize; ++x) {
          double& d = nearest[size_t(y * kSize + x)];
          d = std::min(d, distance_to({double(x), double(y)}, stroke[i - 1], stroke[i]));
        }
  }
  Image image(kSize, kSize);
  for (size_t i = 0; i < nearest.size(); ++i) {
    const auto value = uint8_t(std::lround(light * std::clamp(radius + 0.5 - nearest[i], 0.0, 1.0)));
    std::fill_n(&image.pixels[3 * i], 3, value);
  }
  return image;
}

std::string DigitSource::name(int64_t index) const {
  return cat("digit ", index % 10, " number ", index / 10);
}

uint64_t DigitSource::fingerprint() const { return fr::fingerprint(cat("digits ", seed_, " ", size_)); }

}  // namespace fr
