// Faces of people who do not exist, aligned like ArcFace's 112x112 template: training data for a first run, and known
// ground truth (who, and from which domain) for everything that claims to find domains.
#pragma once
#include "data/image.h"
#include "data/synthetic/identity.h"

namespace fr {

// Picture number `sample` of a person, size x size RGB, 32 <= size <= 512, camera noise and JPEG loss included, in one of
// the styles of data/synthetic/style.h. A pure
// function of its arguments, safe to call from many threads. `identity` must be the number the person was drawn with:
// it selects the skin's texture.
Image render_face(uint64_t seed, const Identity& person, int64_t identity, int64_t sample, int size = 112,
                  double difficulty = 1, int style = 0);

}  // namespace fr
