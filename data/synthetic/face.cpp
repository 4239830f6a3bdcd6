#include "data/synthetic/face.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "data/synthetic/camera.h"
#include "data/synthetic/paint.h"

namespace fr {
namespace {

bool keep_hair(const void* face, Vec3 p) { return static_cast<const Face*>(face)->hair_at(p); }
bool keep_hat(const void*, Vec3 p) { return p.y < -27 + 0.002f * p.x * p.x - 0.18f * p.z + 4; }

void draw_ears(const Head& h, const View& view, Layers& layers) {
  const float x = h.width(4) + 0.4f + 1.1f * (h.ear_out > 0 ? h.ear_out : 0.5f * h.ear_out), size = h.ear_size;
  for (float side : {-1.0f, 1.0f}) {
    draw_ellipsoid({{side * x, 6, -7}, {2.6f + 0.5f * h.ear_out, 14 * size, 7.5f * size}, Material::ear}, view, nullptr, nullptr, layers);
    draw_ellipsoid({{side * (x - 0.5f), 15, -5}, {2.0f, 6 * size, 4.5f}, Material::ear}, view, nullptr, nullptr, layers);
  }
}

void draw_body(const View& view, Layers& layers) {
  draw_ellipsoid({{0, 92, -14}, {25, 80, 24}, Material::neck}, view, nullptr, nullptr, layers);
  draw_ellipsoid({{0, 141, -16}, {105, 52, 44}, Material::cloth}, view, nullptr, nullptr, layers);
}

void draw_hair(const Identity& id, const Head& h, const Face& face, const View& view, Layers& layers) {
  const float grow = h.hair_grow, wide = h.width(-14) + 1.2f + grow;
  if (id[Trait::hair_recede] > 0.93f && id[Trait::fringe] < 0.45f) return;
  draw_ellipsoid({{0, -13, -6}, {wide, 55 + grow, 53 + 0.5f * grow}, Material::hair}, view, keep_hair, &face, layers);
  if (!h.long_hair) return;
  draw_ellipsoid({{0, 26, -12}, {wide + 2.5f, 96, 40}, Material::hair}, view, keep_hair, &face, layers);
}

void draw_hat(const Scene& scene, const Head& h, const View& view, Layers& layers) {
  if (scene.hat == Scene::Hat::none) return;
  const float wide = h.width(-20) + 4.5f + 0.4f * h.hair_grow;
  draw_ellipsoid({{0, -14, -4}, {wide, 60, 56}, Material::hat}, view, keep_hat, nullptr, layers);
  if (scene.hat == Scene::Hat::cap) {
    draw_ellipsoid({{0, -30, 40}, {36, 4, 32}, Material::hat}, view, nullptr, nullptr, layers);
  }
}

// Light falls on a scene; per picture precomputed for the pixel loop.
struct Lights {
  Vec3 half, key_in_head;
  std::array<float, 64> ridge;  // z of the middle line at y = row - 16: it throws the nose's shadow

