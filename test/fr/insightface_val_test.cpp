// VAL@FAR as insightface's script defines it, by brute force over its grid.
#include "fr/protocol/insightface_val.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/philox.h"
#include "test/data/temporary.h"

namespace fr {
namespace {

struct Pairs {
  std::vector<double> scores;
  std::vector<uint8_t> same;
  std::vector<int> fold;
  ScoreView view() const { return {scores, same}; }

  double share(bool genuine, int test_fold, bool test, double threshold) const {
    double accepted = 0, all = 0;
    for (size_t i = 0; i < scores.size(); ++i) {
      if ((same[i] != 0) != genuine || (fold[i] == test_fold) != test) continue;
      ++all, accepted += 2 - 2 * scores[i] < threshold;
    }
    return accepted / all;
  }
};

Pairs random_pairs() {
  Pairs p;
  Random random({3, Purpose::test, 0, 0});
  for (int i = 0; i < 600; ++i) {
    p.same.push_back(i % 2), p.fold.push_back(i / 150);
    p.scores.push_back(std::tanh(0.4 * random.normal() + (i % 2 ? 0.6 : 0)));
  }
  return p;
}

TEST(InsightfaceVal, EqualsBruteForce) {
  const Pairs p = random_pairs();
  for (const double far : {0.01, 0.1, 0.5}) {
    std::vector<double> val;
    double realised = 0;
    for (int f = 0; f < 4; ++f) {
      // the last grid point whose FAR is at most the wanted one, and the line to the next
      int at = 0;
      for (int i = 0; i < 4000; ++i)
        if (p.share(false, f, false, i * 0.001) <= far) at = i;
      const double low = p.share(false, f, false, at * 0.001),
                   high = p.share(false, f, false, (at + 1) * 0.001),
                   t = at * 0.001 + 0.001 * (far - low) / (high - low);
      val.push_back(p.share(true, f, true, t)), realised += p.share(false, f, true, t) / 4;
    }
    const double mean = (val[0] + val[1] + val[2] + val[3]) / 4;
    double squares = 0;
    for (const double v : val) squares += (v - mean) * (v - mean) / 4;
    const InterpolatedVal got = insightface_val(p.view(), p.fold, far);
    EXPECT_NEAR(got.val, mean, 1e-12) << far;
    EXPECT_NEAR(got.val_std, std::sqrt(squares), 1e-12);
    EXPECT_NEAR(got.far, realised, 1e-12);
  }
}

TEST(InsightfaceVal, Interpolation) {
  const std::vector<double> x = {0, 1, 2, 3, 4}, y = {0, 0, 0.5, 0.5, 1};
  EXPECT_EQ(interpolate_ascending(x, y, 0), 1);  // of equal values the last
  EXPECT_EQ(interpolate_ascending(x, y, 0.25), 1.5);
  EXPECT_EQ(interpolate_ascending(x, y, 0.5), 3);
  EXPECT_EQ(interpolate_ascending(x, y, 0.75), 3.5);
  EXPECT_EQ(interpolate_ascending(x, y, 1), 4);
  EXPECT_EQ(interpolate_ascending(x, y, 1.5), 0);  // never reached: the script accepts nobody
  EXPECT_EQ(interpolate_ascending(x, std::vector<double>{.2, .3, .4, .5, .6}, 0.1), 0);
  EXPECT_THROW(interpolate_ascending(x, std::vector<double>{1}, 0.5), std::invalid_argument);
}

TEST(InsightfaceVal, EveryFoldNeedsBothKinds) {
  Pairs p = random_pairs();
  for (size_t i = 0; i < 150; ++i) p.same[i] = 0;
  EXPECT_ERROR(data, "VAL@FAR: no genuine pair in fold 0", insightface_val(p.view(), p.fold));
  const std::vector<int> one(600, 2);
  EXPECT_ERROR(data, "VAL@FAR: no impostor pair outside fold 2", insightface_val(p.view(), one));
  EXPECT_THROW(insightface_val(p.view(), std::vector<int>{1}), std::invalid_argument);
}

}  // namespace
}  // namespace fr
