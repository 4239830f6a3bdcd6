#include "data/synthetic/head.h"

#include <algorithm>
#include <cmath>
#include <complex>

namespace fr::synthetic {
namespace {

// The average head.                        crown                           eyes                         chin
constexpr float kY[] = {-66, -60, -48, -32, -14, 2, 16, 30, 42, 52, 60, 65};
constexpr float kWidth[] = {3, 18, 31, 38, 40.5f, 41, 40, 37, 32.5f, 25, 15, 5};
constexpr float kFront[] = {4, 18, 32, 41, 45, 43.5f, 44, 43.5f, 43.5f, 42.5f, 41, 36};
constexpr float kBack[] = {0, -4, -6, -6, -5, -4, -2, 0, 4, 12, 22, 30};

void outline(Head& h, const Identity& p) {
  const float wide = 1 + 0.042f * p[Trait::face_width];
  h.chin = 64 + 2.6f * p[Trait::chin_length];
  for (int k = 0; k < Head::kKnots; ++k) {
    const float y = kY[k], below = clamp01((y - 30) / 35);
    const float forehead = clamp01((-10 - y) / 20), middle = clamp01(1 - std::abs(y - 8) / 22);
    const float jaw = clamp01(1 - std::abs(y - 44) / 18), chin = clamp01((y - 46) / 12);
    h.knot_y[k] = y + (h.chin - 64) * below;
    h.knot_width[k] = kWidth[k] * wide *
                      (1 + 0.040f * p[Trait::forehead_width] * forehead +
                       0.032f * p[Trait::cheekbone] * middle + 0.075f * p[Trait::jaw_width] * jaw +
                       0.16f * p[Trait::chin_width] * chin + 0.025f * p[Trait::cheek_fullness] * jaw);
    h.knot_front[k] = kFront[k] + 1.5f * p[Trait::face_depth] * clamp01((y + 60) / 20);
    h.knot_back[k] = kBack[k];
  }
}

void eyes_and_brows(Head& h, const Identity& p, const Scene& s) {
  h.eye_x = 17.6f + 1.0f * p[Trait::eye_distance];
  h.eye_half = 8.7f + 0.7f * p[Trait::eye_width];
  const float open = (1 + 0.17f * p[Trait::eye_open]) * s.eye_open;
  h.lid_up = 3.7f * open, h.lid_low = 2.2f * (0.5f + 0.5f * open) - 0.5f * std::max(0.0f, s.smile);
  const float tilt = 0.055f * p[Trait::eye_tilt] + 0.02f;
  h.eye_sin = tilt, h.eye_cos = 1 - tilt * tilt / 2;
  h.iris = 3.5f + 0.22f * p[Trait::iris_size];
  h.brow_y = -11.5f - 1.3f * p[Trait::brow_height] - 0.9f * s.brow_raise;
  h.brow_thick = 1.75f + 0.45f * p[Trait::brow_thickness];
  h.brow_arch = 1.6f + 0.9f * p[Trait::brow_arch] + 0.3f * s.brow_raise,
  h.brow_tilt = 1.5f * p[Trait::brow_tilt];
  h.brow_in = 6.5f + 1.5f * p[Trait::brow_gap];
  h.socket = 4.2f + 1.2f * p[Trait::eye_depth], h.brow_ridge = 1 + 2.5f * p[Trait::build];
}

void nose_and_mouth(Head& h, const Identity& p, const Scene& s) {
  const float smile = s.smile;
  h.nose_y = 20 + 1.5f * p[Trait::nose_length];
  h.nose_half = 7.6f + 0.95f * p[Trait::nose_width] + 0.5f * std::max(0.0f, smile);
  h.nose_height = 11 + 1.5f * p[Trait::nose_height];
  h.nose_hump = 1.2f * p[Trait::nose_hump], h.nose_tip = p[Trait::nose_tip];
  h.mouth_y = 40.2f + 1.4f * p[Trait::mouth_height] + 0.3f * (h.nose_y - 20);
  h.mouth_half = 13.6f + 1.2f * p[Trait::mouth_width] + 1.9f * smile;
  h.lip_up = std::max(0.9f, 2.7f + 0.75f * p[Trait::lip_upper] - 0.5f * smile);
  h.lip_low = std::max(1.4f, 3.9f + 0.85f * p[Trait::lip_lower] - 0.6f * smile);
  h.mouth_gap = s.mouth_open * (2.2f + 1.4f * std::max(0.0f, smile));
  h.corner = -0.7f * p[Trait::corner_tilt] - 3.2f * smile;
  h.bow = p[Trait::cupid_bow];
  h.cheekbone = 2.2f + 0.8f * p[Trait::cheekbone] + 1.5f * std::max(0.0f, smile);
  h.cheek = 1.6f * p[Trait::cheek_fullness];
}

void hair_and_ears(Head& h, const Identity& p, const Scene& s) {
  h.ear_size = 1 + 0.09f * p[Trait::ear_size], h.ear_out = p[Trait::ear_out];
  const float length = p[Trait::hair_length];
  h.hairline = -39 - 2.6f * p[Trait::hairline] + 0.5f * s.hair_change;
  if (p[Trait::fringe] > 0.45f) h.hairline += 12 + 14 * (p[Trait::fringe] - 0.45f) + s.hair_change;
  h.recede = p[Trait::fringe] > 0.45f ? 0 : p[Trait::hair_recede];
  h.long_hair = length > 0.52f;
  h.hair_grow = 1.5f + 8 * p[Trait::hair_volume] * (0.4f + 0.6f * length) + 0.8f * s.hair_change;
  h.hair_grow = std::max(0.8f, h.hair_grow);
  h.hair_ear = h.long_hair ? 130 : -8 + 30 * length + s.hair_change;
  h.hair_back = h.long_hair ? (length > 0.75f ? 140.0f : 20 + 160 * (length - 0.52f)) : 26.0f;
  if (h.long_hair) h.hair_ear = h.hair_back;
  h.hair_side = h.long_hair ? 12 + 12 * p[Trait::hair_volume] + 2 * s.hair_change : 9;
}

}  // namespace

Head make_head(const Identity& person, const Scene& scene) {
  Head h;
  outline(h, person);
  eyes_and_brows(h, person, scene);
  nose_and_mouth(h, person, scene);
  hair_and_ears(h, person, scene);
  return h;
}

// Cubic Hermite interpolation with central slopes.
float Head::profile(const std::array<float, kKnots>& v, float y) const {
  int k = 0;
  while (k < kKnots - 2 && y > knot_y[k + 1]) ++k;
  const auto slope = [&](int i) {
    const int a = std::max(0, i - 1), b = std::min(kKnots - 1, i + 1);
    return (v[b] - v[a]) / (knot_y[b] - knot_y[a]);
  };
  const float step = knot_y[k + 1] - knot_y[k], t = clamp01((y - knot_y[k]) / step), u = 1 - t;
  return v[k] * u * u * (1 + 2 * t) + v[k + 1] * t * t * (3 - 2 * t) +
         step * t * u * (slope(k) * u - slope(k + 1) * t);
}

Lanes Head::nose(Lanes x, Lanes y) const {
  const Lanes ax = abs(x);
  const Mask near = (ax < 14) & (y > -8) & (y < nose_y + 12);
  if (!any(near)) return 0;
  const Lanes t = (y + 6) * (1 / (nose_y + 6));  // 0 between the brows, 1 at the tip
  const Lanes under = 1 - smooth((y - nose_y - 1 - 0.5f * nose_tip) * (1 / 6.0f));
  const Lanes along = clamp01(t), rise = 0.10f + 0.25f * along + 0.65f * along * along;
  const Lanes half = 5.0f + 0.55f * nose_half * along * along;
  const Lanes ridge = square(positive(1 - square(x / half)));
  Lanes z =
      (nose_height * rise + nose_hump * hill(along - 0.45f, 0, 0.35f, 1)) * ridge * smooth(t * 4) * under;
  z = z + (2.0f + 0.5f * nose_tip) * hill(x, y - nose_y + 0.5f, 6, 6);
  return only(near, z + 4.6f * hill(ax - nose_half * 0.72f, y - nose_y - 2.5f, 4.6f, 5));
}

Lanes Head::relief(Lanes x, Lanes y) const {
  const Lanes ax = abs(x), my = y - mouth_y;
  const Lanes eyes = 3.2f * hill(ax - eye_x, y, 9, 6.5f) - socket * hill(ax - eye_x + 2, y + 1, 13, 9) +
                     brow_ridge * hill(ax - eye_x + 4, y + 10, 17, 6);
  const Lanes cheeks = cheekbone * hill(ax - 24, y - 15, 14, 12) + cheek * hill(ax - 25, y - 36, 14, 16);
  const Lanes lips = 3.4f * hill(x, my, mouth_half * 1.25f, 9) - 1.6f * hill(x, my, mouth_half * 1.1f, 1.8f);
  const Lanes below = 3.4f * hill(x, y - chin + 7, 12, 8) - 1.8f * hill(x, my - lip_low - 4.5f, 12, 4.5f);
  return nose(x, y) + eyes + cheeks + lips + below;
}

float Head::surface(float x, float y) const {
  const float w = width(y), s = x / w, zb = back(y);
  const float c = std::sqrt(std::max(0.0f, 1 - s * s));
  return zb + (front(y) - zb) * c + (relief(x, y) * smooth(2.5f * c)).v[0];
}

View align(const Head& h, const Scene& scene, int size) {
  using Complex = std::complex<double>;
  static constexpr double kTemplate[5][2] = {
      {38.2946, 51.6963}, {73.5318, 51.5014}, {56.0252, 71.7366}, {41.5493, 92.3655}, {70.7299, 92.2041}};
  const float corner = h.mouth_y + h.corner;
  const Vec3 marks[5] = {{-h.eye_x, 0, h.surface(h.eye_x, 0)},
                         {h.eye_x, 0, h.surface(h.eye_x, 0)},
                         {0, h.nose_y, h.surface(0, h.nose_y)},
                         {-h.mouth_half, corner, h.surface(h.mouth_half, corner)},
                         {h.mouth_half, corner, h.surface(h.mouth_half, corner)}};
  const float cy = std::cos(scene.yaw), sy = std::sin(scene.yaw), cp = std::cos(scene.pitch),
              sp = std::sin(scene.pitch);
  const std::array<Vec3, 3> pose = {Vec3{cy, 0, sy}, Vec3{sp * sy, cp, -sp * cy},
                                    Vec3{-cp * sy, sp, cp * cy}};
  Complex p[5], q[5], p_mean = 0, q_mean = 0;
  for (int i = 0; i < 5; ++i) {
    p[i] = {dot(pose[0], marks[i]), dot(pose[1], marks[i])}, p_mean += p[i] / 5.0;
    q[i] = {kTemplate[i][0], kTemplate[i][1]}, q_mean += q[i] / 5.0;
  }
  Complex a = 0;
  double norm = 0;
  for (int i = 0; i < 5; ++i)
    a += std::conj(p[i] - p_mean) * (q[i] - q_mean), norm += std::norm(p[i] - p_mean);
  a = a / norm * std::polar<double>(scene.jitter_scale, scene.jitter_roll);
  const double zoom = size / 112.0;
  const Complex offset = (q_mean + Complex(scene.jitter_x, scene.jitter_y) - a * p_mean) * zoom;
  const float c = static_cast<float>(a.real() / std::abs(a)), s = static_cast<float>(a.imag() / std::abs(a));
  View view;
  view.rotation = {pose[0] * c - pose[1] * s, pose[0] * s + pose[1] * c, pose[2]};
  view.scale = static_cast<float>(std::abs(a) * zoom);
  // Pixel centres lie at whole coordinates of the template.
  view.x = static_cast<float>(offset.real()), view.y = static_cast<float>(offset.imag());
  return view;
}

}  // namespace fr::synthetic
