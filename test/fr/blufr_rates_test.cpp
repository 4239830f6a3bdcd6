// BLUFR: the oracle of the verification rate, brute force with ties and weights, the protocol over trials.
#include "fr/protocol/blufr_rates.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/philox.h"
#include "fr/protocol/blufr.h"
#include "test/data/temporary.h"
#include "test/fr/fold_faces.h"
#include "test/fr/random_rows.h"
#include "test/fr/table_calibrator.h"

namespace fr {
namespace {

using People = std::vector<int64_t>;

// Pairs i < j of pictures with the scores of a table.
struct Table {
  TableCalibrator calibrator;
  CalibratedRows rows;
  People people;
  Table(const std::vector<float>& scores, People p)
      : calibrator(scores, int64_t(p.size())),
        rows(TableCalibrator::places(0, int64_t(p.size()))),
        people(std::move(p)) {}
  ScorePairs pairs() const { return {&calibrator, &rows, people, nullptr, {}}; }
  int64_t count() const { return *std::max_element(people.begin(), people.end()) + 1; }
};

// The oracle's genuine scores and its highest impostors, over three people of 3, 2 and 2 pictures: 5 genuine pairs, 16 impostors.
Table oracle() {
  std::vector<float> t(49, 0);
  const auto set = [&](size_t i, size_t j, float s) { t[i * 7 + j] = s; };
  set(0, 1, .9f), set(0, 2, .8f), set(1, 2, .6f), set(3, 4, .55f), set(5, 6, .4f);
  float low = .1f;
  for (size_t i = 0; i < 7; ++i)
    for (size_t j = i + 1; j < 7; ++j)
      if (t[i * 7 + j] == 0) set(i, j, low -= .001f);
  set(0, 3, .8f), set(0, 4, .7f), set(1, 3, .5f), set(1, 4, .3f), set(2, 3, .2f);
  return {t, {0, 0, 0, 1, 1, 2, 2}};
}

TEST(BlufrRates, ThresholdsOfTheOracle) {
  const Table table = oracle();  // 16 impostor pairs: rates k / 16 accept the k highest
  const BlufrRates r(table.pairs(), 3, std::vector<double>{0, 1. / 16, 2. / 16, 3. / 16, 1});
  EXPECT_EQ(r.genuine(), 5);
  EXPECT_EQ(r.impostor(), 16);
  const double expected[] = {.2, .4, .4, .8, 1};
  for (size_t k = 0; k < 5; ++k) EXPECT_NEAR(r.points()[k].rate, expected[k], 1e-12) << k;
  EXPECT_NEAR(r.points()[0].threshold, (double(.8f) + double(.9f)) / 2, 1e-12);
  EXPECT_EQ(r.points()[1].threshold, double(.8f));
  EXPECT_EQ(r.points()[3].threshold, double(.5f));
  EXPECT_TRUE(r.points()[0].too_few);
  EXPECT_FALSE(r.points()[1].too_few);
  EXPECT_EQ(r.points()[4].realised_far, 1);
  // Our own rule at the same rates: above the next impostor, and never a tie within.
  const std::vector<double> ours = r.rates(std::vector<float>(3, 1), FarRule::at_most);
  EXPECT_NEAR(ours[1], .4, 1e-12);  // down to, without, .7
  EXPECT_NEAR(ours[2], .8, 1e-12);  // down to, without, .5
}

TEST(BlufrRates, NoGenuineScoreAboveAllImpostors) {
  const Table table({0, .5f, .9f, 0, 0, .8f, 0, 0, 0}, {0, 0, 1});
  const BlufrRates r(table.pairs(), 2, std::vector<double>{0, .2, .25, 1});
  EXPECT_NEAR(r.points()[0].threshold, double(.9f) + std::sqrt(2.220446049250313e-16), 1e-15);
  EXPECT_EQ(r.points()[0].rate, 0);
  EXPECT_EQ(r.points()[1].threshold, r.points()[0].threshold);  // round(.4) = 0
  EXPECT_EQ(r.points()[2].threshold, double(.9f));              // round(.5) = 1
  EXPECT_NEAR(r.points()[3].threshold, double(.5f) - std::sqrt(2.220446049250313e-16), 1e-15);
}

struct Scores {
  std::vector<double> genuine, impostor;
};
// A pair of one person counts w times, of two people v w times.
Scores repeated(const Table& t, const std::vector<float>& weights) {
  Scores s;
  for (int64_t i = 0; i < t.rows.N; ++i)
    for (int64_t j = i + 1; j < t.rows.N; ++j) {
      const auto a = size_t(t.people[size_t(i)]), b = size_t(t.people[size_t(j)]);
      const double score = t.calibrator.score(t.rows, i, t.rows, j);
      const auto times = size_t(a == b ? weights[a] : weights[a] * weights[b]);
      (a == b ? s.genuine : s.impostor).insert((a == b ? s.genuine : s.impostor).end(), times, score);
    }
  std::sort(s.impostor.rbegin(), s.impostor.rend());
  return s;
}
double share(const std::vector<double>& scores, double threshold) {
  return double(std::count_if(scores.begin(), scores.end(), [&](double s) { return s >= threshold; })) /
         double(scores.size());
}
double brute_blufr(const Scores& s, double far) {
  const auto n = size_t(std::round(far * double(s.impostor.size())));
  if (n == s.impostor.size()) return 1;
  return share(s.genuine, n == 0 ? std::nextafter(s.impostor[0], 9) : s.impostor[n - 1]);
}
double brute_ours(const Scores& s, double far) {
  double best = 0;
  std::vector<double> at = s.genuine;
  at.insert(at.end(), s.impostor.begin(), s.impostor.end());
  for (const double t : at)
    if (share(s.impostor, t) <= far) best = std::max(best, share(s.genuine, t));
  return best;
}

TEST(BlufrRates, BruteForceWithTiesAndWeights) {
  const std::vector<double> far = {0, .01, .05, .1, .3, .6, 1};
  for (uint64_t seed = 0; seed < 25; ++seed) {
    Random random({seed, Purpose::test, 0, 0});
    const int64_t N = 20;
    std::vector<float> scores;
    for (int64_t i = 0; i < N * N; ++i) scores.push_back(float(random.below(25)) / 25 + .01f);
    People people;
    for (int64_t i = 0; i < N; ++i) people.push_back(i < 2 ? 0 : int64_t(random.below(8)));
    const Table table(scores, people);
    std::vector<float> weights(size_t(table.count()), 1);
    const BlufrRates r(table.pairs(), table.count(), far);
    for (int round = 0; round < 3; ++round) {
      const Scores s = repeated(table, weights);
      if (s.genuine.empty() || s.impostor.empty()) continue;
      const std::vector<double> blufr = r.rates(weights, FarRule::blufr),
                                ours = r.rates(weights, FarRule::at_most);
      for (size_t k = 0; k < far.size(); ++k) {
        EXPECT_NEAR(blufr[k], brute_blufr(s, far[k]), 1e-12) << seed << " " << far[k];
        EXPECT_NEAR(ours[k], brute_ours(s, far[k]), 1e-12) << seed << " " << far[k];
        if (round == 0) {
          EXPECT_NEAR(r.points()[k].rate, blufr[k], 1e-12);
        }
      }
      for (float& w : weights) w = float(random.below(3));
    }
  }
}

TEST(BlufrRates, WhatIsNotKeptIsUnknown) {
  const Rows rows = random_rows(3, 300, 8);
  const auto calibrator = make_calibrator({});
  const CalibratedRows prepared = calibrator->prepare(rows.view());
  People people;
  for (int64_t i = 0; i < 300; ++i) people.push_back(i / 3);
  const ScorePairs pairs{calibrator.get(), &prepared, people, nullptr, {}};
  const std::vector<double> far = {.001, .1};
  const BlufrRates all(pairs, 100, far), few(pairs, 100, far, 500);
  EXPECT_EQ(few.kept(), 300 + 499);  // all but the 500th, which may be tied with the next
  std::vector<float> weights(100, 1);
  EXPECT_EQ(few.points()[1].rate, all.points()[1].rate);  // thresholds are exact all the same
  EXPECT_EQ(few.rates(weights, FarRule::blufr)[0], all.rates(weights, FarRule::blufr)[0]);
  EXPECT_TRUE(std::isnan(few.rates(weights, FarRule::blufr)[1]));
  EXPECT_FALSE(std::isnan(all.rates(weights, FarRule::blufr)[1]));
  EXPECT_TRUE(std::isnan(all.rates(std::vector<float>(100, 0), FarRule::blufr)[0]));
}

TEST(BlufrRates, Faults) {
  const Table one({0, .1f, 0, 0}, {0, 0}), none({0, .1f, 0, 0}, {0, 1});
  const auto make = [](const Table& t, double far) { BlufrRates(t.pairs(), 2, std::vector<double>{far}); };
  EXPECT_ERROR(data, "BLUFR: 1 genuine and 0 impostor pairs", make(one, .1));
  EXPECT_ERROR(data, "BLUFR: 0 genuine and 1 impostor pairs", make(none, .1));
  EXPECT_THROW(make(oracle(), .1), std::invalid_argument);  // person 2 of 2
  EXPECT_THROW(make(none, 1.1), std::invalid_argument);
  const Table nan({0, .1f, NAN, 0, 0, .2f, 0, 0, 0}, {0, 0, 1});
  EXPECT_ERROR(data, "", make(nan, .1));
}

// Two trials over 40 people of 3 pictures, around random directions.
struct Faces {
  BlufrInput input;
  std::vector<float> values;
  Faces() {
    Random random({9, Purpose::test, 0, 0});
    std::vector<double> centre;
    for (int i = 0; i < 40 * 6; ++i) centre.push_back(random.normal());
    for (int64_t i = 0; i < 120; ++i) {
      input.lists.images.push_back("p" + std::to_string(i)), input.lists.people.push_back(7 * (i / 3));
      for (int64_t d = 0; d < 6; ++d)
        values.push_back(float(centre[size_t(i / 3 * 6 + d)] + .5 * random.normal()));
    }
    for (int64_t t = 0; t < 2; ++t) {
      BlufrTrial trial;
      for (int64_t i = 0; i < 120; ++i) {
        const int64_t person = (i / 3 + 10 * t) % 40;
        if (person < 10) {
          trial.train.push_back(i);
          continue;
        }
        trial.test.push_back(i);
        (person < 25 && i % 3 == 0 ? trial.gallery : trial.probe).push_back(i);
      }
      input.lists.trials.push_back(trial);
    }
  }
};

TEST(Blufr, MeanMinusStandardDeviation) {
  const Faces faces;
  BlufrOptions options;
  options.far = {.01, .05}, options.fpir = {.1};
  ProtocolOptions o;
  o.bootstrap.replicates = 60, o.card = {.01};
  const auto calibrator = make_calibrator({});
  const auto protocol = blufr(faces.input, options);
  EXPECT_EQ(protocol->description(), "2 trials of 120 pictures of 40 people");
  const ProtocolResult r = protocol->evaluate({{faces.values, 120, 6}}, *calibrator, o);
  double rate[2];
  for (size_t t = 0; t < 2; ++t) {
    std::vector<double> genuine, impostor;
    const std::vector<int64_t>& test = faces.input.lists.trials[t].test;
    const CalibratedRows rows = calibrator->prepare({faces.values, 120, 6});
    for (size_t i = 0; i < test.size(); ++i)
      for (size_t j = i + 1; j < test.size(); ++j) {
        float s;
        calibrator->scores(&s, rows, test[i], 1, rows, test[j], 1);
        (test[i] / 3 == test[j] / 3 ? genuine : impostor).push_back(double(s));
      }
    std::sort(impostor.rbegin(), impostor.rend());
    rate[t] = brute_blufr({genuine, impostor}, .05);
  }
  const double mean = (rate[0] + rate[1]) / 2, std = std::fabs(rate[0] - rate[1]) / std::sqrt(2);
  EXPECT_GT(mean, .2);
  EXPECT_LT(mean, .999);
  EXPECT_NEAR(figure(r, "vr_at_far_5e-2").value, mean, 1e-12);
  EXPECT_NEAR(figure(r, "vr_at_far_5e-2_mean_minus_std").value, mean - std, 1e-12);
  EXPECT_EQ(r.figures[0].key, "vr_at_far_1e-2_mean_minus_std");
  const Interval interval = figure(r, "vr_at_far_5e-2").interval;
  EXPECT_LT(interval.low, mean);
  EXPECT_GT(interval.high, mean);
  EXPECT_GT(figure(r, "dir_at_far_1e-1").value, .1);
  EXPECT_LE(figure(r, "tar_at_far_1e-2").value, figure(r, "vr_at_far_1e-2").value + .05);
  EXPECT_EQ(r.curves.size(), 4u);
  EXPECT_EQ(r.curves[3].kind, CurveKind::cmc);
  EXPECT_EQ(r.curves[3].points.size(), 100u);
  EXPECT_NEAR(r.curves[3].points[0].second, figure(r, "dir_at_far_1e-1").value, 1e-12);
  EXPECT_NEAR(r.curves[0].points.back().second, 1, 1e-12);
  EXPECT_EQ(r.card.size(), 1u);
  ASSERT_EQ(r.warnings.size(), 1u);
  EXPECT_EQ(r.warnings[0],
            "BLUFR has 10 trials of 13233 pictures, these lists 2 of 120: not the published protocol");
  EXPECT_EQ(r.hardest_impostor.size(), 12u);
  for (const ScoredPair& p : r.hardest_impostor) EXPECT_NE(p.a / 3, p.b / 3);
  for (const ScoredPair& p : r.hardest_genuine) EXPECT_EQ(p.a / 3, p.b / 3);
}

TEST(Blufr, OneTrialHasNoSpread) {
  Faces faces;
  faces.input.lists.trials.pop_back();
  ProtocolOptions o;
  o.bootstrap.replicates = 0;
  const ProtocolResult r = blufr(faces.input)->evaluate({{faces.values, 120, 6}}, *make_calibrator({}), o);
  EXPECT_EQ(r.figures[0].key, "vr_at_far_1e-3");
  EXPECT_EQ(r.figures[2].warning.find("not resolvable"), 0u);
  EXPECT_TRUE(std::count(r.warnings.begin(), r.warnings.end(),
                         "one trial has no standard deviation: only its own rates are told"));
}

TEST(Blufr, Faults) {
  Faces faces;
  ProtocolOptions o;
  EXPECT_THROW(blufr(faces.input)->evaluate({{faces.values, 90, 8}}, *make_calibrator({}), o),
               std::invalid_argument);
  faces.input.lists.trials[1].probe = {60};  // of somebody enrolled
  faces.input.lists.trials[1].gallery = {61};
  EXPECT_ERROR(data, "BLUFR: trial 2: needs probes with and without a mate, got 1 with and 0 without",
               blufr(faces.input));
}

TEST(Blufr, MissingPictures) {
  const TemporaryFolder folder;
  BlufrProtocol lists;
  lists.images = {"a", "b", "c", "d"}, lists.people = {0, 1, 1, 2};
  lists.trials = {{{0}, {1, 2, 3}, {1}, {2, 3}}};
  for (const char* name : {"a", "b", "d"}) folder.put(name, "x");
  EXPECT_ERROR(data, "trials.txt: 1 of 4 pictures missing",
               blufr_input(lists, "trials.txt", folder.path, Missing::error));
  const BlufrInput input = blufr_input(lists, "trials.txt", folder.path, Missing::drop);
  EXPECT_EQ(input.lists.images, (std::vector<std::string>{"a", "b", "d"}));
  EXPECT_EQ(input.lists.people, (People{0, 1, 2}));
  EXPECT_EQ(input.lists.trials[0].test, (People{1, 2}));
  EXPECT_EQ(input.lists.trials[0].probe, (People{2}));
  EXPECT_EQ(input.notes.size(), 1u);
  fs::remove(folder.path / "b");
  EXPECT_ERROR(data, "trials.txt: trial 1: a list has no picture left",
               blufr_input(lists, "trials.txt", folder.path, Missing::drop));
}

}  // namespace
}  // namespace fr
