#include "data/synthetic/face.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "data/resample.h"
#include "data/synthetic/camera.h"
#include "data/synthetic/paint.h"
#include "data/synthetic/style.h"

namespace fr {

using namespace synthetic;

namespace {

Mask keep_hair(const void* face, const Lanes3& p) { return static_cast<const Face*>(face)->hair_at(p); }
Mask keep_hat(const void*, const Lanes3& p) { return p.y < -23 + 0.002f * p.x * p.x - 0.18f * p.z; }

void draw_ears(const Head& h, const View& view, Layers& layers) {
  const float x = h.width(4) + 0.4f + 1.1f * (h.ear_out > 0 ? h.ear_out : 0.5f * h.ear_out),
              size = h.ear_size;
  for (float side : {-1.0f, 1.0f}) {
    draw_ellipsoid({{side * x, 6, -7}, {2.6f + 0.5f * h.ear_out, 14 * size, 7.5f * size}, Material::ear},
                   view, nullptr, nullptr, layers);
    draw_ellipsoid({{side * (x - 0.5f), 15, -5}, {2.0f, 6 * size, 4.5f}, Material::ear}, view, nullptr,
                   nullptr, layers);
  }
}

void draw_body(const View& view, Layers& layers) {
  draw_ellipsoid({{0, 100, -14}, {25, 66, 24}, Material::neck}, view, nullptr, nullptr, layers);
  draw_ellipsoid({{0, 141, -16}, {105, 52, 44}, Material::cloth}, view, nullptr, nullptr, layers);
}

void draw_hair(const Identity& id, const Head& h, const Face& face, const View& view, Layers& layers) {
  const float grow = h.hair_grow, wide = h.width(-14) + 1.2f + grow;
  if (id[Trait::hair_recede] > 0.93f && id[Trait::fringe] < 0.45f) return;
  draw_ellipsoid({{0, -13, -6}, {wide, 55 + grow, 53 + 0.5f * grow}, Material::hair}, view, keep_hair, &face,
                 layers);
  if (!h.long_hair) return;
  draw_ellipsoid({{0, 26, -12}, {wide + 2.5f, 96, 40}, Material::hair}, view, keep_hair, &face, layers);
}

void draw_hat(const Scene& scene, const Head& h, const View& view, Layers& layers) {
  if (scene.hat == Scene::Hat::none) return;
  const float grow = h.hair_grow + (h.long_hair ? 5.5f : 3), wide = h.width(-14) + 1.2f + grow;
  draw_ellipsoid({{0, -13, -6}, {wide, 56 + grow, 54 + 0.5f * grow}, Material::hat}, view, keep_hat, nullptr,
                 layers);
  if (scene.hat == Scene::Hat::cap) {
    draw_ellipsoid({{0, -31, 42 + 0.5f * grow}, {34, 4, 30}, Material::hat}, view, nullptr, nullptr, layers);
  }
}

// The lamps of a scene, and the shadow of the nose; per picture precomputed for the pixel loop.
class Lights {
 public:
  Lights(const Scene& s, const Head& h, const View& view)
      : key_direction_(s.key_direction),
        fill_direction_(s.fill_direction),
        key_(s.key),
        fill_(s.fill),
        sky_(s.sky),
        ground_(s.ground) {
    half_ = normalised(s.key_direction + Vec3{0, 0, 1});
    key_in_head_ = view.turn_back(s.key_direction);
    across_ = -1 / (std::abs(key_in_head_.x) < 1e-6f ? 1e-6f : key_in_head_.x);
    for (int i = 0; i < 64; ++i) ridge_[i] = h.surface(0, static_cast<float>(i - 16));
  }
  // Share of the lamp's light that passes the nose on its way to p: where the ray to the lamp crosses the plane x = 0
  // it must be above the middle line.
  Lanes past_nose(const Lanes3& p) const {
    const Lanes t = p.x * across_, y = p.y + key_in_head_.y * t, z = p.z + key_in_head_.z * t;
    const Mask crosses =
        (p.x * key_in_head_.x < 0) & (abs(p.x) <= 30) & (p.y >= -16) & (p.y <= 46) & (y >= -15) & (y < 46);
    if (!any(crosses)) return 1;
    const Ints row = to_int(only(crosses, y + 16));
    const Lanes ridge = Floats{ridge_[row[0]], ridge_[row[1]], ridge_[row[2]], ridge_[row[3]]};
    return select(crosses, clamp01((z - ridge) * 0.45f + 1.0f), 1);
  }
  // Sky and ground, a wrapped Lambert term for each lamp, and a Blinn highlight (n.h)^16.
  Lanes3 reflected(const Surface& s, const Lanes3& normal, Lanes lamp) const {
    const Lanes by_key = positive((dot(normal, key_direction_) + 0.12f) * 0.893f) * lamp;
    const Lanes by_fill = positive((dot(normal, fill_direction_) + 0.2f) * 0.833f);
    const Lanes up = (0.5f - 0.5f * normal.y) * s.open, down = (0.5f + 0.5f * normal.y) * s.open;
    const Lanes c = positive(dot(normal, half_)), c4 = square(square(c));
    const Lanes shine = square(square(c4)) * s.gloss * lamp;
    return s.albedo * (sky_ * up + ground_ * down + key_ * by_key + fill_ * by_fill) + key_ * shine;
  }

