// One picture of a person: pose, expression, light, accessories, background and camera. Drawn from
// (seed, identity, sample, style); how hard the pictures are depends on `difficulty` and on the person's group.
#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

#include "data/synthetic/identity.h"

namespace fr::synthetic {

struct Vec3 {
  float x = 0, y = 0, z = 0;
};
inline Vec3 operator+(Vec3 a, Vec3 b) { return {a.x + b.x, a.y + b.y, a.z + b.z}; }
inline Vec3 operator-(Vec3 a, Vec3 b) { return {a.x - b.x, a.y - b.y, a.z - b.z}; }
inline Vec3 operator*(Vec3 a, Vec3 b) { return {a.x * b.x, a.y * b.y, a.z * b.z}; }
inline Vec3 operator*(Vec3 a, float s) { return {a.x * s, a.y * s, a.z * s}; }
inline float dot(Vec3 a, Vec3 b) { return a.x * b.x + a.y * b.y + a.z * b.z; }
inline Vec3 mix(Vec3 a, Vec3 b, float t) { return a + (b - a) * t; }
inline float square(float v) { return v * v; }
inline float clamp01(float t) { return t < 0 ? 0 : t > 1 ? 1 : t; }
inline Vec3 normalised(Vec3 v) { return v * (1 / std::sqrt(std::max(1e-20f, dot(v, v)))); }

// A colour given as on a screen (0..255 sRGB), in linear light.
Vec3 linear_colour(float r, float g, float b);

struct Blob {
  float x, y, radius;
  Vec3 colour;
};

// Colours are linear light; angles are radians; directions point from the face to the lamp (x right, y down, z to
// the camera).
struct Scene {
  float yaw = 0, pitch = 0;
  float jitter_x = 0, jitter_y = 0, jitter_scale = 1, jitter_roll = 0;
  float smile = 0, mouth_open = 0, eye_open = 1, brow_raise = 0, gaze_x = 0, gaze_y = 0;
  float hair_change = 0, beard_change = 0, tan = 0;
  enum class Eyewear { none, thin, thick, dark } eyewear = Eyewear::none;
  Vec3 frame_colour;
  enum class Hat { none, beanie, cap } hat = Hat::none;
  Vec3 hat_colour, cloth_colour;
  Vec3 key_direction{0, 0, 1}, key, fill_direction{0, 0, 1}, fill, sky, ground;
  Vec3 backdrop[2];
  std::array<Blob, 5> blobs{};
  int blob_count = 0;
  Vec3 white_balance{1, 1, 1};
  float exposure = 1, saturation = 1, contrast = 1, lift = 0;
  Vec3 grey{0.25f, 0.65f, 0.10f};  // what a colour is without saturation
  float resolution = 1;            // share of the picture's pixels a side that the camera has; it is enlarged
  float blur = 0, noise = 0;       // Gaussian sigma in pixels of the 112 template; grey levels
  int quality = 90;                // of the JPEG loss
  uint32_t noise_seed = 1;
};

Scene draw_scene(uint64_t seed, const Identity& person, int64_t identity, int64_t sample, double difficulty,
                 int style);

}  // namespace fr::synthetic
