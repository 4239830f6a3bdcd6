// Faces of people who do not exist, aligned like ArcFace's 112x112 template: training data for a first run, and known
// ground truth (who, and from which domain) for everything that claims to find domains.
#pragma once
#include "data/image.h"
#include "data/synthetic/identity.h"

namespace fr {

struct SyntheticOptions {
  uint64_t seed = 1;
  int64_t first_identity = 0;  // a data set of other people: the same seed, another range
  int64_t identities = 1000;
  // Pictures of a person: a power law between the two ends, or all alike when they are equal.
  int64_t min_samples = 4, max_samples = 40;
  GroupShares group_share = kLongTail;
  double difficulty = 1;  // 0: every picture alike; 1: the default; above: harder
};

// Picture number `sample` of a person, size x size RGB, 32 <= size <= 512, camera noise and JPEG loss included. A pure
// function of its arguments, safe to call from many threads. `identity` must be the number the person was drawn with:
// it selects the skin's texture.
Image render_face(uint64_t seed, const Identity& person, int64_t identity, int64_t sample, int size = 112,
                  double difficulty = 1);

}  // namespace fr
