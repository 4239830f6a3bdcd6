#include "fr/protocol/template_pooling.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/philox.h"

namespace fr {
namespace {

using Members = std::vector<IjbSet::Member>;

// (1,0) and (0,1) of medium 7, (.6,.8) of 8, (1,1) of 9: (.5,.5) + (.6,.8) + (1,1) = (2.1,2.3), of length sqrt(9.7).
TEST(TemplatePooling, Oracle) {
  const std::vector<double> features = {1, 0, 0.6, 0.8, 0, 1, 1, 1};
  const Members members = {{0, 0, 7}, {1, 0, 8}, {2, 0, 7}, {3, 0, 9}};
  const std::vector<double> pooled = pool_templates<double>(features, 2, members, 1);
  EXPECT_NEAR(pooled[0], 0.674269364, 1e-9);
  EXPECT_NEAR(pooled[1], 0.738485494, 1e-9);
  // Floats: the inputs .6 and .8 and the outputs are rounded, 6e-8 each at the most.
  const std::vector<float> in_float(features.begin(), features.end());
  const std::vector<float> pooled_float = pool_templates<float>(in_float, 2, members, 1);
  for (size_t d = 0; d < 2; ++d) EXPECT_NEAR(double(pooled_float[d]), pooled[d], 1.2e-7);
}

TEST(TemplatePooling, NormAndWeights) {
  const std::vector<double> features = {3, 0, 0, 1};
  const Members members = {{0, 0, 1}, {1, 0, 2}};
  const auto angle = [&](const TemplatePooling& pooling) {
    const std::vector<double> p = pool_templates<double>(features, 2, members, 1, pooling);
    EXPECT_NEAR(std::hypot(p[0], p[1]), 1, 1e-12);
    return p[1] / p[0];
  };
  const std::vector<float> weights = {0.25f, 1};
  EXPECT_NEAR(angle({}), 1.0 / 3, 1e-12);
  EXPECT_NEAR(angle({FeatureNorm::unit, {}}), 1, 1e-12);
  EXPECT_NEAR(angle({FeatureNorm::keep, weights}), 1 / 0.75, 1e-12);
  EXPECT_NEAR(angle({FeatureNorm::unit, weights}), 4, 1e-12);
}

TEST(TemplatePooling, NothingToPointAt) {
  const std::vector<double> features = {1, 0, -1, 0, 0, 0};
  const Members members = {{0, 0, 1}, {1, 0, 2}, {2, 2, 3}};  // opposites; nobody; zeros
  for (FeatureNorm norm : {FeatureNorm::keep, FeatureNorm::unit})
    EXPECT_EQ(pool_templates<double>(features, 2, members, 3, {norm, {}}), std::vector<double>(6, 0));
}

// Against the definition, picture by picture: templates that share pictures, media of the same number in several templates.
TEST(TemplatePooling, BruteForce) {
  Random random({3, Purpose::test, 0, 0});
  constexpr int64_t N = 40, D = 5, T = 7;
  std::vector<double> features(N * D);
  std::vector<float> weights(N);
  for (double& f : features) f = random.normal();
  for (float& w : weights) w = float(random.uniform());
  Members members;
  for (int k = 0; k < 120; ++k)
    members.push_back({int32_t(random.below(N)), int32_t(random.below(T)), int64_t(random.below(4))});
  const std::vector<double> pooled =
      pool_templates<double>(features, D, members, T, {FeatureNorm::unit, weights});
  for (int64_t t = 0; t < T; ++t) {
    std::vector<double> sum(D, 0);
    for (int64_t media = 0; media < 4; ++media) {
      std::vector<double> mean(D, 0);
      double n = 0;
      for (const auto& m : members) {
        if (m.template_place != t || m.media != media) continue;
        double length = 0;
        for (int64_t d = 0; d < D; ++d) length += std::pow(features[size_t(m.picture * D + d)], 2);
        for (int64_t d = 0; d < D; ++d)
          mean[size_t(d)] +=
              double(weights[size_t(m.picture)]) * features[size_t(m.picture * D + d)] / std::sqrt(length);
        ++n;
      }
      for (int64_t d = 0; d < D; ++d) sum[size_t(d)] += n > 0 ? mean[size_t(d)] / n : 0;
    }
    double length = 0;
    for (double s : sum) length += s * s;
    for (int64_t d = 0; d < D; ++d)
      EXPECT_NEAR(pooled[size_t(t * D + d)], sum[size_t(d)] / std::sqrt(length), 1e-12);
  }
}

TEST(TemplatePooling, Faults) {
  const std::vector<double> features(6, 1);
  const std::vector<float> weights(2, 1);
  const auto refused = [&](int64_t D, const Members& members, const TemplatePooling& pooling) {
    EXPECT_THROW(pool_templates<double>(features, D, members, 1, pooling), std::invalid_argument);
  };
  refused(4, {}, {});
  refused(0, {}, {});
  refused(2, {{3, 0, 0}}, {});
  refused(2, {{-1, 0, 0}}, {});
  refused(2, {{0, 1, 0}}, {});
  refused(2, {{0, 0, 0}}, {FeatureNorm::keep, weights});
}

}  // namespace
}  // namespace fr
