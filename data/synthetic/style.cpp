#include "data/synthetic/style.h"

#include "base/error.h"

namespace fr {
namespace synthetic {
namespace {

float between(Random& random, double low, double high) {
  return static_cast<float>(random.uniform(low, high));
}
float either_side(Random& random) { return random.chance(0.5) ? 1.0f : -1.0f; }

void studio(Scene& s, Random& random) {
  s.yaw *= 0.5f, s.pitch *= 0.5f, s.hat = Scene::Hat::none;
  s.key_direction = normalised({0.5f * either_side(random), -0.5f, 0.9f});
  s.fill_direction = normalised({-s.key_direction.x, 0, 0.8f});
  const float bright = between(random, 0.9, 1.1);
  s.key = Vec3{1, 1, 1} * (0.62f * bright), s.fill = Vec3{1, 1, 1} * (0.30f * bright);
  s.sky = Vec3{1, 1, 1} * (0.36f * bright), s.ground = Vec3{1, 1, 1} * (0.30f * bright);
  const float level = between(random, 0.35, 0.85);
  s.backdrop[1] = Vec3{0.92f, 0.97f, 1.06f} * level, s.backdrop[0] = s.backdrop[1] * 0.75f;
  s.blob_count = 0;
  s.white_balance = {1, 1, 1}, s.exposure = 1.05f, s.saturation = 1.05f, s.contrast = 1.05f, s.lift = 0;
  s.blur = 0.25f, s.noise = 0.8f, s.quality = 95;
}

void surveillance(Scene& s, Random& random) {
  s.resolution = between(random, 0.33, 0.5);
  s.pitch = std::clamp(s.pitch + between(random, 0.1, 0.3), -0.4f, 0.4f);
  s.key_direction = normalised({s.key_direction.x * 0.6f, -1.1f, 0.5f});
  s.white_balance = Vec3{0.90f, 1.04f, 0.95f} * between(random, 0.95, 1.05);
  s.exposure *= 0.85f, s.saturation *= 0.45f;
  s.contrast *= 0.75f, s.lift = between(random, 0.04, 0.10);
  s.blur = between(random, 0.8, 1.8);
  s.noise = between(random, 7, 13), s.quality = static_cast<int>(between(random, 20, 40));
}

void infrared(Scene& s, Random& random) {
  s.grey = {0.90f, 0.15f, -0.05f}, s.saturation = 0;
  s.key_direction = normalised({between(random, -0.15, 0.15), between(random, -0.2, 0.05), 1});
  const float lamp = between(random, 0.75, 1.05);
  s.key = Vec3{1, 1, 1} * lamp, s.fill = s.fill * 0.3f;
  s.sky = Vec3{1, 1, 1} * 0.08f, s.ground = Vec3{1, 1, 1} * 0.06f;
  const float dark = between(random, 0.02, 0.15);
  for (Vec3& c : s.backdrop) c = c * dark;
  for (Blob& b : s.blobs) b.colour = b.colour * dark;
  s.white_balance = {1, 1, 1}, s.exposure = between(random, 0.85, 1.15);
  s.contrast = 1.1f, s.lift = 0.02f;
  s.blur = between(random, 0.5, 1.0), s.noise = between(random, 4, 8);
  s.quality = static_cast<int>(between(random, 50, 80));
}

void stage(Scene& s, Random& random) {
  static constexpr Vec3 kLamps[] = {{1.0f, 0.30f, 0.15f},
                                    {0.30f, 0.50f, 1.0f},
                                    {1.0f, 0.35f, 0.85f},
                                    {0.35f, 1.0f, 0.55f},
                                    {1.0f, 0.75f, 0.25f}};
  const uint32_t kinds = std::size(kLamps), key = random.below(kinds);
  const uint32_t fill = (key + 1 + random.below(kinds - 1)) % kinds;
  const float side = either_side(random) * between(random, 0.6, 1.1);
  s.key_direction = normalised({std::sin(side), between(random, -0.7, -0.1), 0.2f + std::cos(side)});
  s.fill_direction = normalised({-std::sin(side), 0.1f, 0.5f});
  s.key = kLamps[key] * between(random, 1.3, 1.8), s.fill = kLamps[fill] * between(random, 0.10, 0.30);
  s.sky = kLamps[key] * 0.10f + Vec3{0.06f, 0.06f, 0.06f}, s.ground = kLamps[fill] * 0.10f;
  for (Vec3& c : s.backdrop) c = c * kLamps[fill] * 0.25f;
  for (Blob& b : s.blobs) b.colour = b.colour * kLamps[random.below(kinds)] * 0.8f;
  s.white_balance = {1, 1, 1}, s.saturation = 1.15f, s.contrast = 1.15f, s.lift = 0;
  s.blur = 0.5f, s.noise = between(random, 2, 5), s.quality = 80;
}

}  // namespace

void restyle(Scene& scene, int style, Random& random) {
  switch (style) {
    case 1:
      return studio(scene, random);
    case 2:
      return surveillance(scene, random);
    case 3:
      return infrared(scene, random);
    case 4:
      return stage(scene, random);
    default:
      return;
  }
}

}  // namespace synthetic

const char* style_name(int style) {
  static constexpr const char* kNames[kStyles] = {"snapshot", "studio", "surveillance", "infrared", "stage"};
  FR_CHECK(style >= 0 && style < kStyles, "synthetic: style 0..", kStyles - 1, ", got ", style);
  return kNames[style];
}

}  // namespace fr
