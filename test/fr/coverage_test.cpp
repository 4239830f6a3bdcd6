// Coverage at precision: the oracle, brute force with ties and weights, novel and base set.
#include "fr/protocol/coverage.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/philox.h"
#include "fr/calibration/calibrator.h"
#include "test/data/temporary.h"
#include "test/fr/fold_faces.h"

namespace fr {
namespace {

std::vector<ProbeResult> answers(const std::vector<double>& score, const std::vector<int>& right) {
  std::vector<ProbeResult> probes;
  for (size_t i = 0; i < score.size(); ++i)
    probes.push_back({float(score[i]), float(score[i]), right[i] ? 1 : 2});
  return probes;
}

// Ten answers, worked out by hand.
TEST(Coverage, Oracle) {
  const Coverage c(answers({.9, .8, .8, .7, .6, .5, .4, .3, .2, .1}, {1, 1, 0, 1, 1, 1, 1, 0, 1, 0}));
  const auto at = [&](double p) { return c.at_precision(p).coverage; };
  EXPECT_NEAR(at(1), .1, 1e-12);
  EXPECT_NEAR(at(.99), .1, 1e-12);
  EXPECT_NEAR(at(.85), .7, 1e-12);
  EXPECT_NEAR(at(.8), .7, 1e-12);
  EXPECT_NEAR(at(.75), .9, 1e-12);
  EXPECT_NEAR(at(.7), 1, 1e-12);
  EXPECT_EQ(c.at_precision(.85).threshold, double(.4f));
  EXPECT_NEAR(c.at_precision(.85).realised_precision, 6. / 7, 1e-12);
  const std::vector<std::pair<double, double>> curve = c.curve();
  ASSERT_EQ(curve.size(), 9u);  // the tie is one point
  EXPECT_EQ(curve[1], (std::pair<double, double>{.3, 2. / 3}));
  EXPECT_EQ(curve.back(), (std::pair<double, double>{1, .7}));
}

TEST(Coverage, NoThresholdIsSoPrecise) {
  const CoveragePoint p = Coverage(answers({.9, .8}, {0, 1})).at_precision(.9);
  EXPECT_EQ(p.coverage, 0);
  EXPECT_EQ(p.threshold, INFINITY);
  EXPECT_TRUE(std::isnan(p.realised_precision));
  EXPECT_ERROR(data, "coverage: no probes", Coverage({}));
  EXPECT_THROW(Coverage(answers({1}, {1})).at_precision(1.5), std::invalid_argument);
}

double brute_force(const std::vector<ProbeResult>& probes, double precision) {
  double best = 0;
  for (const ProbeResult& t : probes) {
    double answered = 0, right = 0;
    for (const ProbeResult& p : probes)
      if (p.best >= t.best) ++answered, right += p.rank == 1;
    if (right / answered >= precision) best = std::max(best, answered / double(probes.size()));
  }
  return best;
}

TEST(Coverage, BruteForceWithTiesAndWeights) {
  for (uint64_t seed = 0; seed < 40; ++seed) {
    Random random({seed, Purpose::test, 0, 0});
    std::vector<ProbeResult> once, repeated;
    std::vector<float> weights;
    for (int i = 0; i < 30; ++i) {
      const float score = float(random.below(12)) / 12;
      once.push_back({score, score, 1 + int64_t(random.below(24) >= 10 + uint32_t(12 * score))});
      weights.push_back(float(random.below(3)));
      repeated.insert(repeated.end(), size_t(weights.back()), once.back());
    }
    for (const double p : {0., .5, .7, .8, .9, .95, 1.}) {
      EXPECT_NEAR(Coverage(once).at_precision(p).coverage, brute_force(once, p), 1e-12) << seed << " " << p;
      EXPECT_NEAR(Coverage(once).at_precision(p, weights).coverage, brute_force(repeated, p), 1e-12);
    }
    EXPECT_TRUE(std::isnan(Coverage(once).at_precision(.5, std::vector<float>(30, 0)).coverage));
  }
}

TEST(Coverage, LongCurvesAreThinned) {
  std::vector<ProbeResult> many;
  for (int i = 0; i < 5000; ++i) many.push_back({float(-i), float(-i), 1 + i % 2});
  const auto curve = Coverage(many).curve(100);
  EXPECT_LE(curve.size(), 101u);
  EXPECT_GE(curve.size(), 90u);
  EXPECT_EQ(curve.back(), (std::pair<double, double>{1, .5}));
}

// Two people of the base set with two enrolled pictures each, one novel person with one.
GalleryProbes small_set() {
  GalleryProbes set;
  set.names = {"ann", "bob", "eve"};
  set.pictures = {"a1", "a2", "b1", "b2", "e1", "a3", "b3", "e2", "e3"};
  set.people = {0, 0, 1, 1, 2, 0, 1, 2, 2};
  set.enrolled = 5;
  return set;
}

TEST(OneShotCoverage, NovelAndBaseSet) {
  const std::vector<float> values = {1, .1f, 2,   -.2f, 0, 1,   .1f, 3, -1, .1f, /* probes */ 1,
                                     0, 1,   .2f, -1,   0, .1f, 1};
  CoverageOptions options;
  options.precision = {.5, .99}, options.novel = {0, 0, 1};
  ProtocolOptions o;
  o.bootstrap.replicates = 30;
  const auto protocol = one_shot_coverage(small_set(), options);
  EXPECT_EQ(protocol->description(), "4 probes against a gallery of 3 people in 5 pictures");
  const ProtocolResult r = protocol->evaluate({{values, 9, 2}}, *make_calibrator({}), o);
  // e3 lies at bob's pictures with the higher score: no threshold names e2 alone.
  EXPECT_EQ(figure(r, "coverage_at_50").value, 1);
  EXPECT_EQ(figure(r, "coverage_at_99").value, 0);
  EXPECT_EQ(figure(r, "coverage_at_99").warning, "no threshold is so precise");
  EXPECT_EQ(figure(r, "rank_1").value, .5);
  EXPECT_EQ(figure(r, "base_rank_1").value, .5);
  EXPECT_EQ(r.curves[0].kind, CurveKind::coverage);
  EXPECT_EQ(r.genuine.size(), 1u);
  EXPECT_EQ(r.impostor.size(), 1u);
  ASSERT_EQ(r.hardest_impostor.size(), 2u);
  EXPECT_EQ(r.hardest_impostor[0].a, 2);  // bob's first picture
}

TEST(OneShotCoverage, PrototypesAreMeansOfUnitRows) {
  GalleryProbes set = small_set();
  // ann: (1,0) and (0,10) of length ten: the mean of the directions is (1,1)/2, that of the rows would lie near (0,1).
  const std::vector<float> values = {1, 0,  0,  10, -1, -1, -1, -1, 0, -1, /* probes */ 1,
                                     1, -1, -1, 0,  -1, 0,  -1};
  ProtocolOptions o;
  o.bootstrap.replicates = 0;
  ProtocolResult r = one_shot_coverage(set)->evaluate({{values, 9, 2}}, *make_calibrator({}), o);
  EXPECT_EQ(figure(r, "coverage_at_99.9").value, 1);
  EXPECT_NEAR(r.genuine[0], 1, 1e-6);
  CoverageOptions best;
  best.of_person = Template::best;
  r = one_shot_coverage(set, best)->evaluate({{values, 9, 2}}, *make_calibrator({}), o);
  EXPECT_NEAR(r.genuine[0], std::sqrt(.5), 1e-6);
}

TEST(OneShotCoverage, Faults) {
  const std::vector<float> values(18, 1);
  const auto evaluate = [&](const GalleryProbes& set, std::vector<uint8_t> novel) {
    CoverageOptions options;
    options.novel = std::move(novel);
    return one_shot_coverage(set, options)->evaluate({{values, 9, 2}}, *make_calibrator({}), {});
  };
  EXPECT_ERROR(data, "coverage: no probe is of a novel person", evaluate(small_set(), {0, 0, 0}));
  GalleryProbes strangers = small_set();
  strangers.names.push_back("dan"), strangers.people = {0, 0, 1, 1, 2, 3, 3, 3, 3};
  EXPECT_ERROR(data, "coverage: of 4 measured probes none is of a person in the gallery",
               evaluate(strangers, {}));
  EXPECT_THROW(evaluate(small_set(), {1}), std::invalid_argument);
}

// Cosines 1 and 0.6 with the two prototypes of ann, however far apart her pictures lie for the first model.
TEST(OneShotCoverage, TheScoreOfSeveralModelsIsTheMeanOfTheirCosines) {
  GalleryProbes set;
  set.names = {"ann", "bob"}, set.pictures = {"a1", "a2", "b1", "a3"}, set.people = {0, 0, 1, 0},
  set.enrolled = 3;
  const std::vector<float> first = {1, 0, 0, 1, -1, 0, 2, 2}, second = {3, 0, 1, 0, 0, 1, .6f, .8f};
  ProtocolOptions o;
  o.bootstrap.replicates = 0;
  const ProtocolResult r =
      one_shot_coverage(set)->evaluate({{first, 4, 2}, {second, 4, 2}}, *make_calibrator({}), o);
  ASSERT_EQ(r.genuine.size(), 1u);
  EXPECT_NEAR(r.genuine[0], 0.8, 1e-6);
}

}  // namespace
}  // namespace fr
