// Random scored pairs with people, for the tests of what is computed from them.
#pragma once
#include <cmath>
#include <cstdint>

#include "base/philox.h"
#include "fr/protocol/sorted_pairs.h"

namespace fr {

// Genuine pairs are of one of `people` (two or more), impostor pairs of two.
inline void give_people(PairScores& p, uint32_t people, uint64_t seed = 1) {
  Random random({seed, Purpose::test, 0, 7});
  p.identities = {{}, {}, people};
  for (uint8_t same : p.same) {
    const uint32_t a = random.below(people);
    p.identities.a.push_back(a);
    p.identities.b.push_back(same ? a : (a + 1 + random.below(people - 1)) % people);
  }
}

// Four in ten genuine, scores of two overlapping normal distributions, rounded to `levels` steps a unit (0: not).
inline PairScores random_pairs(uint64_t seed, int64_t pairs, int levels, uint32_t people = 20) {
  Random random({seed, Purpose::test, 0, 0});
  PairScores p;
  for (int64_t i = 0; i < pairs; ++i) {
    p.same.push_back(random.chance(0.4));
    const double score = 0.3 * random.normal() + (p.same.back() ? 0.3 : -0.1);
    p.scores.push_back(levels ? std::round(levels * score) / levels : score);
  }
  give_people(p, people, seed);
  return p;
}

}  // namespace fr
