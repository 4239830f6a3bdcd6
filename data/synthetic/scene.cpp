#include "data/synthetic/scene.h"

#include <algorithm>
#include <cmath>

#include "base/philox.h"
#include "data/synthetic/style.h"

namespace fr::synthetic {
namespace {

// How a group is photographed. Temperature < 0 is cold light, > 0 warm.
struct Capture {
  float yaw, light, temperature, exposure, saturation, blur, noise, hat, best_quality, worst_quality;
};
constexpr Capture kCapture[kGroups] = {
    {0.30f, 0.9f, 0.0f, 1.00f, 1.00f, 0.45f, 2.0f, 0.10f, 95, 60},   // varied, good cameras
    {0.20f, 0.7f, 0.5f, 0.95f, 1.05f, 0.50f, 3.0f, 0.08f, 92, 50},   // indoors, warm lamps
    {0.30f, 1.2f, 0.1f, 1.25f, 0.95f, 0.60f, 4.0f, 0.12f, 90, 45},   // hard light
    {0.36f, 1.0f, -0.4f, 0.80f, 0.35f, 0.90f, 6.0f, 0.08f, 80, 30},  // a greyish surveillance camera
};

// One draw per full expression: the order of evaluation of arguments is the compiler's choice.
struct Draw {
  Random random;
  float hard;  // multiplies the spread of every nuisance
  float uniform(double a, double b) { return static_cast<float>(random.uniform(a, b)); }
  float normal(double deviation) {
    return static_cast<float>(std::clamp(random.normal(), -2.2, 2.2) * deviation) * hard;
  }
  bool chance(double p) { return random.chance(p); }
  Vec3 colour(double low, double high) {
    const float v = uniform(low, high), s = uniform(0, 0.6);
    const Vec3 hue{uniform(1 - s, 1), uniform(1 - s, 1), uniform(1 - s, 1)};
    return linear_colour(v * hue.x, v * hue.y, v * hue.z);
  }
};

void draw_pose(Scene& s, Draw& d, const Capture& c) {
  s.yaw = std::clamp(d.normal(c.yaw), -0.85f, 0.85f);
  s.pitch = std::clamp(d.normal(0.13), -0.40f, 0.40f);
  s.jitter_x = d.normal(0.9), s.jitter_y = d.normal(0.9);
  s.jitter_scale = 1 + d.normal(0.022), s.jitter_roll = d.normal(0.03);
  s.smile = std::max(-0.3f, 0.4f + d.normal(0.45));
  s.mouth_open = d.chance(0.35) ? d.uniform(0.1, 1) * std::min(1.2f, d.hard) : 0;
  s.eye_open = d.chance(0.04) ? 0.08f : std::clamp(1 + d.normal(0.15), 0.5f, 1.3f);
  s.brow_raise = d.normal(0.8);
  s.gaze_x = d.normal(0.35), s.gaze_y = d.normal(0.2);
  s.hair_change = d.normal(0.5), s.beard_change = d.normal(0.12), s.tan = d.normal(0.035);
}

void draw_accessories(Scene& s, Draw& d, const Identity& person, const Capture& c) {
  const float habit = person[Trait::glasses];
  if (d.chance(habit > 0.3f ? 0.85 : 0.04 * d.hard))
    s.eyewear = habit > 0.6f ? Scene::Eyewear::thick : Scene::Eyewear::thin;
  if (d.chance(0.025 * d.hard)) s.eyewear = Scene::Eyewear::dark;
  s.frame_colour = d.chance(0.7) ? linear_colour(35, 30, 30) : d.colour(60, 200);
  if (d.chance(c.hat * d.hard)) s.hat = d.chance(0.5) ? Scene::Hat::beanie : Scene::Hat::cap;
  s.hat_colour = d.colour(20, 230), s.cloth_colour = d.colour(15, 240);
}

void draw_light(Scene& s, Draw& d, const Capture& c) {
  const float side = d.normal(0.75 * c.light), up = 0.35f + d.normal(0.35 * c.light);
  s.key_direction = normalised({std::sin(side), -up, 0.25f + std::max(0.0f, std::cos(side))});
  s.fill_direction = normalised({-std::sin(side) + d.normal(0.5), d.normal(0.4), 0.6f});
  const auto tint = [&](float warm) { return Vec3{1 + 0.12f * warm, 1, 1 - 0.17f * warm}; };
  const float hardness = std::clamp(0.55f + d.normal(0.22 * c.light), 0.1f, 0.95f);
  const float warm = c.temperature + d.normal(0.55);
  s.key = tint(warm) * (1.15f * hardness);
  s.fill = tint(-0.5f * warm + d.normal(0.4));
  s.fill = s.fill * ((1 - hardness) * d.uniform(0.2, 0.7));
  const float ambient = 0.22f + 0.50f * (1 - hardness);
  s.sky = tint(0.5f * warm + d.normal(0.3));
  s.sky = s.sky * (ambient * d.uniform(0.9, 1.2));
  s.ground = tint(warm) * (ambient * d.uniform(0.5, 0.9));
}

void draw_background(Scene& s, Draw& d) {
  s.backdrop[0] = d.colour(10, 240), s.backdrop[1] = d.colour(10, 240);
  s.backdrop[1] = mix(s.backdrop[0], s.backdrop[1], d.uniform(0.2, 1));
  s.blob_count = static_cast<int>(d.random.below(6));
  for (int i = 0; i < s.blob_count; ++i) {
    s.blobs[i] = {d.uniform(-10, 122), d.uniform(-10, 122), d.uniform(8, 45), d.colour(10, 250)};
  }
}

void draw_camera(Scene& s, Draw& d, const Capture& c) {
  const float warm = d.normal(0.5) + 0.4f * c.temperature;
  s.white_balance = {1 + 0.08f * warm, 1 + d.normal(0.02), 1 - 0.10f * warm};
  s.exposure = c.exposure * std::exp2(d.normal(0.42));
  s.saturation = std::max(0.0f, c.saturation + d.normal(0.15));
  if (d.chance(0.05 * d.hard)) s.saturation = 0;
  s.contrast = std::clamp(1 + d.normal(0.12), 0.65f, 1.4f), s.lift = std::max(0.0f, d.normal(0.02));
  s.blur = c.blur * (0.6f + std::abs(d.normal(0.8)));
  if (d.chance(0.06 * d.hard)) s.blur += d.uniform(0.8, 1.8);
  s.noise = c.noise * d.uniform(0.3, 1.5) * d.hard;
  s.quality = static_cast<int>(d.uniform(c.worst_quality, c.best_quality));
  s.noise_seed = d.random.bits() | 1;
}

}  // namespace

Vec3 linear_colour(float r, float g, float b) {
  const auto f = [](float c) {
    const float u = clamp01(c / 255);
    return u <= 0.04045f ? u / 12.92f : std::pow((u + 0.055f) / 1.055f, 2.4f);
  };
  return {f(r), f(g), f(b)};
}

Scene draw_scene(uint64_t seed, const Identity& person, int64_t identity, int64_t sample, double difficulty,
                 int style) {
  // The step holds the identity, the stream the low and the seed the high part of the sample, and the style.
  const uint64_t mixed = seed + (static_cast<uint64_t>(sample) >> 16) * 0x9E3779B97F4A7C15u +
                         static_cast<uint64_t>(style) * 0xD1B54A32D192ED03u;
  Draw d{Random({mixed, Purpose::sample, static_cast<uint64_t>(identity),
                 static_cast<uint32_t>(sample & 0xffff)}),
         static_cast<float>(difficulty)};
  const Capture& c = kCapture[person.group];
  Scene s;
  draw_pose(s, d, c);
  draw_accessories(s, d, person, c);
  draw_light(s, d, c);
  draw_background(s, d);
  draw_camera(s, d, c);
  restyle(s, style, d.random);
  return s;
}

}  // namespace fr::synthetic
