// The shape of a head in one picture. Head coordinates: x right, y down, z to the camera when the pose is frontal; the
// unit is one pixel of the 112 template; the origin lies between the eyes, in the middle of the head's depth.
#pragma once
#include <array>
#include <vector>

#include "data/synthetic/lanes.h"

namespace fr::synthetic {

// Everything the mesh and the painter need, expression included. Lengths in units; `top` < 0 < `chin`.
struct Head {
  // Profiles over y: half width, front (z of the middle line), back (z of the widest place).
  static constexpr int kKnots = 12;
  std::array<float, kKnots> knot_y{}, knot_width{}, knot_front{}, knot_back{};
  float chin = 64, top = -66;
  float eye_x = 17.6f, eye_half = 8.6f, lid_up = 3.4f, lid_low = 2.3f, eye_cos = 1, eye_sin = 0, iris = 3.4f;
  float brow_y = -11, brow_thick = 2, brow_arch = 1.5f, brow_tilt = 0, brow_in = 7;
  float nose_y = 20, nose_half = 8, nose_height = 11, nose_hump = 0, nose_tip = 0;
  float mouth_y = 40.6f, mouth_half = 14.6f, lip_up = 3, lip_low = 4, mouth_gap = 0, corner = 0, bow = 0.5f;
  float socket = 4, cheekbone = 2, cheek = 0, brow_ridge = 2;
  float ear_size = 1, ear_out = 0;
  float hairline = -38, hair_side = 10, hair_back = 30, hair_ear = -6, hair_grow = 3, recede = 0;
  bool long_hair = false;

  float width(float y) const { return profile(knot_width, y); }
  float front(float y) const { return profile(knot_front, y); }
  float back(float y) const { return profile(knot_back, y); }
  // What the features add to z at (x, y) on the front of the face; the nose alone, for its shadow.
  Lanes relief(Lanes x, Lanes y) const;
  Lanes nose(Lanes x, Lanes y) const;
  // z of the front surface at (x, y), |x| < width(y).
  float surface(float x, float y) const;

 private:
  float profile(const std::array<float, kKnots>& value, float y) const;
};

Head make_head(const Identity& person, const Scene& scene);

// screen = scale * R * p + offset: orthographic, R includes the roll that the alignment leaves.
struct View {
  std::array<Vec3, 3> rotation;  // rows
  float scale = 1, x = 0, y = 0;
  // Point is Vec3 or Lanes3.
  template <class Point>
  Point to_screen(const Point& p) const {
    return {scale * dot(rotation[0], p) + x, scale * dot(rotation[1], p) + y, scale * dot(rotation[2], p)};
  }
  template <class Point>
  Point turn(const Point& p) const {
    return {dot(rotation[0], p), dot(rotation[1], p), dot(rotation[2], p)};
  }
  Vec3 turn_back(Vec3 v) const { return rotation[0] * v.x + rotation[1] * v.y + rotation[2] * v.z; }
  Vec3 to_head(float sx, float sy, float depth) const {
    return turn_back({(sx - x) / scale, (sy - y) / scale, depth / scale});
  }
};

// The pose followed by the similarity transform that brings the five landmarks nearest to ArcFace's template (least
// squares), followed by the scene's alignment jitter.
View align(const Head& head, const Scene& scene, int size);

enum class Material : int32_t { none, skin, ear, neck, hair, cloth, hat };

// What the camera sees at each pixel: normal in screen directions, depth and material. Planar, row-major. Where there
// is no material, the normal is left over from another picture.
struct Layers {
  int size = 0;
  std::vector<float> depth, nx, ny, nz;
  std::vector<Material> material;
  void reset(int pixels_a_side);
  // Of the four pixels from i on.
  Ints materials(size_t i) const {
    Ints m;
    std::memcpy(&m, &material[i], sizeof m);
    return m;
  }
  void set_material(size_t i, Mask where, Material m) {
    const Ints value = select(where, Ints{} + static_cast<int32_t>(m), materials(i));
    std::memcpy(&material[i], &value, sizeof value);
  }
};

void draw_head(const Head& head, const View& view, Layers& layers);

// An axis-aligned ellipsoid in head coordinates. `keep` (may be null) says which points of its surface exist; where the
// near wall does not, the far wall shows.
struct Ellipsoid {
  Vec3 centre, radius;
  Material material;
};
using Keep = Mask (*)(const void* context, const Lanes3& points);
void draw_ellipsoid(const Ellipsoid& e, const View& view, Keep keep, const void* context, Layers& layers);

}  // namespace fr::synthetic
