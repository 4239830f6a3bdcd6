// From linear light to 8-bit pixels: edges, blur, exposure, colour, noise and JPEG loss.
#pragma once
#include <vector>

#include "data/image.h"
#include "data/synthetic/head.h"

namespace fr::synthetic {

// Linear light, three planes, row-major.
struct Picture {
  int size = 0;
  std::vector<float> plane[3];
  void reset(int pixels_a_side);
  void set(int i, Vec3 c) { plane[0][i] = c.x, plane[1][i] = c.y, plane[2][i] = c.z; }
  Vec3 get(int i) const { return {plane[0][i], plane[1][i], plane[2][i]}; }
};

// Averages each pixel that has a neighbour of another material with its neighbours: antialiasing of the outlines.
void soften_edges(const Layers& layers, Picture& picture);

// Changes `picture` on the way.
Image photograph(Picture& picture, const Scene& scene);

}  // namespace fr::synthetic