 private:
  Lanes3 key_direction_, fill_direction_, half_, key_, fill_, sky_, ground_;
  Vec3 key_in_head_;
  float across_;                 // how far along the ray the plane x = 0 lies, per unit of x
  std::array<float, 64> ridge_;  // z of the middle line at y = row - 16: it throws the nose's shadow
};

// Everything that the colour of a point depends on.
struct Sitter {
  const Scene& scene;
  const Head& head;
  const Palette& palette;
  const Face& face;
};

Surface scalp_or_face(const Lanes3& p, const Face& face) {
  const Mask hair = face.hair_at(p);
  if (!any(hair)) return face.at(p);
  const Surface shaven{face.hair_colour(p), 0.02f, 0.9f};
  return all(hair) ? shaven : select(hair, shaven, face.at(p));
}

Surface surface_of(Material material, const Lanes3& p, const Sitter& o) {
  switch (material) {
    case Material::skin:
      return scalp_or_face(p, o.face);
    case Material::ear: {
      const Lanes fold = select((abs(p.y - 6) < 9) & (p.z > -11), 0.8f, 1.0f);
      return {mix(o.palette.skin, o.palette.flush, 0.45f) * fold, 0.05f, 0.85f};
    }
    case Material::neck: {
      const Lanes under = clamp01((p.y - o.head.chin + 8) * (1 / 30.0f));
      return {o.palette.skin * (0.50f + 0.42f * under), 0.03f, 0.35f + 0.5f * under};
    }
    case Material::hair:
      return {o.face.hair_colour(p), 0.04f, 0.9f};
    case Material::hat: {
      const float rib = o.scene.hat == Scene::Hat::beanie ? 0.08f : 0;
      return {o.scene.hat_colour * (1 - rib * to_float(to_int(p.x * 0.5f + p.z * 0.5f + 200) & 1)), 0.01f, 1};
    }
    default:
      return {o.scene.cloth_colour, 0.01f, 0.8f};
  }
}

// Of four pixels, mostly of one material; where there is none, anything.
Surface surface_at(Ints material, Mask here, const Lanes3& p, const Sitter& sitter) {
  Surface s;
  for (int lane = 0; any(here); ++lane) {
    if (here.bits[lane] == 0) continue;
    const Mask same{material == material[lane]};
    const Surface one = surface_of(static_cast<Material>(material[lane]), p, sitter);
    if (all(same)) return one;
    s = select(same, one, s);
    here = here & !same;
  }
  return s;
}

// Four pixels of a vertical gradient with soft discs. x, y: in pixels of the 112 template.
Lanes3 backdrop(const Scene& s, const Vec3& colour, Lanes x, float y) {
  Lanes3 c = colour;
  for (int i = 0; i < s.blob_count; ++i) {
    const Blob& blob = s.blobs[i];
    const float scale = 2.5f / (blob.radius * blob.radius), row = 2.5f - square(y - blob.y) * scale;
    if (row > 0) c = mix(c, blob.colour, clamp01(row - square(x - blob.x) * scale));
  }
  return c;
}

Mask is(Ints material, Material m) { return {material == static_cast<int32_t>(m)}; }

// The last group of a row may overlap the one before it, and then finds the same colours again.
void paint_row(int y, const View& view, const Layers& layers, const Sitter& sitter, const Lights& lights,
               Picture& out) {
  const int n = layers.size, row = y * n;
  const float unit = 112.0f / n;
  const Vec3 behind = mix(sitter.scene.backdrop[0], sitter.scene.backdrop[1], static_cast<float>(y) / n);
  const Lanes3 right = view.rotation[0] * (1 / view.scale), toward = view.rotation[2] * (1 / view.scale);
  const Lanes3 start = view.to_head(0, static_cast<float>(y), 0);
  const float *depth = &layers.depth[row], *nx = &layers.nx[row], *ny = &layers.ny[row],
              *nz = &layers.nz[row];
  float *red = &out.plane[0][row], *green = &out.plane[1][row], *blue = &out.plane[2][row];
  for (int x = 0; x < n; x += 4) {
    const int i = std::min(x, n - 4);
    const Lanes column = static_cast<float>(i) + steps();
    const Ints material = layers.materials(row + i);
    const Mask here = !is(material, Material::none), skin = is(material, Material::skin);
    Lanes3 colour;
    if (!all(here)) colour = backdrop(sitter.scene, behind, column * unit, y * unit);
    if (any(here)) {
      const Lanes3 p = start + right * column + toward * load(depth + i);
      const Surface s = surface_at(material, here, p, sitter);
      const Lanes lamp = any(skin) ? select(skin, lights.past_nose(p), 1) : 1;
      const Lanes3 lit = lights.reflected(s, {load(nx + i), load(ny + i), load(nz + i)}, lamp);
      colour = select(here, lit, colour);
    }
    store(red + i, colour.x), store(green + i, colour.y), store(blue + i, colour.z);
  }
}

}  // namespace

Image render_face(uint64_t seed, const Identity& person, int64_t identity, int64_t sample, int size,
                  double difficulty, int style) {
  FR_CHECK(size >= 32 && size <= 512, "render_face: size must be 32..512, got ", size);
  FR_CHECK(difficulty >= 0 && difficulty <= 4, "render_face: difficulty must be 0..4, got ", difficulty);
  style_name(style);
  const Scene scene = draw_scene(seed, person, identity, sample, difficulty, style);
  const int n = std::max(32, static_cast<int>(std::lround(scene.resolution * size)));
  const Head head = make_head(person, scene);
  const View view = align(head, scene, n);
  const Palette palette(person, scene);
  const Texture texture(seed, identity);
  const Face face(person, scene, head, palette, texture, view.scale);
  const Lights lights(scene, head, view);
  thread_local Layers layers;
  thread_local Picture picture;
  layers.reset(n), picture.reset(n);
  draw_head(head, view, layers);
  draw_ears(head, view, layers);
  draw_body(view, layers);
  draw_hair(person, head, face, view, layers);
  draw_hat(scene, head, view, layers);
  const Sitter sitter{scene, head, palette, face};
  for (int y = 0; y < n; ++y) paint_row(y, view, layers, sitter, lights, picture);
  soften_edges(layers, picture);
  Image image = photograph(picture, scene);
  return n == size ? image : resize(image, size, size);
}

}  // namespace fr
