#include "data/patch.h"

#include <cmath>
#include <utility>

#include "base/error.h"
#include "data/resample.h"

namespace fr {
namespace {

int share_of(int size, double share) { return static_cast<int>(std::lround(share * size)); }

}  // namespace

Image cut_patch(Image image, Patch patch, int height, int width) {
  if (patch == Patch::full) return image;
  FR_CHECK(height >= 8 && width >= 8, "cut_patch: expected an input of 8 x 8 or more, got ", width, " x ",
           height);
  image = fit(std::move(image), height, width);
  const int left = (image.width - width) / 2, top = (image.height - height) / 2;
  const int w = patch == Patch::upper ? width : share_of(width, 0.8);
  const int h = share_of(height, patch == Patch::upper ? 2.0 / 3 : 0.8);
  const int down = patch == Patch::upper ? 0 : (height - h) / 2;
  return resize(crop(image, left + (width - w) / 2, top + down, w, h), width, height);
}

}  // namespace fr
