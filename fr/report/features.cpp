// Embeddings as pictures: the plane and the circle for two numbers, both sides of the sphere for three, and the angles
// between the embeddings of one class and of two classes.                Liu et al. 2017, "SphereFace", Figures 2, 3 and 5
#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "base/error.h"
#include "fr/report/html.h"
#include "fr/report/number.h"
#include "fr/report/sections.h"

namespace fr {
namespace {

constexpr double kSide = 340, kMiddle = kSide / 2;  // of a square drawing
constexpr double kDegrees = 57.29577951308232;
constexpr size_t kPairs = 400000;  // at most so many angles of each kind
constexpr int kColours = 10;

std::string at(double v) { return plain_number(v, 1); }

// Dots of one class, then of the next: zero-length strokes with round ends take fewest bytes.
class Dots {
 public:
  explicit Dots(const char* kind) : kind_(kind) {}
  void add(int64_t label, double x, double y) {
    path_[label % kColours] += cat("M", at(x), " ", at(y), "h0");
  }
  std::string svg() const {
    std::string out;
    for (const auto& [colour, d] : path_)
      out += cat("<path class=\"", kind_, " k", colour, "\" d=\"", d, "\"/>\n");
    return out;
  }

 private:
  const char* kind_;
  std::map<int64_t, std::string> path_;
};

std::string square(const std::string& description, const std::string& body) {
  return cat("<svg class=\"chart features\" viewBox=\"0 0 ", kSide, " ", kSide,
             "\" role=\"img\" aria-label=\"", escape_html(description), "\">\n", body, "</svg>\n");
}

std::string line(double x1, double y1, double x2, double y2, const std::string& kind) {
  return cat("<path class=\"", kind, "\" d=\"M", at(x1), " ", at(y1), "L", at(x2), " ", at(y2), "\"/>\n");
}
std::string circle(double r) {
  return cat("<circle class=\"axis\" cx=\"", kMiddle, "\" cy=\"", kMiddle, "\" r=\"", at(r), "\"/>\n");
}

std::string figure(const std::string& title, const std::string& svg, const std::string& note) {
  return "<figure>\n<figcaption><b>" + escape_html(title) + "</b></figcaption>\n" + svg +
         "<p class=\"remark\">" + escape_html(note) + "</p>\n</figure>\n";
}

const float* row(const std::vector<float>& values, size_t i, int64_t D) { return &values[i * size_t(D)]; }

// Zero for a row without a direction.
double inverse_length(const float* x, int64_t D) {
  double sum = 0;
  for (int64_t d = 0; d < D; ++d) sum += double(x[d]) * x[d];
  return sum > 1e-24 && std::isfinite(sum) ? 1 / std::sqrt(sum) : 0;
}

// The distance from 0 within which all but one of 200 lie.
double reach(const ReportFeatures& f) {
  std::vector<double> lengths;
  for (size_t i = 0; i < f.labels.size(); ++i)
    if (const double inverse = inverse_length(row(f.values, i, f.D), f.D); inverse > 0)
      lengths.push_back(1 / inverse);
  if (lengths.empty()) return 1;
  std::sort(lengths.begin(), lengths.end());
  return lengths[(lengths.size() - 1) * 199 / 200];
}

// The directions of the classes, from the middle to `radius`.
std::string class_rays(const ReportFeatures& f, double radius) {
  std::string rays;
  for (size_t m = 0; m * 2 < f.class_weights.size(); ++m) {
    const float* w = row(f.class_weights, m, 2);
    const double s = radius * inverse_length(w, 2);
    if (s > 0)
      rays += line(kMiddle, kMiddle, kMiddle + s * w[0], kMiddle - s * w[1], cat("ray k", m % kColours));
  }
  return rays;
}

std::string plane(const ReportFeatures& f) {
  const double scale = 0.94 * kMiddle / reach(f);
  Dots dots("dots");
  for (size_t i = 0; i < f.labels.size(); ++i) {
    const float* x = row(f.values, i, 2);
    const double px = kMiddle + scale * x[0], py = kMiddle - scale * x[1];
    if (px >= 0 && px <= kSide && py >= 0 && py <= kSide) dots.add(f.labels[i], px, py);
  }
  const std::string axes =
      line(0, kMiddle, kSide, kMiddle, "grid") + line(kMiddle, 0, kMiddle, kSide, "grid");
  return figure("The plane of the features",
                square("Scatter of the features in the plane", axes + dots.svg() + class_rays(f, kMiddle)),
                cat("Each dot is a picture, its colour the class; the drawing reaches to a length of ",
                    format_number(reach(f) / 0.94, 3), ". Lines: the directions of the class weights."));
}

// On the circle all dots would cover each other, so the number of pictures at each angle stands outside as bars.
std::string on_circle(const ReportFeatures& f) {
  constexpr int kBins = 180;
  constexpr double kRadius = 108, kLongest = 52;
  Dots dots("dots");
  std::map<int64_t, std::array<double, kBins>> count;
  double most = 1;
  for (size_t i = 0; i < f.labels.size(); ++i) {
    const float* x = row(f.values, i, 2);
    const double s = inverse_length(x, 2);
    if (s == 0) continue;
    dots.add(f.labels[i], kMiddle + kRadius * s * x[0], kMiddle - kRadius * s * x[1]);
    const double turn = std::atan2(double(x[1]), double(x[0])) / 6.283185307179586 + 1;
    most = std::max(most, ++count[f.labels[i]][size_t(turn * kBins) % kBins]);
  }
  std::string bars;
  for (const auto& [label, bins] : count) {
    std::string d;
    for (int b = 0; b < kBins; ++b) {
      if (bins[size_t(b)] == 0) continue;
      const double angle = (b + 0.5) / kBins * 6.283185307179586, c = std::cos(angle), s = std::sin(angle);
      const double from = kRadius + 5, to = from + kLongest * std::sqrt(bins[size_t(b)] / most);
      d += cat("M", at(kMiddle + from * c), " ", at(kMiddle - from * s), "L", at(kMiddle + to * c), " ",
               at(kMiddle - to * s));
    }
    bars += cat("<path class=\"bar k", label % kColours, "\" d=\"", d, "\"/>\n");
  }
  return figure("On the unit circle",
                square("The features scaled to unit length, on the circle",
                       circle(kRadius) + class_rays(f, kRadius - 4) + bars + dots.svg()),
                "Only the angle is left. Bars: how many pictures lie at each angle (their square root).");
}

// A camera on the diagonal (side = 1) or opposite (side = -1): right, up and towards the viewer.
struct Camera {
  double side;
  std::array<double, 3> operator()(double x, double y, double z) const {
    const double r = std::sqrt(0.5), h = std::sqrt(1.0 / 6), t = std::sqrt(1.0 / 3);
    return {side * r * (y - x), h * (2 * z - x - y), side * t * (x + y + z)};
  }
};

// Circles of latitude and longitude on the near side.
std::string globe(const Camera& camera, double radius) {
  std::string d;
  const auto trace = [&](auto point) {
    bool drawing = false;
    for (int i = 0; i <= 72; ++i) {
      const auto [x, y, z] = point(i / 72.0 * 6.283185307179586);
      const auto p = camera(x, y, z);
      if (p[2] > 0)
        d += cat(drawing ? "L" : "M", at(kMiddle + radius * p[0]), " ", at(kMiddle - radius * p[1]));
      drawing = p[2] > 0;
    }
  };
  for (int k = 0; k < 6; ++k) {
    const double longitude = k * 0.5235987755982988, c = std::cos(longitude), s = std::sin(longitude);
    trace([&](double t) { return std::array{std::cos(t) * c, std::cos(t) * s, std::sin(t)}; });
  }
  for (int k = -2; k <= 2; ++k) {
    const double z = std::sin(k * 0.5235987755982988), r = std::sqrt(1 - z * z);
    trace([&](double t) { return std::array{r * std::cos(t), r * std::sin(t), z}; });
  }
  return "<path class=\"grid\" d=\"" + d + "\"/>\n";
}

std::string sphere(const ReportFeatures& f, double side) {
  const Camera camera{side};
  const double radius = 0.95 * kMiddle;
  Dots dots("dots"), classes("dots big");
  const auto add = [&](Dots& to, int64_t label, const float* x) {
    const double s = inverse_length(x, 3);
    const auto p = camera(s * x[0], s * x[1], s * x[2]);
    if (s > 0 && p[2] >= 0) to.add(label, kMiddle + radius * p[0], kMiddle - radius * p[1]);
  };
  for (size_t i = 0; i < f.labels.size(); ++i) add(dots, f.labels[i], row(f.values, i, 3));
  for (size_t m = 0; m * 3 < f.class_weights.size(); ++m)
    add(classes, int64_t(m), row(f.class_weights, m, 3));
  return figure(side > 0 ? "On the unit sphere" : "The other side",
                square("The features scaled to unit length, on the sphere",
                       circle(radius) + globe(camera, radius) + dots.svg() + classes.svg()),
                side > 0 ? "Seen from (1, 1, 1). Large dots: the directions of the class weights."
                         : "Seen from (-1, -1, -1).");
}

struct Angles {
  std::vector<double> genuine, impostor;  // degrees
};

// Of all pairs, or of every so many-th.
Angles angles_of(const ReportFeatures& f) {
  Angles angles;
  const size_t n = f.labels.size(), all = n * (n - 1) / 2, step = (all + kPairs - 1) / kPairs;
  size_t number = 0;
  for (size_t i = 0; i < n; ++i)
    for (size_t j = i + 1; j < n; ++j, ++number) {
      if (number % step) continue;
      const float *a = row(f.values, i, f.D), *b = row(f.values, j, f.D);
      const double s = inverse_length(a, f.D) * inverse_length(b, f.D);
      if (s == 0) continue;
      double dot = 0;
      for (int64_t d = 0; d < f.D; ++d) dot += double(a[d]) * b[d];
      (f.labels[i] == f.labels[j] ? angles.genuine : angles.impostor)
          .push_back(kDegrees * std::acos(std::clamp(s * dot, -1.0, 1.0)));
    }
  return angles;
}

std::string mean_text(const char* kind, const std::vector<double>& v) {
  if (v.empty()) return "";
  double sum = 0, squares = 0;
  for (const double a : v) sum += a;
  const double mean = sum / double(v.size());
  for (const double a : v) squares += (a - mean) * (a - mean);
  return cat(kind, " pairs: ", format_fixed(mean, 1), "\u00b0 on average, standard deviation ",
             format_fixed(std::sqrt(squares / double(v.size())), 1), "\u00b0. ");
}

std::string angle_figure(const ReportFeatures& f) {
  const Angles angles = angles_of(f);
  Chart chart = histogram_pair("genuine", angles.genuine, "impostor", angles.impostor, kUnknown);
  chart.x.label = "angle between two features, degrees", chart.y.label = "share of pairs";
  chart.x.low = 0, chart.x.high = 180;
  chart.width = 360, chart.height = 320;
  chart.description = "Histograms of the angles of genuine and impostor pairs";
  return chart_figure("Angles of pairs", chart,
                      mean_text("Genuine", angles.genuine) + mean_text("Impostor", angles.impostor));
}

}  // namespace

std::string features_section(const ReportFeatures& f) {
  if (f.D == 0 || f.labels.empty()) return "";
  std::string figures = angle_figure(f);
  if (f.D == 2) figures = plane(f) + on_circle(f) + figures;
  if (f.D == 3) figures = sphere(f, 1) + sphere(f, -1) + figures;
  return "<section><h2>Features" + (f.title.empty() ? "" : ": " + escape_html(f.title)) +
         "</h2>\n<div class=\"small-figures\">\n" + figures + "</div>\n</section>\n";
}

}  // namespace fr
