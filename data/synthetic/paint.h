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
  Lanes at(Lanes x, Lanes y) const {
    const Lanes fx = x + 4096, fy = y + 4096;
    const Ints ix = to_int(fx), iy = to_int(fy), cell = ((iy & 63) << 6) + (ix & 63);
    const Ints corners = {corners_[cell[0]], corners_[cell[1]], corners_[cell[2]], corners_[cell[3]]};
    const auto corner = [&](int k) { return to_float((corners >> (8 * k)) & 255); };
    const Lanes u = fx - to_float(ix), v = fy - to_float(iy);
    const Lanes upper = mix(corner(0), corner(1), u), lower = mix(corner(2), corner(3), u);
    return mix(upper, lower, v) * (1 / 256.0f);
  }

 private:
  std::array<int32_t, 64 * 64> corners_;  // a byte each: here, right, below, below right
};

// Linear-light colours of one person in one picture.
struct Palette {
  Vec3 skin, flush, lip, hair, brow, iris, beard;
  Palette(const Identity& person, const Scene& scene);
};

// Of four points.
struct Surface {
  Lanes3 albedo;
  Lanes gloss = 0.10f;  // strength of the highlight
  Lanes open = 1;       // share of the ambient light that reaches the point
};
Surface select(Mask m, const Surface& a, const Surface& b);

// Paints the front of the head: skin, eyes, brows, nose, mouth, beard, marks, glasses. Four points at a time; they
// should be neighbours, since what none of them touches is skipped.
class Face {
 public:
  Face(const Identity& person, const Scene& scene, const Head& head, const Palette& palette,
       const Texture& texture, float pixels_a_unit);
  Surface at(const Lanes3& p) const;
  // Do these points of the hair shell (or of the scalp) carry hair?
  Mask hair_at(const Lanes3& p) const;
  Lanes3 hair_colour(const Lanes3& p) const;

 private:
  void skin(const Lanes3& p, Lanes ax, Surface& s) const;
  void age(Lanes ax, Lanes y, Surface& s) const;
  void forehead(Lanes ax, Lanes y, Surface& s) const;
  void crows_feet(Lanes out, Lanes y, Surface& s) const;
  void beard(const Lanes3& p, Lanes ax, Surface& s) const;
  void eye(const Lanes3& p, Lanes ax, Surface& s) const;
  Lanes3 eyeball(const Lanes3& p, Lanes ex, Lanes ey, Lanes below_lid) const;
  void brow(const Lanes3& p, Lanes ax, Surface& s) const;
  void nose(Lanes ax, Lanes y, Surface& s) const;
  void mouth(const Lanes3& p, Lanes ax, Surface& s) const;
  void marks(const Lanes3& p, Surface& s) const;
  void glasses(Lanes x, Lanes y, Lanes ax, Surface& s) const;
  // Coverage of a pixel by a shape whose edge lies at signed distance d (positive inside).
  Lanes cover(Lanes d) const { return clamp01(d * sharp_ + 0.5f); }

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
