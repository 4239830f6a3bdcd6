// Geometry of pictures. The centre of the top left pixel is (0, 0). Any number of channels.
#pragma once
#include "data/image.h"

namespace fr {

// A copy of the rectangle with its top left corner at (x, y), which must lie inside.
Image crop(const Image& image, int x, int y, int width, int height);
Image flip_horizontal(const Image& image);

// Each axis by itself: the mean over the covered source interval when it shrinks, linear interpolation when
// it grows.
Image resize(const Image& image, int width, int height);
// Of a window that may reach beyond the picture, where it is black.
struct Window {
  int x = 0, y = 0, width = 1, height = 1;  // pixels [x, x + width) x [y, y + height)
};
Image resize_window(const Image& image, const Window& window, int width, int height);

// The smallest size of the same shape that covers height x width, so that a centre crop can follow. A picture
// that covers it with one side equal comes back unchanged: 112x112 stays for 112x96 (SphereFace crops its
// columns 8..103).
bool fits(const Image& image, int height, int width);
Image fit(Image image, int height, int width);

// x' = a x + b y + tx,  y' = c x + d y + ty
struct Affine {
  double a = 1, b = 0, tx = 0;
  double c = 0, d = 1, ty = 0;
};
Affine compose(const Affine& second, const Affine& first);  // first, then second
Affine inverse(const Affine& map);                          // std::invalid_argument when it is singular

enum class Border { replicate, constant };

// out(x, y) = image(map(x, y)), bilinear: `map` leads from the output to the source (the inverse of the
// movement seen). Outside the picture: its nearest edge pixel, or `fill`.
Image warp(const Image& image, const Affine& map, int width, int height, Border border = Border::replicate,
           uint8_t fill = 0);

}  // namespace fr
