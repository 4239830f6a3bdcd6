#include "data/synthetic/face.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "data/synthetic/camera.h"
#include "data/synthetic/paint.h"

namespace fr {

using namespace synthetic;

namespace {

bool keep_hair(const void* face, Vec3 p) { return static_cast<const Face*>(face)->hair_at(p); }
bool keep_hat(const void*, Vec3 p) { return p.y < -27 + 0.002f * p.x * p.x - 0.18f * p.z + 4; }

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

// Light falls on a scene; per picture precomputed for the pixel loop.
struct Lights {
  Vec3 half, key_in_head;
  float across;                 // how far along the ray the plane x = 0 lies, per unit of x
  std::array<float, 64> ridge;  // z of the middle line at y = row - 16: it throws the nose's shadow

  Lights(const Scene& s, const Head& h, const View& view) {
    half = normalised(s.key_direction + Vec3{0, 0, 1});
    key_in_head = view.turn_back(s.key_direction);
    across = -1 / (std::abs(key_in_head.x) < 1e-6f ? 1e-6f : key_in_head.x);
    for (int i = 0; i < 64; ++i) ridge[i] = h.surface(0, static_cast<float>(i - 16));
  }
  // Share of the lamp's light that passes the nose on its way to p: where the ray to the lamp crosses the plane x = 0
  // it must be above the middle line.
  float past_nose(Vec3 p) const {
    if (p.x * key_in_head.x >= 0 || p.x * p.x > 900 || p.y < -16 || p.y > 46) return 1;
    const float t = p.x * across, y = p.y + key_in_head.y * t, z = p.z + key_in_head.z * t;
    if (y < -15 || y >= 46) return 1;
    return clamp01((z - ridge[static_cast<int>(y + 16)]) * 0.45f + 1.0f);
  }
};

// What the light needs to know about one row of pixels; an array per quantity, so that it runs on vectors.
struct Row {
  std::vector<float> red, green, blue, gloss, open, lamp, here;
  void reset(int n) {
    for (auto* v : {&red, &green, &blue, &gloss, &open, &lamp, &here}) v->assign(n, 0.0f);
  }
};

// max(v, 0) without a branch: gcc 12 does not vectorise the other forms here.
inline float positive(float v) { return 0.5f * (v + std::abs(v)); }

// Sky and ground, a wrapped Lambert term for each lamp, and a Blinn highlight (n.h)^16, where there is a surface.
void light_row(const Row& row, const Layers& layers, int y, const Scene& s, const Lights& lights,
               Picture& out) {
  const int n = layers.size, start = y * n;
  const float *nx = &layers.nx[start], *ny = &layers.ny[start], *nz = &layers.nz[start];
  const float *red = row.red.data(), *green = row.green.data(), *blue = row.blue.data(),
              *here = row.here.data();
  const float *gloss = row.gloss.data(), *open = row.open.data(), *lamp = row.lamp.data();
  float *r = &out.plane[0][start], *g = &out.plane[1][start], *b = &out.plane[2][start];
  const Vec3 k = s.key_direction, f = s.fill_direction, h = lights.half;
  const Vec3 key = s.key, fill = s.fill, sky = s.sky, ground = s.ground;
#pragma omp simd
  for (int x = 0; x < n; ++x) {
    const float to_key = (nx[x] * k.x + ny[x] * k.y + nz[x] * k.z + 0.12f) * 0.893f;
    const float to_fill = (nx[x] * f.x + ny[x] * f.y + nz[x] * f.z + 0.2f) * 0.833f;
    const float by_key = positive(to_key) * lamp[x], by_fill = positive(to_fill);
    const float up = (0.5f - 0.5f * ny[x]) * open[x], down = (0.5f + 0.5f * ny[x]) * open[x];
    const float c = positive(nx[x] * h.x + ny[x] * h.y + nz[x] * h.z);
    const float c2 = c * c, c4 = c2 * c2, c8 = c4 * c4, shine = c8 * c8 * gloss[x] * lamp[x];
    const float lit_r =
        red[x] * (sky.x * up + ground.x * down + key.x * by_key + fill.x * by_fill) + key.x * shine;
    const float lit_g =
        green[x] * (sky.y * up + ground.y * down + key.y * by_key + fill.y * by_fill) + key.y * shine;
    const float lit_b =
        blue[x] * (sky.z * up + ground.z * down + key.z * by_key + fill.z * by_fill) + key.z * shine;
    r[x] += (lit_r - r[x]) * here[x], g[x] += (lit_g - g[x]) * here[x], b[x] += (lit_b - b[x]) * here[x];
  }
}

Surface surface_at(Material material, Vec3 p, const Scene& s, const Head& h, const Palette& palette,
                   const Face& face) {
  switch (material) {
    case Material::skin:
      return face.hair_at(p) ? Surface{face.hair_colour(p), 0.02f, 0.9f} : face.at(p);
    case Material::ear: {
      const float fold = std::abs(p.y - 6) < 9 && p.z > -11 ? 0.8f : 1.0f;
      return {mix(palette.skin, palette.flush, 0.45f) * fold, 0.05f, 0.85f};
    }
    case Material::neck: {
      const float under = clamp01((p.y - h.chin + 8) / 30);
      return {palette.skin * (0.50f + 0.42f * under), 0.03f, 0.35f + 0.5f * under};
    }
    case Material::hair:
      return {face.hair_colour(p), 0.04f, 0.9f};
    case Material::hat: {
      const float rib =
          s.hat == Scene::Hat::beanie ? 0.08f * (static_cast<int>(p.x * 0.5f + p.z * 0.5f + 200) & 1) : 0;
      return {s.hat_colour * (1 - rib), 0.01f, 1};
    }
    default:
      return {s.cloth_colour, 0.01f, 0.8f};
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
      const float scale = 2.5f / (blob.radius * blob.radius), dy = y * unit - blob.y,
                  row = 2.5f - dy * dy * scale;
      if (row <= 0) continue;
#pragma omp simd
      for (int x = 0; x < size; ++x) {
        const float dx = x * unit - blob.x, a = row - dx * dx * scale, t = a < 0 ? 0 : a > 1 ? 1 : a;
        r[x] += (blob.colour.x - r[x]) * t, g[x] += (blob.colour.y - g[x]) * t,
            b[x] += (blob.colour.z - b[x]) * t;
      }
    }
  }
}

}  // namespace

