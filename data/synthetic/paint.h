// Colours: what the surface of the person looks like at a point of the head, before light.
#pragma once
#include <array>

#include "data/synthetic/head.h"

namespace fr::synthetic {

// A 64x64 lattice of random numbers in [0, 1) that belongs to a person: blotches, freckles, strands of hair.
class Texture {
 public:
  Texture(uint64_t seed, int64_t identity);
  // Bilinear; one cell is one unit; repeats every 64.
  float at(float x, float y) const {
    const float fx = x + 4096, fy = y + 4096;
    const int ix = static_cast<int>(fx), iy = static_cast<int>(fy);
    const float u = fx - ix, v = fy - iy;
    const float* a = &value_[(iy & 63) * 64];
    const float* b = &value_[((iy + 1) & 63) * 64];
    const int i = ix & 63, j = (ix + 1) & 63;
    return (a[i] * (1 - u) + a[j] * u) * (1 - v) + (b[i] * (1 - u) + b[j] * u) * v;
  }

 private:
  std::array<float, 64 * 64> value_;
};

// Linear-light colours of one person in one picture.
struct Palette {
  Vec3 skin, flush, lip, hair, brow, iris, beard;
  Palette(const Identity& person, const Scene& scene);
};

struct Surface {
  Vec3 albedo;
  float gloss = 0.10f;  // strength of the highlight
  float open = 1;       // share of the ambient light that reaches the point
};

// Paints the front of the head: skin, eyes, brows, nose, mouth, beard, marks, glasses.
class Face {
 public:
  Face(const Identity& person, const Scene& scene, const Head& head, const Palette& palette,
       const Texture& texture, float pixels_a_unit);
  Surface at(Vec3 p) const;
  // Does this point of the hair shell (or of the scalp) carry hair?
  bool hair_at(Vec3 p) const;
  Vec3 hair_colour(Vec3 p) const;

 private:
  void skin(Vec3 p, float ax, Surface& s) const;
  void age(float ax, float y, Surface& s) const;
  void forehead(float ax, float y, Surface& s) const;
  void beard(Vec3 p, float ax, Surface& s) const;
  void eye(Vec3 p, float ax, Surface& s) const;
  void brow(Vec3 p, float ax, Surface& s) const;
  void nose(float ax, float y, Surface& s) const;
  void mouth(Vec3 p, float ax, Surface& s) const;
  void marks(Vec3 p, Surface& s) const;
  void glasses(float x, float y, float ax, Surface& s) const;
  // Coverage of a pixel by a shape whose edge lies at signed distance d (positive inside).
  float cover(float d) const { return clamp01(d * sharp_ + 0.5f); }

  const Identity& id_;
  const Scene& scene_;
  const Head& h_;
  const Palette& palette_;
  const Texture& texture_;
  float sharp_;
  float old_, fuzz_, moustache_;
  float hairy_;  // so far above the hairline there is hair whatever the noise
};

}  // namespace fr::synthetic
