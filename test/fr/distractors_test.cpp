// Probes among distractors: the toy of the specification, ties, brute force against tar_at_far() and against every gallery.
#include "fr/protocol/distractors.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/parallel.h"
#include "base/philox.h"
#include "fr/protocol/distractor_rates.h"
#include "test/fr/table_calibrator.h"
#include "test/fr/thrown.h"

namespace fr {
namespace {

using People = std::vector<int64_t>;

// Rows 0..P-1 of the table are probes as gallery, the rest distractors; columns are probes as probes.
struct Setting {
  TableCalibrator calibrator;
  CalibratedRows probes, distractors;
  People people, places;
  Setting(std::vector<float> table, People p, People d)
      : calibrator(std::move(table), int64_t(p.size())),
        probes(TableCalibrator::places(0, int64_t(p.size()))),
        distractors(TableCalibrator::places(int64_t(p.size()), int64_t(d.size()))),
        people(std::move(p)),
        places(std::move(d)) {}
  DistractorTest run(const DistractorOptions& options) const {
    DistractorTest t{genuine_trials(calibrator, probes, people), {}};
    t.found = test_distractors(calibrator, probes, distractors, places, t.trials, options);
    return t;
  }
};
std::vector<float> once(int64_t people) { return std::vector<float>(size_t(people), 1); }

DistractorOptions options_of(People sizes, std::vector<double> far) {
  DistractorOptions o;
  o.sizes = std::move(sizes), o.far = std::move(far);
  return o;
}

TEST(Distractors, Toy) {
  const Setting s({1, .7f, .4f, .7f, 1, .5f, .4f, .5f, 1, .45f, .6f, .3f}, {0, 0, 0}, {0});
  const DistractorTest t = s.run(options_of({1}, {.1, .4, 1}));
  EXPECT_EQ(t.trials.size(), 6u);
  const DistractorRates rates(t, s.people, {});
  EXPECT_NEAR(rates.rank_1(once(1))[0], 4.0 / 6, 1e-9);
}

TEST(Distractors, TiesFavourTheMate) {
  const Setting s({1, .5f, .5f, 1, .5f, .6f}, {0, 0}, {0});
  const DistractorTest t = s.run(options_of({1}, {}));
  EXPECT_EQ(DistractorRates(t, s.people, {}).rank_1(once(1))[0], .5);
}

// Scores that depend on who is the gallery: s(i,j) is row i, column j.
TEST(Distractors, TheProbeIsTheColumn) {
  const Setting s({0, .9f, .1f, 0, .5f, .5f}, {0, 0}, {0});
  const DistractorTest t = s.run(options_of({1}, {}));
  ASSERT_EQ(t.trials.size(), 2u);
  EXPECT_EQ(t.trials[0].score, .9f);
  EXPECT_EQ(t.trials[0].probe, 1);
  EXPECT_EQ(DistractorRates(t, s.people, {}).rank_1(once(1))[0], .5);
}

struct Drawn {
  std::vector<float> table;
  People people, places;
};
Drawn draw(uint64_t seed, int64_t P, int64_t D) {
  Random random({seed, Purpose::test, 0, 0});
  Drawn d;
  d.people = {0, 0};
  for (int64_t j = 2; j < P; ++j) d.people.push_back(random.below(4));
  for (int64_t i = 0, place = 0; i < D; ++i) d.places.push_back(place), place += 1 + random.below(2);  // gaps
  for (int64_t k = 0; k < (P + D) * P; ++k) d.table.push_back(float(random.below(30)) / 30);           // ties
  return d;
}

TEST(Distractors, BruteForce) {
  const std::vector<double> far = {0, .001, .01, .1, .5, 1};
  for (uint64_t seed = 0; seed < 30; ++seed) {
    const int64_t P = 9, D = 1 + int64_t(seed * 3);
    const Drawn d = draw(seed, P, D);
    const People sizes = {1, 4, 10, 1000};
    const DistractorTest t = Setting(d.table, d.people, d.places).run(options_of(sizes, far));
    const auto at = [&](int64_t i, int64_t j) { return d.table[size_t(i * P + j)]; };
    std::vector<double> scores;
    std::vector<uint8_t> same;
    std::vector<int64_t> right(sizes.size(), 0);
    int64_t trials = 0;
    for (int64_t i = 0; i < P; ++i)
      for (int64_t j = 0; j < P; ++j) {
        if (i == j || d.people[size_t(i)] != d.people[size_t(j)]) continue;
        scores.push_back(at(i, j)), same.push_back(1), ++trials;
        for (size_t k = 0; k < sizes.size(); ++k) {
          bool best = true;
          for (int64_t n = 0; n < D; ++n)
            best = best && (d.places[size_t(n)] >= sizes[k] || at(i, j) >= at(P + n, j));
          right[k] += best;
        }
      }
    for (int64_t n = 0; n < D; ++n)
      for (int64_t j = 0; j < P; ++j) scores.push_back(at(P + n, j)), same.push_back(0);
    const std::vector<OperatingPoint> expected = tar_at_far({scores, same}, far);
    const DistractorRates rates(t, d.people, far);
    const std::vector<double> rank_1 = rates.rank_1(once(rates.people())),
                              tar = rates.tar(once(rates.people()));
    for (size_t k = 0; k < sizes.size(); ++k)
      EXPECT_NEAR(rank_1[k], double(right[k]) / double(trials), 1e-12);
    for (size_t k = 0; k < far.size(); ++k) {
      EXPECT_EQ(t.found.points[k].threshold, expected[k].threshold);
      EXPECT_NEAR(t.found.points[k].tar, expected[k].tar, 1e-12);
      EXPECT_NEAR(t.found.points[k].realised_far, expected[k].realised_far, 1e-12);
      EXPECT_EQ(t.found.points[k].too_few_impostors, expected[k].too_few_impostors);
      EXPECT_NEAR(tar[k], expected[k].tar, 1e-12);
    }
    EXPECT_EQ(int64_t(t.found.tail.size()), P * D);
    EXPECT_TRUE(std::is_sorted(t.found.tail.rbegin(), t.found.tail.rend(),
                               [](const auto& a, const auto& b) { return a.score < b.score; }));
    EXPECT_EQ(roc_of(t).back().first, 1);
    EXPECT_EQ(
        roc_of(t).back().second,
        double(std::count_if(t.trials.begin(), t.trials.end(),
                             [&](const GenuineTrial& g) { return g.score >= t.found.tail.back().score; })) /
            double(trials));
  }
}

// A person drawn w times: its probes, and so its trials and impostor pairs, count w times.
TEST(Distractors, WeightsAreRepetitions) {
  const std::vector<double> far = {.5, 0, .02, .1};
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const int64_t P = 8, D = 25;
    const Drawn d = draw(seed, P, D);
    const DistractorTest t = Setting(d.table, d.people, d.places).run(options_of({10, 60}, far));
    const DistractorRates rates(t, d.people, far);
    std::vector<float> weights = {2, 0, 1, 3};
    weights.resize(size_t(rates.people()), 1);
    std::vector<double> scores;
    std::vector<uint8_t> same;
    const auto add = [&](double score, bool genuine, int64_t probe) {
      for (int w = 0; w < int(weights[size_t(d.people[size_t(probe)])]); ++w)
        scores.push_back(score), same.push_back(genuine);
    };
    for (const GenuineTrial& g : t.trials) add(g.score, true, g.probe);
    for (const ImpostorScore& s : t.found.tail) add(s.score, false, s.probe);
    const std::vector<double> tar = rates.tar(weights);
    for (size_t k = 0; k < far.size(); ++k)
      EXPECT_NEAR(tar[k], tar_at_far({scores, same}, far[k]).tar, 1e-12);
  }
}

TEST(Distractors, AShortTail) {
  const Drawn d = draw(3, 9, 60);
  DistractorOptions o = options_of({60}, {.01, .5});
  o.tail = 40, o.sample = 50;
  const DistractorTest t = Setting(d.table, d.people, d.places).run(o);
  EXPECT_LT(t.found.tail.size(), 40u);  // only what is above the 40th
  EXPECT_LT(t.found.tail_floor, t.found.tail.back().score);
  EXPECT_NEAR(double(t.found.sample.size()), 54, 2);  // every 10th of 540
  const DistractorRates rates(t, d.people, o.far);
  const std::vector<double> tar = rates.tar(once(rates.people()));
  EXPECT_NEAR(tar[0], t.found.points[0].tar, 1e-12);
  EXPECT_TRUE(std::isnan(tar[1]));
  DistractorOptions all = o;
  all.tail = 1 << 20;
  const DistractorTest u = Setting(d.table, d.people, d.places).run(all);
  EXPECT_EQ(t.found.points[1].tar, u.found.points[1].tar);
  EXPECT_EQ(t.found.points[1].threshold, u.found.points[1].threshold);
}

TEST(Distractors, IndependentOfThreads) {
  const Drawn d = draw(5, 30, 1500);  // several blocks
  const Setting s(d.table, d.people, d.places);
  const auto run = [&](int n) {
    const int before = threads();
    set_threads(n);
    DistractorTest t = s.run(options_of({10, 100, 5000}, {.001, .1}));
    set_threads(before);
    return t;
  };
  const DistractorTest one = run(1), four = run(4);
  EXPECT_EQ(one.found.best, four.found.best);
  EXPECT_EQ(one.found.sample, four.found.sample);
  ASSERT_EQ(one.found.tail.size(), four.found.tail.size());
  for (size_t i = 0; i < one.found.tail.size(); ++i) {
    EXPECT_EQ(one.found.tail[i].probe, four.found.tail[i].probe);
    EXPECT_EQ(one.found.tail[i].distractor, four.found.tail[i].distractor);
  }
}

TEST(Distractors, Faults) {
  const std::vector<float> table(12, .5f);
  const Setting good(table, {0, 0, 0}, {0});
  const auto message = [](const Setting& s, const DistractorOptions& o) {
    return thrown<std::exception>([&] { s.run(o); });
  };
  EXPECT_EQ(message(Setting(table, {0, 1, 2}, {0}), {}), "distractors: no person has two probes");
  EXPECT_EQ(message(Setting(table, {0, 0, 0}, {}), {}), "distractors: no impostor pair");
  EXPECT_NE(message(Setting(std::vector<float>(12, NAN), {0, 0, 0}, {0}), {})
                .find("the score of probes 0 and 1 is nan"),
            std::string::npos);
  std::vector<float> late = table;
  late[10] = INFINITY;
  EXPECT_EQ(message(Setting(late, {0, 0, 0}, {0}), {}), "distractors: a score that is not finite");
  EXPECT_NE(message(Setting(late, {0, 0, 0}, {0}), options_of({1}, {.1})).find("is inf"), std::string::npos);
  EXPECT_NE(message(good, options_of({10, 1}, {})).find("ascending sizes"), std::string::npos);
  EXPECT_NE(message(good, options_of({1}, {1.5})).find("lies in [0, 1], got 1.5"), std::string::npos);
  EXPECT_NE(message(Setting({}, People(10'001, 0), {}), {}).find("with the 10001 probes of person 0"),
            std::string::npos);
  Setting unsorted(std::vector<float>(15, .5f), {0, 0, 0}, {5, 1});
  EXPECT_NE(message(unsorted, {}).find("expected 2 ascending places, got 2"), std::string::npos);
}

}  // namespace
}  // namespace fr
