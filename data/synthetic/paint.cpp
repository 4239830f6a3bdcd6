#include "data/synthetic/paint.h"

#include <algorithm>
#include <cmath>

#include "base/philox.h"

namespace fr::synthetic {
namespace {

float square(float v) { return v * v; }
float smooth(float t) {
  t = clamp01(t);
  return t * t * (3 - 2 * t);
}
// (1 - q)^2 inside an ellipse, 0 outside.
inline float hill(float dx, float dy, float rx, float ry) {
  const float q = square(dx * (1 / rx)) + square(dy * (1 / ry));  // the reciprocals are mostly constants
  return q < 1 ? square(1 - q) : 0;
}
void darken(Vec3& c, float by) { c = c * (1 - by); }

template <size_t n>
Vec3 ramp(const float (&stops)[n][3], float t) {
  const float u = clamp01(t) * (n - 1);
  const int k = std::min(static_cast<int>(u), static_cast<int>(n) - 2);
  const float f = u - k;
  const auto at = [&](int c) { return stops[k][c] * (1 - f) + stops[k + 1][c] * f; };
  return linear_colour(at(0), at(1), at(2));
}

constexpr float kSkin[][3] = {{246, 214, 198}, {229, 186, 158}, {192, 142, 108}, {132, 88, 62}, {74, 48, 38}};
constexpr float kHair[][3] = {{216, 188, 142}, {160, 116, 74}, {92, 62, 42}, {26, 20, 19}};
constexpr float kDarkEye[][3] = {{130, 165, 200}, {140, 115, 70}, {70, 42, 26}, {38, 24, 18}};

}  // namespace

Texture::Texture(uint64_t seed, int64_t identity) {
  Random random({seed, Purpose::identity, static_cast<uint64_t>(identity), 1});
  for (size_t i = 0; i < value_.size(); i += 4) {
    const uint32_t word = random.bits();
    for (int k = 0; k < 4; ++k) value_[i + k] = static_cast<float>((word >> (8 * k)) & 255) / 256;
  }
}

Palette::Palette(const Identity& p, const Scene& s) {
  skin = ramp(kSkin, p[Trait::melanin] + s.tan);
  const float warm = p[Trait::warmth];
  skin = skin * Vec3{1, 1 - 0.02f * warm, 1 - 0.14f * warm};
  flush = skin * Vec3{1.0f, 0.72f, 0.72f};
  const float red = 0.3f + 0.7f * p[Trait::lip_red];
  lip = mix(skin * Vec3{0.86f, 0.60f, 0.60f}, skin * Vec3{0.75f, 0.20f, 0.24f}, red * red);
  const Vec3 natural = ramp(kHair, p[Trait::hair_melanin]);
  const float ginger =
      clamp01(1.5f * (p[Trait::hair_red] - 0.35f)) * (1 - 0.85f * square(p[Trait::hair_melanin]));
  hair = mix(natural, natural * Vec3{1.25f, 0.62f, 0.40f}, ginger);
  hair = mix(hair, linear_colour(205, 204, 204), p[Trait::hair_gray] * 0.9f);
  brow = mix(skin, hair * 0.7f, 0.45f + 0.5f * p[Trait::brow_dark]);
  beard = mix(hair * 0.8f, skin * 0.3f, 0.3f);
  const Vec3 dark = ramp(kDarkEye, p[Trait::eye_melanin]);
  iris = mix(dark, dark * Vec3{0.75f, 1.05f, 0.55f}, p[Trait::eye_green] * (1 - p[Trait::eye_melanin]));
}

Face::Face(const Identity& person, const Scene& scene, const Head& head, const Palette& palette,
           const Texture& texture, float pixels_a_unit)
    : id_(person), scene_(scene), h_(head), palette_(palette), texture_(texture), sharp_(pixels_a_unit) {
  hairy_ = 9 + 12 * head.recede + (head.recede > 0.75f ? 14 : 0);
  old_ = clamp01(1.5f * (person[Trait::age] - 0.3f));
  fuzz_ = clamp01(person[Trait::beard] + scene.beard_change * (person[Trait::beard] > 0 ? 1.0f : 0.0f));
  moustache_ =
      clamp01(person[Trait::moustache] + scene.beard_change * (person[Trait::moustache] > 0 ? 1.0f : 0.0f));
}

Surface Face::at(Vec3 p) const {
  Surface s;
  const float ax = std::abs(p.x);
  skin(p, ax, s);
  if (p.z < 0) return s;
  age(ax, p.y, s);
  if (p.y > -12 && (fuzz_ > 0.02f || moustache_ > 0.02f)) beard(p, ax, s);
  if (std::abs(p.y) < 13) eye(p, ax, s);
  if (p.y > -30 && p.y < 0) brow(p, ax, s);
  if (p.y > 4 && p.y < h_.nose_y + 13 && ax < 18) nose(ax, p.y, s);
  if (std::abs(p.y - h_.mouth_y) < 16 && ax < h_.mouth_half + 4) mouth(p, ax, s);
  marks(p, s);
  if (scene_.eyewear != Scene::Eyewear::none && std::abs(p.y) < 22) glasses(p.x, p.y, ax, s);
  return s;
}

void Face::skin(Vec3 p, float ax, Surface& s) const {
  const float cloudy = texture_.at(p.x * 0.11f, p.y * 0.11f) - 0.5f;
  const float flush = id_[Trait::ruddiness] * (0.25f + 0.9f * hill(ax - 23, p.y - 17, 19, 15) +
                                               0.6f * hill(p.x, p.y - h_.nose_y, 11, 10));
  s.albedo = mix(palette_.skin, palette_.flush, clamp01(flush + 0.3f * id_[Trait::blotches] * cloudy));
  s.albedo = s.albedo * (1 + id_[Trait::blotches] * 0.18f * cloudy);
  const float freckles = id_[Trait::freckles];
  if (freckles > 0.1f) {
    const float where = hill(ax - 14, p.y - 13, 30, 26);
    const float spot = where > 0 ? smooth((texture_.at(p.x * 0.75f + 17, p.y * 0.75f + 31) - 0.64f) * 5) : 0;
    s.albedo = mix(s.albedo, s.albedo * Vec3{0.68f, 0.50f, 0.38f}, spot * where * 1.5f * freckles);
  }
  s.open = 1 - 0.35f * hill(ax - h_.eye_x + 5, p.y + 1, 12, 8) -
           0.3f * hill(ax - h_.nose_half - 2, p.y - h_.nose_y + 1, 4, 12);
}

// Lines that come with the years: forehead, crow's feet, under the eyes, from the nose to the mouth.
void Face::age(float ax, float y, Surface& s) const {
  const float smile = std::max(0.0f, scene_.smile);
  if (y < 12) {
    const float out = ax - h_.eye_x;
    if (y > 2)
      darken(s.albedo, (0.10f + 0.35f * old_) * hill(out + 1, y - 7.5f + 0.02f * out * out, 9, 3.2f));
    if (old_ > 0 && y < -17) forehead(ax, y, s);
    const float crow = out - h_.eye_half;
    if (old_ > 0 && crow > 1 && crow < 11 && std::abs(y) < 8) {  // three rays
      const float ray = std::abs(y), third = std::abs(ray - 0.55f * (crow + 2));
      const float line = clamp01(1 - std::min(ray, third) * 0.9f) * clamp01((11 - crow) * 0.3f);
      darken(s.albedo, 0.28f * (old_ + 0.3f * smile) * line);
    }
  }
  const float t = (y - h_.nose_y + 1) / (h_.mouth_y + 3 - h_.nose_y);
  if (t <= 0 || t >= 1.25f) return;
  const float line = h_.nose_half + 2.5f + (h_.mouth_half - h_.nose_half + 3.5f) * t * (0.55f + 0.45f * t);
  const float fold = (0.10f + 0.32f * old_ + 0.16f * smile) * clamp01(1.2f - std::abs(ax - line) * 0.6f);
  if (fold > 0) darken(s.albedo, fold * clamp01(t * 4) * clamp01((1.25f - t) * 3));
}

void Face::forehead(float ax, float y, Surface& s) const {
  const float wave = 10 + (y + 0.012f * ax * ax + 1.2f * texture_.at(ax * 0.08f, 3)) * 0.165f;
  const float phase = wave - static_cast<float>(static_cast<int>(wave));
  darken(s.albedo, 0.30f * old_ * clamp01(1 - std::abs(phase - 0.5f) * 7) * clamp01((30 - ax) * 0.15f));
}

// The cheek line runs from the sideburn down to the corner of the mouth; moustache and chin meet beside the mouth.
void Face::beard(Vec3 p, float ax, Surface& s) const {
  const float strand = texture_.at(p.x * 0.9f, p.y * 0.45f);
  const float line = h_.mouth_y + 5 - 0.10f * square(std::max(0.0f, ax - 13.5f));
  float chin = smooth((p.y - line) / 9 + 0.2f) * smooth((p.y + 9) / 8);
  chin *= 1 - 0.85f * hill(p.x, p.y - h_.mouth_y - h_.lip_low - 1.5f, 8, 4);
  const float top = h_.nose_y + 8.5f, bottom = h_.mouth_y + 1;
  float lip = smooth((p.y - top) / 2.5f) * smooth((bottom - p.y) / 3) * smooth((h_.mouth_half + 3 - ax) / 4);
  if (fuzz_ > 0.3f && p.y > bottom - 5 && p.y < h_.mouth_y + 10) {
    lip = std::max(lip, smooth((5 - std::abs(ax - h_.mouth_half - 3)) / 4));
  }
  const auto grow = [&](float where, float amount) {
    return where * clamp01(amount * 1.15f) * (0.62f + 0.38f * smooth((strand - 0.75f + amount) * 3));
  };
  const float covered = std::max(grow(chin, fuzz_), grow(lip, moustache_));
  s.albedo = mix(s.albedo, palette_.beard * (0.7f + 0.6f * strand), covered);
  s.gloss *= 1 - covered;
}

void Face::eye(Vec3 p, float ax, Surface& s) const {
  const float dx = ax - h_.eye_x, dy = p.y;
  const float ex = dx * h_.eye_cos - dy * h_.eye_sin, ey = dy * h_.eye_cos + dx * h_.eye_sin;
  const float u = ex / h_.eye_half, bell = std::max(0.0f, 1 - u * u);
  if (std::abs(u) > 1.7f) return;
  // The upper lid is highest inside the middle, the lower lid lowest outside it.
  const float upper = -h_.lid_up * bell * (1 - 0.18f * u), lower = h_.lid_low * bell * (1 + 0.25f * u);
  const float inside = std::abs(u) < 1 ? std::min(ey - upper, lower - ey) : -1;
  const float crease = upper - 1.3f - 1.9f * id_[Trait::lid_crease] * (0.6f + 0.4f * bell);
  if (std::abs(u) < 1.15f) {
    darken(s.albedo, 0.45f * (0.25f + 0.75f * id_[Trait::lid_crease]) *
                         clamp01(1.1f - std::abs(ey - crease) * 0.9f) * clamp01((1.15f - std::abs(u)) * 4));
    darken(s.albedo, 0.16f * clamp01(1 - std::abs(ey - lower - 1.2f) * 0.6f) * bell);
  }
  if (inside > -1) {
    const float sign = p.x < 0 ? -1.0f : 1.0f;
    const float ix = ex - sign * scene_.gaze_x * 3, iy = ey + 0.5f - scene_.gaze_y * 1.5f;
    const float r = std::sqrt(ix * ix + iy * iy);
    Vec3 c = mix({0.60f, 0.57f, 0.55f}, palette_.skin, 0.25f);
    c = c * (1 - 0.35f * u * u);
    const float ring = clamp01((r - 0.55f * h_.iris) / (0.45f * h_.iris));
    const Vec3 iris = palette_.iris * (1.25f - 0.75f * ring * ring);
    c = mix(c, iris, cover(h_.iris - r));
    c = mix(c, {0.004f, 0.004f, 0.004f}, cover(0.42f * h_.iris - r));
    c = c * (0.55f + 0.45f * clamp01((ey - upper) * 0.5f));  // the upper lid's shadow
    const float glint = hill(p.x - sign * h_.eye_x - scene_.gaze_x * 3 - scene_.key_direction.x * 1.8f,
                             iy + 1.3f, 1.3f, 1.3f);
    c = c + Vec3{0.9f, 0.9f, 0.9f} * glint;
    const float a = cover(inside);
    s.albedo = mix(s.albedo, c, a);
    s.open = s.open * (1 - a) + 0.9f * a, s.gloss *= 1 - a;
  }
  const float lash =
      clamp01(1.25f - std::abs(ey - upper + 0.2f) * 0.95f) * clamp01((1.12f - std::abs(u)) * 6);
  s.albedo =
      mix(s.albedo, palette_.hair * 0.12f, lash * (0.6f + 0.25f * clamp01(u) - 0.15f * id_[Trait::build]));
}

void Face::brow(Vec3 p, float ax, Surface& s) const {
  const float outer = h_.eye_x + 14, t = (ax - h_.brow_in) / (outer - h_.brow_in);
  if (t < -0.08f || t > 1.05f) return;
  const float middle = h_.brow_y - h_.brow_arch * (1 - square((t - 0.62f) / 0.62f)) +
                       h_.brow_tilt * (t - 0.5f) + 2.0f * square(std::max(0.0f, t - 0.6f)) * 3;
  const float thick = h_.brow_thick * (1.1f - 0.65f * square(clamp01(t))) * clamp01((t + 0.08f) * 7) *
                      clamp01((1.05f - t) * 4);
  const float strand = texture_.at(p.x * 0.8f + p.y * 0.7f, p.y * 0.5f);
  const float a =
      clamp01((thick - std::abs(p.y - middle)) * 0.7f + 0.35f) * clamp01(thick) * (0.68f + 0.32f * strand);
  s.albedo = mix(s.albedo, palette_.brow, a);
  s.gloss *= 1 - a;
}

void Face::nose(float ax, float y, Surface& s) const {
  const float ny = y - h_.nose_y, half = h_.nose_half;
  const float hole = hill(ax - 0.45f * half, ny - 6 + 0.12f * ax, 0.42f * half, 1.7f);
  s.albedo = mix(s.albedo, palette_.skin * Vec3{0.16f, 0.08f, 0.07f}, clamp01(hole * 1.7f));
  const float wing = std::sqrt(square(ax - 0.5f * half) + square((ny - 2) * 0.9f)) - 0.6f * half;
  if (ax > 0.6f * half) darken(s.albedo, 0.26f * clamp01(1.2f - std::abs(wing) * 0.6f));
  darken(s.albedo, 0.16f * hill(ax, ny - 7, half, 3));
  s.gloss += 0.10f * hill(ax, ny + 1, 4, 5);
}

void Face::mouth(Vec3 p, float ax, Surface& s) const {
  const float t = ax / h_.mouth_half, bell = 1 - t * t;
  const float line = h_.mouth_y + h_.corner * t * t - 0.35f * h_.corner;
  const float y = p.y - line;
  darken(s.albedo, 0.28f * hill(ax - h_.mouth_half - 0.5f, y, 3, 2.5f));
  if (t > 1) return;
  const float gap = h_.mouth_gap * bell, soft = bell * (2 - bell);
  const float dip = id_[Trait::cupid_bow] * 0.45f * clamp01(1 - t * 5);
  const float up = y + 0.4f * gap, low = y - 0.6f * gap;
  const float upper = h_.lip_up * soft * (1 - dip), lower = h_.lip_low * soft;
  const float a = cover(std::min(up + upper, lower - low));
  const float ridge = 0.92f + 0.08f * texture_.at(p.x * 0.9f, p.y * 0.2f);
  s.albedo = mix(s.albedo, palette_.lip * (ridge * (up < 0 ? 0.78f : 1.0f)), a * 0.9f);
  s.gloss += a * (low > 0 ? 0.14f : 0.02f) * (0.4f + 0.6f * id_[Trait::lip_red]);
  const float inside = std::min(up, -low);
  if (gap > 0.3f && inside > -1) {
    const bool teeth = up < 0.75f * gap && scene_.smile > 0;
    const Vec3 c = teeth ? Vec3{0.62f, 0.58f, 0.52f} * (1 - 0.55f * t * t) : Vec3{0.045f, 0.012f, 0.012f};
    s.albedo = mix(s.albedo, c, cover(inside));
  } else {
    darken(s.albedo, 0.62f * clamp01(1.15f - std::abs(y) * 0.95f) * clamp01(bell * 5));
  }
  darken(s.albedo, 0.16f * hill(p.x, low - lower - 1.8f, 9, 2.6f));
}

void Face::marks(Vec3 p, Surface& s) const {
  for (int i = 0; i < id_.mark_count; ++i) {
    const Mark& m = id_.marks[i];
    float x = p.x - m.x, y = p.y - m.y;
    if (std::abs(y) > 18 || std::abs(x) > 18) continue;
    const float length = m.dx * m.dx + m.dy * m.dy;
    if (length > 0) {
      const float t = clamp01((x * m.dx + y * m.dy) / length);
      x -= t * m.dx, y -= t * m.dy;
    }
    const float q = x * x + y * y;
    if (q > 9 + m.radius * m.radius) continue;
    const float a = cover(m.radius - std::sqrt(q)) * std::abs(m.dark);
    s.albedo = m.dark > 0 ? mix(s.albedo, s.albedo * Vec3{0.30f, 0.20f, 0.16f}, a)
                          : mix(s.albedo, s.albedo * Vec3{1.3f, 1.15f, 1.15f} + Vec3{0.06f, 0.03f, 0.03f}, a);
  }
}

void Face::glasses(float x, float y, float ax, Surface& s) const {
  const bool thick = scene_.eyewear != Scene::Eyewear::thin, dark = scene_.eyewear == Scene::Eyewear::dark;
  const float rx = thick ? 12.8f : 12.0f, ry = thick ? 9.2f : 7.8f, wire = thick ? 1.3f : 0.75f;
  // Rounded rectangle: distance to a smaller box less the corner's radius.
  const float corner = thick ? 4.5f : 6.5f;
  const float bx = std::max(0.0f, std::abs(ax - h_.eye_x) - rx + corner),
              by = std::max(0.0f, std::abs(y - 1) - ry + corner);
  const float d = corner - std::sqrt(bx * bx + by * by);
  const float lens = cover(d);
  if (dark)
    s.albedo = mix(s.albedo, {0.012f, 0.012f, 0.015f}, 0.95f * lens), s.open = std::min(s.open, 1.0f);
  else
    s.albedo = mix(s.albedo, s.albedo * 0.93f + Vec3{0.012f, 0.014f, 0.016f}, lens);
  const float glare =
      lens *
      clamp01(1 - std::abs(x - y * 0.7f - 26 * scene_.key_direction.x - (x < 0 ? -17.0f : 17.0f)) * 0.35f);
  s.albedo = s.albedo + Vec3{1, 1, 1} * (glare * (dark ? 0.10f : 0.05f));
  float frame = cover(wire - std::abs(d));
  if (ax < h_.eye_x - rx + 1) frame = std::max(frame, cover(wire * 0.9f - std::abs(y + 2 + 0.04f * ax * ax)));
  if (ax > h_.eye_x + rx - 1) frame = std::max(frame, cover(wire * 0.9f - std::abs(y + 3)));
  s.albedo = mix(s.albedo, scene_.frame_colour, frame);
  s.gloss = s.gloss * (1 - lens) + 0.25f * frame;
}

bool Face::hair_at(Vec3 p) const {
  const float ax = std::abs(p.x);
  // The hairline falls from the forehead to the temples; receding lifts it beside the middle.
  const float line = h_.hairline + 0.0115f * ax * ax;
  if (p.y > line + 9 && p.z > h_.hair_side + 2)
    return false;  // most of the face, before any noise is looked up
  if (p.y < line - hairy_ && p.z > -10) return true;
  const float ragged = 2.2f * (texture_.at(p.x * 0.35f, p.z * 0.2f) - 0.5f) * (1 + 2 * id_[Trait::hair_curl]);
  const float bay = h_.recede * 12 * hill(ax - 18, 0, 13, 1);
  const float crown = h_.recede > 0.75f ? 56 * (h_.recede - 0.75f) * clamp01(1 - ax / 24) : 0;
  const float swing = id_[Trait::fringe] > 0.45f ? (id_[Trait::hair_parting] > 0 ? 0.12f : -0.12f) * p.x : 0;
  if (p.y < line - bay - crown + ragged + swing && p.z > -10) return true;
  if (p.z > h_.hair_side + 0.4f * ragged) return false;
  if (h_.long_hair) return p.y < h_.hair_ear + 2 * ragged;
  return p.y < (p.z < -13 ? h_.hair_back : h_.hair_ear) + ragged;
}

Vec3 Face::hair_colour(Vec3 p) const {
  const float curl = id_[Trait::hair_curl];
  const float across = p.x * 0.75f + p.z * 0.75f + 9 * id_[Trait::hair_parting];
  const float straight = texture_.at(across, p.y * 0.07f),
              curly = texture_.at(p.x * 0.42f + p.z * 0.2f, p.y * 0.42f);
  const float strand = straight + (curly - straight) * curl;
  return palette_.hair * (0.55f + 0.9f * strand);
}

}  // namespace fr::synthetic