Image render_face(uint64_t seed, const Identity& person, int64_t identity, int64_t sample, int size,
                  double difficulty) {
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
  layers.reset(size), picture.reset(size);
  Row row;
  draw_head(head, view, layers);
  draw_ears(head, view, layers);
  draw_body(view, layers);
  draw_hair(person, head, face, view, layers);
  draw_hat(scene, head, view, layers);
  background(scene, size, picture);
  const Vec3 right = view.rotation[0] * (1 / view.scale), toward = view.rotation[2] * (1 / view.scale);
  for (int y = 0; y < size; ++y) {
    const Material* material = &layers.material[y * size];
    const float* depth = &layers.depth[y * size];
    const Vec3 start = view.to_head(0, static_cast<float>(y), 0);
    row.reset(size);
    for (int x = 0; x < size; ++x) {
      if (material[x] == Material::none) continue;
      const Vec3 p = start + right * static_cast<float>(x) + toward * depth[x];
      const Surface s = surface_at(material[x], p, scene, head, palette, face);
      row.red[x] = s.albedo.x, row.green[x] = s.albedo.y, row.blue[x] = s.albedo.z;
      row.gloss[x] = s.gloss, row.open[x] = s.open, row.here[x] = 1;
      row.lamp[x] = material[x] == Material::skin ? lights.past_nose(p) : 1;
    }
    light_row(row, layers, y, scene, lights, picture);
  }
  soften_edges(layers, picture);
  return photograph(picture, scene);
}

}  // namespace fr
