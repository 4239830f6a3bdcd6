#include "fr/protocol/angular_fisher.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"

namespace fr {
namespace {

const std::vector<double> kFeatures = {1, .2, 1, -.1, .8, .5, -.2, 1, .1, .9};
const std::vector<int64_t> kLabels = {0, 0, 0, 1, 1};

TEST(AngularFisher, Oracle) {
  const AngularFisher r = angular_fisher(kFeatures, 2, kLabels);
  EXPECT_NEAR(r.within, 0.131529139560, 1e-12);
  EXPECT_NEAR(r.between, 1.140707149965, 1e-12);
  EXPECT_NEAR(r.score, 0.115304913767, 1e-12);
  const AngularFisher n = angular_fisher(kFeatures, 2, kLabels, AngularFisherInput::normalised);
  EXPECT_NEAR(n.within, 0.131368485316, 1e-12);
  EXPECT_NEAR(n.between, 1.115672807682, 1e-12);
  EXPECT_NEAR(n.score, 0.117748218305, 1e-12);
}

TEST(AngularFisher, FloatEmbeddings) {
  const std::vector<float> f(kFeatures.begin(), kFeatures.end());
  EXPECT_NEAR(angular_fisher({f, 5, 2}, kLabels).score, 0.115304913767, 1e-7);
}

TEST(AngularFisher, LengthsMatterOnlyWhenRaw) {
  std::vector<double> f = kFeatures;
  f[0] *= 9, f[1] *= 9;
  EXPECT_NE(angular_fisher(f, 2, kLabels).score, angular_fisher(kFeatures, 2, kLabels).score);
  EXPECT_NEAR(angular_fisher(f, 2, kLabels, AngularFisherInput::normalised).score, 0.117748218305, 1e-12);
}

TEST(AngularFisher, DegenerateInputs) {
  EXPECT_TRUE(std::isinf(angular_fisher(kFeatures, 2, std::vector<int64_t>(5, 7)).score));  // one class
  EXPECT_THROW(angular_fisher(std::vector<double>{}, 2, {}), Error);
  EXPECT_THROW(angular_fisher(std::vector<double>{1, NAN}, 2, std::vector<int64_t>{1}), Error);
  EXPECT_THROW(angular_fisher(kFeatures, 3, kLabels), std::invalid_argument);
  EXPECT_THROW(angular_fisher(kFeatures, 2, std::vector<int64_t>{1, 2}), std::invalid_argument);
}

}  // namespace
}  // namespace fr
