#include "data/synthetic/paint.h"

#include <algorithm>
#include <cmath>

#include "base/philox.h"

namespace fr::synthetic {
namespace {

void darken(Lanes3& c, Lanes by) { c = c * (1 - by); }

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
  std::array<uint8_t, 64 * 64> value;
  for (size_t i = 0; i < 64 * 64; i += 4) {
    const uint32_t word = random.bits();
    for (int k = 0; k < 4; ++k) value[i + k] = static_cast<uint8_t>(word >> (8 * k));
  }
  for (int y = 0; y < 64; ++y) {
    const uint8_t *row = &value[64 * y], *next = &value[64 * ((y + 1) & 63)];
    uint32_t left = row[0] | next[0] << 16;
    for (int x = 0; x < 64; ++x) {
      const int j = (x + 1) & 63;
      const uint32_t right = row[j] | next[j] << 16;
      corners_[64 * y + x] = static_cast<int32_t>(left | right << 8);
      left = right;
    }
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

Surface select(Mask m, const Surface& a, const Surface& b) {
  return {select(m, a.albedo, b.albedo), select(m, a.gloss, b.gloss), select(m, a.open, b.open)};
}

Surface Face::at(const Lanes3& p) const {
  Surface s;
  const Lanes ax = abs(p.x), y = p.y;
  skin(p, ax, s);
  const Mask front = p.z >= 0;
  if (!any(front)) return s;
  const Surface bare = s;
  age(ax, y, s);
  if ((fuzz_ > 0.02f || moustache_ > 0.02f) && any(y > -9)) beard(p, ax, s);
  if (any(abs(y) < 13)) eye(p, ax, s);
  if (any((y > -30) & (y < 0))) brow(p, ax, s);
  if (any((y > 4) & (y < h_.nose_y + 13) & (ax < 18))) nose(ax, y, s);
  if (any((abs(y - h_.mouth_y) < 16) & (ax < h_.mouth_half + 4))) mouth(p, ax, s);
  marks(p, s);
  if (scene_.eyewear != Scene::Eyewear::none && any(abs(y) < 22)) glasses(p.x, y, ax, s);
  return all(front) ? s : select(front, s, bare);
}

void Face::skin(const Lanes3& p, Lanes ax, Surface& s) const {
  const Lanes cloudy = id_[Trait::blotches] * (texture_.at(p.x * 0.11f, p.y * 0.11f) - 0.5f);
  const Lanes flush = id_[Trait::ruddiness] * (0.25f + 0.9f * hill(ax - 23, p.y - 17, 19, 15) +
                                               0.6f * hill(p.x, p.y - h_.nose_y, 11, 10));
  s.albedo = mix(palette_.skin, palette_.flush, clamp01(flush + 0.3f * cloudy)) * (1 + 0.18f * cloudy);
  const float freckles = id_[Trait::freckles];
  const Lanes where = hill(ax - 14, p.y - 13, 30, 26);
  if (freckles > 0.1f && any(where > 0)) {
    const Lanes spot = smooth((texture_.at(p.x * 0.75f + 17, p.y * 0.75f + 31) - 0.64f) * 5);
    s.albedo = mix(s.albedo, s.albedo * Vec3{0.68f, 0.50f, 0.38f}, spot * where * (1.5f * freckles));
  }
  s.open = 1 - 0.35f * hill(ax - h_.eye_x + 5, p.y + 1, 12, 8) -
           0.3f * hill(ax - h_.nose_half - 2, p.y - h_.nose_y + 1, 4, 12);
}

// Lines that come with the years: forehead, crow's feet, under the eyes, from the nose to the mouth.
void Face::age(Lanes ax, Lanes y, Surface& s) const {
  const Lanes out = ax - h_.eye_x;
  if (any((y > 2) & (y < 12)))
    darken(s.albedo, (0.10f + 0.35f * old_) * hill(out + 1, y - 7.5f + 0.02f * out * out, 9, 3.2f));
  if (old_ > 0 && any(y < -17)) forehead(ax, y, s);
  if (old_ > 0 && any(abs(y) < 8)) crows_feet(out, y, s);
  const Lanes t = (y - h_.nose_y + 1) * (1 / (h_.mouth_y + 3 - h_.nose_y));
  if (!any((t > 0) & (t < 1.25f))) return;
  const Lanes line = h_.nose_half + 2.5f + (h_.mouth_half - h_.nose_half + 3.5f) * t * (0.55f + 0.45f * t);
  const float deep = 0.10f + 0.32f * old_ + 0.16f * std::max(0.0f, scene_.smile);
  const Lanes fold = deep * clamp01(1.2f - abs(ax - line) * 0.6f);
  darken(s.albedo, fold * clamp01(t * 4) * clamp01((1.25f - t) * 3));
}

void Face::forehead(Lanes ax, Lanes y, Surface& s) const {
  const Lanes wave = 10 + (y + 0.012f * ax * ax + 1.2f * texture_.at(ax * 0.08f, 3)) * 0.165f;
  const Lanes phase = wave - to_float(to_int(wave));
  const Lanes line = 0.30f * old_ * clamp01(1 - abs(phase - 0.5f) * 7) * clamp01((30 - ax) * 0.15f);
  darken(s.albedo, only(y < -17, line));
}

// Three rays beside the eye.
void Face::crows_feet(Lanes out, Lanes y, Surface& s) const {
  const Lanes crow = out - h_.eye_half, ray = abs(y), third = abs(ray - 0.55f * (crow + 2));
  const Mask there = (crow > 1) & (crow < 11) & (ray < 8);
  if (!any(there)) return;
  const Lanes line = clamp01(1 - min(ray, third) * 0.9f) * clamp01((11 - crow) * 0.3f);
  darken(s.albedo, only(there, 0.28f * (old_ + 0.3f * std::max(0.0f, scene_.smile)) * line));
}

// The cheek line runs from the sideburn down to the corner of the mouth; moustache and chin meet beside the mouth.
void Face::beard(const Lanes3& p, Lanes ax, Surface& s) const {
  const Lanes line = h_.mouth_y + 5 - 0.10f * square(positive(ax - 13.5f));
  Lanes chin = smooth((p.y - line) * (1 / 9.0f) + 0.2f) * smooth((p.y + 9) * 0.125f);
  chin = chin * (1 - 0.85f * hill(p.x, p.y - h_.mouth_y - h_.lip_low - 1.5f, 8, 4));
  const float top = h_.nose_y + 8.5f, bottom = h_.mouth_y + 1;
  Lanes lip = smooth((p.y - top) * 0.4f) * smooth((bottom - p.y) * (1 / 3.0f)) *
              smooth((h_.mouth_half + 3 - ax) * 0.25f);
  const Mask beside = (p.y > bottom - 5) & (p.y < h_.mouth_y + 10);
  if (fuzz_ > 0.3f && any(beside)) {
    lip = max(lip, only(beside, smooth((5 - abs(ax - h_.mouth_half - 3)) * 0.25f)));
  }
  if (!any(max(chin, lip) > 0)) return;
  const Lanes strand = texture_.at(p.x * 0.9f, p.y * 0.45f);
  const auto grow = [&](Lanes where, float amount) {
    return where * clamp01(amount * 1.15f) * (0.62f + 0.38f * smooth((strand - 0.75f + amount) * 3));
  };
  const Lanes covered = max(grow(chin, fuzz_), grow(lip, moustache_));
  s.albedo = mix(s.albedo, palette_.beard * (0.7f + 0.6f * strand), covered);
  s.gloss = s.gloss * (1 - covered);
}

void Face::eye(const Lanes3& p, Lanes ax, Surface& s) const {
  const Lanes dx = ax - h_.eye_x, dy = p.y;
  const Lanes ex = dx * h_.eye_cos - dy * h_.eye_sin, ey = dy * h_.eye_cos + dx * h_.eye_sin;
  const Lanes u = ex * (1 / h_.eye_half), au = abs(u), bell = positive(1 - u * u);
  if (!any(au < 1.15f)) return;
  // The upper lid is highest inside the middle, the lower lid lowest outside it.
  const Lanes upper = -h_.lid_up * bell * (1 - 0.18f * u), lower = h_.lid_low * bell * (1 + 0.25f * u);
  const float fold = id_[Trait::lid_crease];
  const Lanes crease = upper - 1.3f - 1.9f * fold * (0.6f + 0.4f * bell);
  darken(s.albedo, 0.45f * (0.25f + 0.75f * fold) * clamp01(1.1f - abs(ey - crease) * 0.9f) *
                       clamp01((1.15f - au) * 4));
  darken(s.albedo, 0.16f * clamp01(1 - abs(ey - lower - 1.2f) * 0.6f) * bell);
  const Lanes inside = min(ey - upper, lower - ey);
  const Mask ball = (au < 1) & (inside > -1);
  if (any(ball)) {
    const Lanes a = only(ball, cover(inside));
    s.albedo = mix(s.albedo, eyeball(p, ex, ey, ey - upper), a);
    s.open = mix(s.open, 0.9f, a), s.gloss = s.gloss * (1 - a);
  }
  const Lanes lash = clamp01(1.25f - abs(ey - upper + 0.2f) * 0.95f) * clamp01((1.12f - au) * 6);
  s.albedo =
      mix(s.albedo, palette_.hair * 0.12f, lash * (0.6f + 0.25f * clamp01(u) - 0.15f * id_[Trait::build]));
}

// White, iris, pupil, the upper lid's shadow and the lamp's reflection.
Lanes3 Face::eyeball(const Lanes3& p, Lanes ex, Lanes ey, Lanes below_lid) const {
  const Lanes sign = select(p.x < 0, -1, 1), u = ex * (1 / h_.eye_half);
  const Lanes ix = ex - sign * (scene_.gaze_x * 3), iy = ey + 0.5f - scene_.gaze_y * 1.5f;
  const Lanes r = sqrt(ix * ix + iy * iy);
  Lanes3 c = mix({0.60f, 0.57f, 0.55f}, palette_.skin, 0.25f) * (1 - 0.35f * u * u);
  const Lanes ring = clamp01((r - 0.55f * h_.iris) * (1 / (0.45f * h_.iris)));
  c = mix(c, palette_.iris * (1.25f - 0.75f * ring * ring), cover(h_.iris - r));
  c = mix(c, Vec3{0.004f, 0.004f, 0.004f}, cover(0.42f * h_.iris - r));
  const Lanes glint =
      hill(p.x - sign * h_.eye_x - scene_.gaze_x * 3 - scene_.key_direction.x * 1.8f, iy + 1.3f, 1.3f, 1.3f);
  return c * (0.55f + 0.45f * clamp01(below_lid * 0.5f)) + Vec3{0.9f, 0.9f, 0.9f} * glint;
}

void Face::brow(const Lanes3& p, Lanes ax, Surface& s) const {
  const float outer = h_.eye_x + 14;
  const Lanes t = (ax - h_.brow_in) * (1 / (outer - h_.brow_in));
  const Lanes middle = h_.brow_y - h_.brow_arch * (1 - square((t - 0.62f) * (1 / 0.62f))) +
                       h_.brow_tilt * (t - 0.5f) + 6 * square(positive(t - 0.6f));
  const Lanes thick = h_.brow_thick * (1.1f - 0.65f * square(clamp01(t))) * clamp01((t + 0.08f) * 7) *
                      clamp01((1.05f - t) * 4);
  const Lanes there = clamp01((thick - abs(p.y - middle)) * 0.7f + 0.35f) * clamp01(thick);
  if (!any(there > 0)) return;
  const Lanes strand = texture_.at(p.x * 0.8f + p.y * 0.7f, p.y * 0.5f);
  const Lanes a = there * (0.68f + 0.32f * strand);
  s.albedo = mix(s.albedo, palette_.brow, a);
  s.gloss = s.gloss * (1 - a);
}

void Face::nose(Lanes ax, Lanes y, Surface& s) const {
  const float half = h_.nose_half;
  const Lanes ny = y - h_.nose_y;
  const Lanes hole = hill(ax - 0.45f * half, ny - 6 + 0.12f * ax, 0.42f * half, 1.7f);
  s.albedo = mix(s.albedo, palette_.skin * Vec3{0.16f, 0.08f, 0.07f}, clamp01(hole * 1.7f));
  const Lanes wing = sqrt(square(ax - 0.5f * half) + square((ny - 2) * 0.9f)) - 0.6f * half;
  darken(s.albedo, only(ax > 0.6f * half, 0.26f * clamp01(1.2f - abs(wing) * 0.6f)));
  darken(s.albedo, 0.16f * hill(ax, ny - 7, half, 3));
  s.gloss = s.gloss + 0.10f * hill(ax, ny + 1, 4, 5);
}

void Face::mouth(const Lanes3& p, Lanes ax, Surface& s) const {
  const Lanes t = ax * (1 / h_.mouth_half), bell = positive(1 - t * t);
  const Lanes y = p.y - h_.mouth_y - h_.corner * (t * t - 0.35f);
  darken(s.albedo, 0.28f * hill(ax - h_.mouth_half - 0.5f, y, 3, 2.5f));
  const Mask between = t <= 1;  // the corners
  if (!any(between)) return;
  const Lanes gap = h_.mouth_gap * bell, soft = bell * (2 - bell);
  const Lanes dip = id_[Trait::cupid_bow] * 0.45f * clamp01(1 - t * 5);
  const Lanes up = y + 0.4f * gap, low = y - 0.6f * gap;
  const Lanes upper = h_.lip_up * soft * (1 - dip), lower = h_.lip_low * soft;
  const Lanes a = only(between, cover(min(up + upper, lower - low)));
  const Lanes ridge = 0.92f + 0.08f * texture_.at(p.x * 0.9f, p.y * 0.2f);
  s.albedo = mix(s.albedo, palette_.lip * (ridge * select(up < 0, 0.78f, 1.0f)), a * 0.9f);
  s.gloss = s.gloss + a * select(low > 0, 0.14f, 0.02f) * (0.4f + 0.6f * id_[Trait::lip_red]);
  const Lanes inside = min(up, -low), closed = 0.62f * clamp01(1.15f - abs(y) * 0.95f) * clamp01(bell * 5);
  const Mask open = (gap > 0.3f) & (inside > -1);
  darken(s.albedo, only(!open, closed));
  if (any(open)) {
    const Mask teeth = (up < 0.75f * gap) & (Lanes(scene_.smile) > 0);
    const Lanes3 c =
        select(teeth, Lanes3(Vec3{0.62f, 0.58f, 0.52f}) * (1 - 0.55f * t * t), Vec3{0.045f, 0.012f, 0.012f});
    s.albedo = mix(s.albedo, c, only(open, cover(inside)));
  }
  darken(s.albedo, only(between, 0.16f * hill(p.x, low - lower - 1.8f, 9, 2.6f)));
}

void Face::marks(const Lanes3& p, Surface& s) const {
  for (int i = 0; i < id_.mark_count; ++i) {
    const Mark& m = id_.marks[i];
    Lanes x = p.x - m.x, y = p.y - m.y;
    if (!any((abs(x) <= 18) & (abs(y) <= 18))) continue;
    const float length = m.dx * m.dx + m.dy * m.dy;
    if (length > 0) {
      const Lanes t = clamp01((x * m.dx + y * m.dy) * (1 / length));
      x = x - t * m.dx, y = y - t * m.dy;
    }
    const Lanes q = x * x + y * y;
    const Mask near = q <= 9 + m.radius * m.radius;
    if (!any(near)) continue;
    const Lanes a = only(near, cover(m.radius - sqrt(q)) * std::abs(m.dark));
    const Lanes3 pale = s.albedo * Vec3{1.3f, 1.15f, 1.15f} + Vec3{0.06f, 0.03f, 0.03f};
    s.albedo = mix(s.albedo, m.dark > 0 ? s.albedo * Vec3{0.30f, 0.20f, 0.16f} : pale, a);
  }
}

void Face::glasses(Lanes x, Lanes y, Lanes ax, Surface& s) const {
  const bool thick = scene_.eyewear != Scene::Eyewear::thin, dark = scene_.eyewear == Scene::Eyewear::dark;
  const float rx = thick ? 12.8f : 12.0f, ry = thick ? 9.2f : 7.8f, wire = thick ? 1.3f : 0.75f;
  // Rounded rectangle: distance to a smaller box less the corner's radius.
  const float corner = thick ? 4.5f : 6.5f;
  const Lanes bx = positive(abs(ax - h_.eye_x) - rx + corner), by = positive(abs(y - 1) - ry + corner);
  const Lanes d = corner - sqrt(bx * bx + by * by);
  const Lanes lens = cover(d);
  if (dark)
    s.albedo = mix(s.albedo, Vec3{0.012f, 0.012f, 0.015f}, 0.95f * lens);
  else
    s.albedo = mix(s.albedo, s.albedo * 0.93f + Vec3{0.012f, 0.014f, 0.016f}, lens);
  const Lanes streak = x - y * 0.7f - 26 * scene_.key_direction.x - select(x < 0, -17, 17);
  const Lanes glare = lens * clamp01(1 - abs(streak) * 0.35f) * (dark ? 0.10f : 0.05f);
  s.albedo = s.albedo + Lanes3{glare, glare, glare};
  const Lanes bridge = only(ax < h_.eye_x - rx + 1, cover(wire * 0.9f - abs(y + 2 + 0.04f * ax * ax)));
  const Lanes arm = only(ax > h_.eye_x + rx - 1, cover(wire * 0.9f - abs(y + 3)));
  const Lanes frame = max(cover(wire - abs(d)), max(bridge, arm));
  s.albedo = mix(s.albedo, scene_.frame_colour, frame);
  s.gloss = s.gloss * (1 - lens) + 0.25f * frame;
}

Mask Face::hair_at(const Lanes3& p) const {
  const Lanes ax = abs(p.x);
  // The hairline falls from the forehead to the temples; receding lifts it beside the middle.
  const Lanes line = h_.hairline + 0.0115f * ax * ax;
  const Mask before = p.z > -10;
  const Mask bare = (p.y > line + 9) & (p.z > h_.hair_side + 2), sure = (p.y < line - hairy_) & before;
  if (all(bare | sure)) return sure;  // most pixels, before any noise is looked up
  const Lanes ragged = (2.2f + 4.4f * id_[Trait::hair_curl]) * (texture_.at(p.x * 0.35f, p.z * 0.2f) - 0.5f);
  const Lanes bay = h_.recede * 12 * hill(ax - 18, 0, 13, 1);
  const Lanes crown = 56 * std::max(0.0f, h_.recede - 0.75f) * clamp01(1 - ax * (1 / 24.0f));
  const float parting = id_[Trait::fringe] <= 0.45f ? 0 : id_[Trait::hair_parting] > 0 ? 0.12f : -0.12f;
  const Mask above = (p.y < line - bay - crown + ragged + parting * p.x) & before;
  Mask beside = p.z <= h_.hair_side + 0.4f * ragged;
  if (h_.long_hair)
    beside = beside & (p.y < h_.hair_ear + 2 * ragged);
  else
    beside = beside & (p.y < select(p.z < -13, h_.hair_back, h_.hair_ear) + ragged);
  return (!bare) & (sure | above | beside);
}

Lanes3 Face::hair_colour(const Lanes3& p) const {
  const Lanes across = p.x * 0.75f + p.z * 0.75f + 9 * id_[Trait::hair_parting];
  const Lanes straight = texture_.at(across, p.y * 0.07f);
  const Lanes curly = texture_.at(p.x * 0.42f + p.z * 0.2f, p.y * 0.42f);
  return palette_.hair * (0.55f + 0.9f * mix(straight, curly, id_[Trait::hair_curl]));
}

}  // namespace fr::synthetic
