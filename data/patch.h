// Parts of a face, each for a network of its own (the three patches of Liu et al. 2017, "SphereFace", Appendix H; where they
// lie is our reading, the paper shows them in a figure only).
#pragma once
#include "data/image.h"

namespace fr {

enum class Patch {
  full,    // the whole picture
  upper,   // the upper two thirds: 75 of 112 rows
  centre,  // the middle 80 % of each side: 90 of 112 rows, 77 of 96 columns
};

// The part of what a network of this input size sees of the picture (fitted, the centre), resized to the input size. full:
// the picture as it is. Throws what fit() throws.
Image cut_patch(Image image, Patch patch, int height, int width);

}  // namespace fr