  Lights(const Scene& s, const Head& h, const View& view) {
    half = normalised(s.key_direction + Vec3{0, 0, 1});
    key_in_head = view.turn_back(s.key_direction);
    for (int i = 0; i < 64; ++i) ridge[i] = h.surface(0, static_cast<float>(i - 16));
  }
  // Share of the lamp's light that passes the nose on its way to p: where the ray to the lamp crosses the plane x = 0
  // it must be above the middle line.
  float past_nose(Vec3 p) const {
    const float toward = -p.x * key_in_head.x;
    if (toward <= 0 || p.x * p.x > 900 || p.y < -16 || p.y > 46) return 1;
    const float t = p.x * p.x / toward, y = p.y + key_in_head.y * t, z = p.z + key_in_head.z * t;
    if (y < -15 || y >= 46) return 1;
    return clamp01((z - ridge[static_cast<int>(y + 16)]) * 0.45f + 1.0f);
  }
};

// What the light needs to know about each pixel; one array per quantity, so that the light runs on vectors.
struct Canvas {
  std::vector<float> red, green, blue, gloss, open, lamp;
  void reset(size_t n) {
    for (auto* v : {&red, &green, &blue, &gloss, &open, &lamp}) v->resize(n);
  }
  void set(size_t i, const Surface& s, float light) {
    red[i] = s.albedo.x, green[i] = s.albedo.y, blue[i] = s.albedo.z;
    gloss[i] = s.gloss, open[i] = s.open, lamp[i] = light;
  }
};

// Sky and ground, a wrapped Lambert term for each lamp, and a Blinn highlight (n.h)^16.
void light_row(const Canvas& c, const Layers& layers, int row, const Scene& s, const Lights& lights, Picture& out) {
  const int n = layers.size, start = row * n;
  const Material* material = &layers.material[start];
  const float *nx = &layers.nx[start], *ny = &layers.ny[start], *nz = &layers.nz[start];
  const float *red = &c.red[start], *green = &c.green[start], *blue = &c.blue[start];
  const float *gloss = &c.gloss[start], *open = &c.open[start], *lamp = &c.lamp[start];
  float *r = &out.plane[0][start], *g = &out.plane[1][start], *b = &out.plane[2][start];
  const Vec3 k = s.key_direction, f = s.fill_direction, h = lights.half;
#pragma omp simd
  for (int x = 0; x < n; ++x) {
    const float to_key = (nx[x] * k.x + ny[x] * k.y + nz[x] * k.z + 0.12f) * 0.893f * lamp[x];
    const float to_fill = (nx[x] * f.x + ny[x] * f.y + nz[x] * f.z + 0.2f) * 0.833f;
    const float key = to_key > 0 ? to_key : 0, fill = to_fill > 0 ? to_fill : 0;
    const float up = (0.5f - 0.5f * ny[x]) * open[x], down = (0.5f + 0.5f * ny[x]) * open[x];
    float shine = nx[x] * h.x + ny[x] * h.y + nz[x] * h.z;
    shine = shine > 0 ? shine : 0;
    shine *= shine, shine *= shine, shine *= shine, shine *= shine;
    shine *= gloss[x] * lamp[x];
    const float lit_r = red[x] * (s.sky.x * up + s.ground.x * down + s.key.x * key + s.fill.x * fill) + s.key.x * shine;
    const float lit_g = green[x] * (s.sky.y * up + s.ground.y * down + s.key.y * key + s.fill.y * fill) + s.key.y * shine;
    const float lit_b = blue[x] * (s.sky.z * up + s.ground.z * down + s.key.z * key + s.fill.z * fill) + s.key.z * shine;
    const bool there = material[x] != Material::none;
    r[x] = there ? lit_r : r[x], g[x] = there ? lit_g : g[x], b[x] = there ? lit_b : b[x];
  }
}

Surface surface_at(Material material, Vec3 p, const Scene& s, const Head& h, const Palette& palette, const Face& face) {
  switch (material) {
    case Material::skin: return face.hair_at(p) ? Surface{face.hair_colour(p), 0.02f, 0.9f} : face.at(p);
    case Material::ear: {
      const float fold = std::abs(p.y - 6) < 9 && p.z > -11 ? 0.8f : 1.0f;
      return {mix(palette.skin, palette.flush, 0.45f) * fold, 0.05f, 0.85f};
    }
    case Material::neck: {
      const float under = clamp01((p.y - h.chin + 8) / 30);
      return {palette.skin * (0.50f + 0.42f * under), 0.03f, 0.35f + 0.5f * under};
    }
    case Material::hair: return {face.hair_colour(p), 0.04f, 0.9f};
    case Material::hat: {
      const float rib = s.hat == Scene::Hat::beanie ? 0.08f * (static_cast<int>(p.x * 0.5f + p.z * 0.5f + 200) & 1) : 0;
      return {s.hat_colour * (1 - rib), 0.01f, 1};
    }
    default: return {s.cloth_colour, 0.01f, 0.8f};
  }
}

// A vertical gradient with soft discs.
void background(const Scene& s, int size, Picture& out) {
  const float unit = 112.0f / size;
  for (int y = 0; y < size; ++y) {
    const Vec3 colour = mix(s.backdrop[0], s.backdrop[1], static_cast<float>(y) / size);
    float *r = &out.plane[0][y * size], *g = &out.plane[1][y * size], *b = &out.plane[2][y * size];
    std::fill_n(r, size, colour.x), std::fill_n(g, size, colour.y), std::fill_n(b, size, colour.z);
    for (int i = 0; i < s.blob_count; ++i) {
      const Blob& blob = s.blobs[i];
      const float scale = 2.5f / (blob.radius * blob.radius), dy = y * unit - blob.y, row = 2.5f - dy * dy * scale;
      if (row <= 0) continue;
#pragma omp simd
      for (int x = 0; x < size; ++x) {
        const float dx = x * unit - blob.x, a = row - dx * dx * scale, t = a < 0 ? 0 : a > 1 ? 1 : a;
        r[x] += (blob.colour.x - r[x]) * t, g[x] += (blob.colour.y - g[x]) * t, b[x] += (blob.colour.z - b[x]) * t;
      }
    }
  }
}

}  // namespace

Image render_face(uint64_t seed, const Identity& person, int64_t identity, int64_t sample, int size, double difficulty) {
  FR_CHECK(size >= 32 && size <= 512, "render_face: size must be 32..512, got ", size);
  FR_CHECK(difficulty >= 0 && difficulty <= 4, "render_face: difficulty must be 0..4, got ", difficulty);
  const Scene scene = draw_scene(seed, person, identity, sample, difficulty);
  const Head head = make_head(person, scene);
  const View view = align(head, scene, size);
  const Palette palette(person, scene);
  const Texture texture(seed, identity);
  const Face face(person, scene, head, palette, texture, view.scale);
  const Lights lights(scene, head, view);
  thread_local Layers layers;
  thread_local Picture picture;
  thread_local Canvas canvas;
  layers.reset(size), picture.reset(size), canvas.reset(static_cast<size_t>(size) * size);
  draw_head(head, view, layers);
  draw_ears(head, view, layers);
  draw_body(view, layers);
  draw_hair(person, head, face, view, layers);
  draw_hat(scene, head, view, layers);
  background(scene, size, picture);
  for (int y = 0; y < size; ++y) {
    for (int x = 0; x < size; ++x) {
      const int i = y * size + x;
      const Material material = layers.material[i];
      if (material == Material::none) continue;
      const Vec3 p = view.to_head(static_cast<float>(x), static_cast<float>(y), layers.depth[i]);
      const float lamp = material == Material::skin ? lights.past_nose(p) : 1;
      canvas.set(i, surface_at(material, p, scene, head, palette, face), lamp);
    }
    light_row(canvas, layers, y, scene, lights, picture);
  }
  soften_edges(layers, picture);
  return photograph(picture, scene);
}

}  // namespace fr
