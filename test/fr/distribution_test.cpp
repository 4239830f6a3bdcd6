// Distributions on the host: what a row says, mirror images, fusion of templates.
#include "fr/pfe/distribution.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/error.h"
#include "fr/protocol/template_pooling.h"
#include "fr/protocol/verification.h"
#include "test/fr/random_rows.h"
#include "test/fr/thrown.h"

namespace fr {
namespace {

// Means and variances -> rows.
Rows rows_of(const std::vector<std::vector<double>>& means,
             const std::vector<std::vector<double>>& variances) {
  Rows r{{}, int64_t(means.size()), 2 * int64_t(means[0].size())};
  for (size_t i = 0; i < means.size(); ++i) {
    for (const double m : means[i]) r.values.push_back(float(m));
    for (const double v : variances[i]) r.values.push_back(float(std::log(v)));
  }
  return r;
}
const Rows kOracle = rows_of({{.6, .8, 0}, {0, .8, .6}}, {{.01, .02, .04}, {.02, .02, .01}});

std::vector<float> fused(const Rows& rows, const std::vector<int64_t>& members, Fusion fusion) {
  std::vector<float> out(size_t(rows.D));
  fuse_distributions(out.data(), unit_distributions(rows.view()), members, fusion);
  return out;
}

// Figures of an independent implementation.
TEST(Distributions, FusionOracle) {
  const double length = std::sqrt(.4 * .4 + .8 * .8 + .48 * .48);
  for (const Fusion fusion : {Fusion::product, Fusion::minimum}) {
    const std::vector<float> f = fused(kOracle, {0, 1}, fusion);
    const std::vector<double> mean = {.4 / length, .8 / length, .48 / length};
    const std::vector<double> product = {.02 / 3, .01, .008}, minimum = {.01, .02, .01};
    for (size_t d = 0; d < 3; ++d) {
      EXPECT_NEAR(f[d], mean[d], 1e-6);
      EXPECT_NEAR(std::exp(f[3 + d]), (fusion == Fusion::product ? product : minimum)[d], 1e-8);
    }
  }
}

TEST(Distributions, FusionShrinksVariancesAndLeavesOneAsItIs) {
  const Rows rows = random_rows(1, 9, 12);
  const UnitDistributions unit = unit_distributions(rows.view());
  for (const Fusion fusion : {Fusion::product, Fusion::minimum}) {
    const std::vector<float> all = fused(rows, {0, 1, 2, 3, 4, 5, 6, 7, 8}, fusion),
                             one = fused(rows, {4}, fusion);
    for (size_t d = 0; d < 6; ++d) {
      for (size_t i = 0; i < 9; ++i)
        EXPECT_LE(std::exp(double(all[6 + d])), double(unit.variances[i * 6 + d]) * (1 + 1e-6));
      EXPECT_NEAR(one[d], unit.means[4 * 6 + d], 1e-6);
      EXPECT_NEAR(std::exp(double(one[6 + d])) / unit.variances[4 * 6 + d], 1, 1e-6);
    }
  }
  EXPECT_EQ(fused(rows, {}, Fusion::product), std::vector<float>(12, 0)) << "mean zeros, variance 1";
}

// |e| = 5: variances of e / 5 are a 25th.
TEST(Distributions, AreScaledToUnitLength) {
  const Rows r = rows_of({{3, 0, 4}, {0, 0, 0}}, {{.25, .5, 1}, {.1, .2, .3}});
  const UnitDistributions u = unit_distributions(r.view());
  const std::vector<double> means = {.6, 0, .8, 0, 0, 0}, variances = {.01, .02, .04, .1, .2, .3};
  for (size_t i = 0; i < 6; ++i) {
    EXPECT_NEAR(u.means[i], means[i], 1e-7);
    EXPECT_NEAR(u.variances[i], variances[i], 1e-7);
  }
  std::vector<float> room;
  const EmbeddingView e = mean_columns(r.view(), room);
  EXPECT_EQ(e.D, 3);
  EXPECT_EQ(room, (std::vector<float>{3, 0, 4, 0, 0, 0}));
}

TEST(Distributions, MirrorImages) {
  const Rows a = rows_of({{1, 2}}, {{.1, .2}}), b = rows_of({{3, 5}}, {{.3, .4}});
  const auto expect = [&](FlipMode mode, const std::vector<double>& means,
                          const std::vector<double>& variances) {
    const std::vector<float> got = combine_flip_distributions(mode, a.values, b.values, 4);
    ASSERT_EQ(got.size(), means.size() + variances.size());
    for (size_t i = 0; i < means.size(); ++i) EXPECT_NEAR(got[i], means[i], 1e-6);
    for (size_t i = 0; i < variances.size(); ++i)
      EXPECT_NEAR(std::exp(got[means.size() + i]), variances[i], 1e-6);
  };
  expect(FlipMode::none, {1, 2}, {.1, .2});
  expect(FlipMode::sum, {4, 7}, {.4, .6});
  expect(FlipMode::mean, {2, 3.5}, {.1, .15});
  expect(FlipMode::concatenate, {1, 2, 3, 5}, {.1, .2, .3, .4});
  EXPECT_EQ(
      thrown<std::invalid_argument>([&] { combine_flip_distributions(FlipMode::sum, a.values, {}, 4); }),
      "distributions: 4 numbers, but 0 of the mirror images");
}

// Media do not count: every picture by its variances.
TEST(Distributions, Templates) {
  const Rows r = random_rows(3, 5, 8);
  const std::vector<IjbSet::Member> members = {{1, 0, 7}, {4, 2, 1}, {0, 0, 3}, {2, 2, 1}, {3, 2, 9}};
  const std::vector<float> out = fuse_templates(r.view(), members, 3, Fusion::product);
  ASSERT_EQ(out.size(), 24u);
  const std::vector<float> first = fused(r, {0, 1}, Fusion::product),
                           last = fused(r, {4, 2, 3}, Fusion::product);
  for (size_t d = 0; d < 8; ++d) {
    EXPECT_NEAR(out[d], first[d], 1e-6);
    EXPECT_NEAR(out[16 + d], last[d], 1e-6);
    EXPECT_EQ(out[8 + d], 0) << "nobody";
  }
}

TEST(Distributions, RefusesWhatIsNone) {
  const auto message = [](Rows r, size_t place, float value) {
    if (place < r.values.size()) r.values[place] = value;
    return thrown<Error>([&] { unit_distributions(r.view()); });
  };
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN(),
                  kInf = std::numeric_limits<float>::infinity();
  EXPECT_EQ(message(kOracle, 99, 0), "nothing");
  EXPECT_NE(message(kOracle, 6, kNan).find("distributions: row 1, number 0: mean nan"), std::string::npos);
  EXPECT_NE(message(kOracle, 4, kNan).find("row 0, number 1"), std::string::npos);
  EXPECT_NE(message(kOracle, 4, kInf).find("log variance inf is no normal distribution"), std::string::npos);
  EXPECT_NE(message(kOracle, 4, -200).find("log variance -200"), std::string::npos);
  EXPECT_EQ(thrown<std::invalid_argument>([] { unit_distributions(random_rows(1, 2, 5).view()); }),
            "distributions: expected rows of means and as many log variances, got 2 x 5 in 10 numbers");
}

}  // namespace
}  // namespace fr
