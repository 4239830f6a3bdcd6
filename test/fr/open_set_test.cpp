// Identification: the oracle of the open set, ties, both rules of the threshold, brute force.
#include "fr/protocol/open_set.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "base/error.h"
#include "base/parallel.h"
#include "base/philox.h"
#include "test/fr/table_calibrator.h"
#include "test/fr/thrown.h"

namespace fr {
namespace {

using People = std::vector<int64_t>;
constexpr auto kNist = FpirRule::nist, kBlufr = FpirRule::blufr;

struct Search {
  TableCalibrator calibrator;
  CalibratedRows gallery, probes;
  People gallery_people, probe_people;
  // table: (gallery, probes)
  Search(std::vector<float> table, People g, People p)
      : calibrator(std::move(table), int64_t(p.size())),
        gallery(TableCalibrator::places(0, int64_t(g.size()))),
        probes(TableCalibrator::places(0, int64_t(p.size()))),
        gallery_people(std::move(g)),
        probe_people(std::move(p)) {}
  std::vector<ProbeResult> run() const {
    return search_probes({&calibrator, &gallery, gallery_people, &probes, probe_people});
  }
};

// Three mated probes (mates 0, 1, 0) and four without a mate, whose best scores are .7 .55 .35 .2.
Search oracle() {
  return {{.9f, .3f,  .5f, .7f, .1f,  .35f, .0f,   //
           .2f, .6f,  .4f, .6f, .55f, .3f,  .1f,   //
           .1f, .65f, .2f, .1f, .2f,  .1f,  .2f},  //
          {0, 1, 2},
          {0, 1, 0, 7, 8, 9, -1}};
}

TEST(OpenSet, Oracle) {
  const std::vector<ProbeResult> found = oracle().run();
  EXPECT_EQ(found[0].rank, 1);
  EXPECT_EQ(found[1].rank, 2);
  EXPECT_EQ(found[2].rank, 1);
  EXPECT_EQ(found[1].mate, .6f);
  EXPECT_EQ(found[1].best, .65f);
  for (size_t j = 3; j < 7; ++j) EXPECT_FALSE(found[j].mated());
  const Identification id(found);
  EXPECT_EQ(id.mated(), 3);
  EXPECT_EQ(id.non_mated(), 4);
  const auto tpir = [&](double fpir) { return id.at_fpir(fpir, 1, kNist).rate; };
  EXPECT_NEAR(tpir(.25), 1.0 / 3, 1e-9);
  EXPECT_NEAR(tpir(.5), 1.0 / 3, 1e-9);
  EXPECT_NEAR(tpir(1), 2.0 / 3, 1e-9);
  EXPECT_NEAR(id.at_fpir(.5, 2, kNist).rate, 2.0 / 3, 1e-9);
  EXPECT_EQ(id.at_fpir(.5, 1, kNist).threshold, double(.55f));
  EXPECT_EQ(id.at_fpir(.5, 1, kNist).realised_fpir, .5);
  EXPECT_EQ(id.cmc(3), (std::vector<double>{2.0 / 3, 1, 1}));
}

TEST(OpenSet, NoFalseAlarmIsAllowed) {
  const Identification id(oracle().run());
  const IdentificationPoint p = id.at_fpir(.2, 1, kNist);  // .2 x 4 < 1
  EXPECT_TRUE(p.too_few);
  EXPECT_FALSE(id.at_fpir(.25, 1, kNist).too_few);
  EXPECT_EQ(p.realised_fpir, 0);
  EXPECT_GT(p.threshold, double(.7f));
  EXPECT_LT(p.threshold, double(.7f) + 1e-12);
  EXPECT_NEAR(p.rate, 1.0 / 3, 1e-9);
}

TEST(OpenSet, BlufrRule) {
  const Identification id(oracle().run());
  const auto at = [&](double fpir) { return id.at_fpir(fpir, 1, kBlufr); };
  EXPECT_NEAR(at(0).threshold, (double(.7f) + double(.9f)) / 2, 1e-12);  // the next mate above .7
  EXPECT_EQ(at(.13).threshold, double(.7f));                             // round(.52) = 1
  EXPECT_EQ(at(.12).threshold, at(0).threshold);                         // round(.48) = 0
  EXPECT_EQ(at(.5).threshold, double(.55f));
  EXPECT_NEAR(at(1).threshold, double(.2f) - std::sqrt(2.220446049250313e-16), 1e-15);
  EXPECT_EQ(at(1).realised_fpir, 1);
  const std::vector<ProbeResult> low = {{.5f, .5f, 1}, {.8f, -INFINITY, 0}};  // no mate above the largest
  EXPECT_NEAR(Identification(low).at_fpir(0, 1, kBlufr).threshold, double(.8f) + 1.4901161193847656e-08,
              1e-15);
}

TEST(OpenSet, TiesFavourTheMate) {
  const Search s({.5f, .5f, .5f, .5f, .6f, .6f}, {0, 1, 2}, {0, 3});  // (3,2)
  const std::vector<ProbeResult> found = s.run();
  EXPECT_EQ(found[0].rank, 2);
  const Search t({.5f, .5f, .5f}, {0, 1, 2}, {1});
  EXPECT_EQ(t.run()[0].rank, 1);
  // Tied best scores of probes without a mate: the realised rate exceeds the one asked for, and says so.
  const std::vector<ProbeResult> tied = {{.9f, .9f, 1}, {.7f, -INFINITY, 0}, {.7f, -INFINITY, 0}};
  const IdentificationPoint p = Identification(tied).at_fpir(.5, 1, kNist);
  EXPECT_EQ(p.threshold, double(.7f));
  EXPECT_EQ(p.realised_fpir, 1);
}

TEST(OpenSet, SeveralMates) {
  const Search s({.2f, .9f, .4f, .3f}, {5, 6, 5, -1}, {5});
  const ProbeResult p = s.run()[0];
  EXPECT_EQ(p.mate, .4f);
  EXPECT_EQ(p.rank, 2);
}

TEST(OpenSet, DirCurve) {
  const Identification id(oracle().run());
  const std::vector<std::pair<double, double>> expected = {
      {0, 1.0 / 3}, {.25, 1.0 / 3}, {.5, 1.0 / 3}, {.75, 2.0 / 3}, {1, 2.0 / 3}};
  EXPECT_EQ(id.dir_curve(1), expected);
  std::vector<ProbeResult> many(1, {1, 1, 1});
  for (int i = 0; i < 5000; ++i) many.push_back({float(i % 2500), -INFINITY, 0});
  const auto thinned = Identification(many).dir_curve(1, 100);
  EXPECT_GT(thinned.size(), 50u);
  EXPECT_LE(thinned.size(), 102u);
  EXPECT_EQ(thinned.back().first, 1);
  for (size_t i = 1; i < thinned.size(); ++i) EXPECT_LT(thinned[i - 1].first, thinned[i].first);
}

struct Drawn {
  std::vector<float> table;
  People gallery, probes;
};
Drawn draw(uint64_t seed, int64_t G, int64_t P) {
  Random random({seed, Purpose::test, 0, 0});
  Drawn d;
  for (int64_t i = 0; i < G; ++i) d.gallery.push_back(int64_t(random.below(9)) - 1);
  for (int64_t j = 0; j < P; ++j) d.probes.push_back(int64_t(random.below(14)) - 1);
  for (int64_t k = 0; k < G * P; ++k) d.table.push_back(float(random.below(20)) / 20);  // many ties
  return d;
}

TEST(OpenSet, BruteForce) {
  for (uint64_t seed = 0; seed < 30; ++seed) {
    const int64_t G = 1 + int64_t(seed % 12), P = 17;
    const Drawn d = draw(seed, G, P);
    const std::vector<ProbeResult> found = Search(d.table, d.gallery, d.probes).run();
    for (int64_t j = 0; j < P; ++j) {
      float best = -INFINITY, mate = -INFINITY;
      for (int64_t i = 0; i < G; ++i) {
        const float s = d.table[size_t(i * P + j)];
        best = std::max(best, s);
        if (d.gallery[size_t(i)] >= 0 && d.gallery[size_t(i)] == d.probes[size_t(j)])
          mate = std::max(mate, s);
      }
      std::set<int64_t> higher;  // people; a row of nobody is one of its own
      for (int64_t i = 0; i < G; ++i)
        if (d.table[size_t(i * P + j)] > mate)
          higher.insert(d.gallery[size_t(i)] < 0 ? -1 - i : d.gallery[size_t(i)]);
      const auto above = int64_t(higher.size());
      EXPECT_EQ(found[size_t(j)].best, best);
      EXPECT_EQ(found[size_t(j)].mate, mate);
      EXPECT_EQ(found[size_t(j)].rank, mate > -INFINITY ? above + 1 : 0);
    }
  }
}

// A probe that counts w times is w probes.
TEST(OpenSet, WeightsAreRepetitions) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const Drawn d = draw(seed, 8, 40);
    const std::vector<ProbeResult> found = Search(d.table, d.gallery, d.probes).run();
    Random random({seed, Purpose::test, 1, 0});
    std::vector<float> weights;
    std::vector<ProbeResult> repeated;
    for (const ProbeResult& p : found) {
      weights.push_back(float(random.below(4)));
      repeated.insert(repeated.end(), size_t(weights.back()), p);
    }
    const Identification once(found), many(repeated);
    for (int64_t rank : {1, 2, 5}) {
      EXPECT_NEAR(once.rank_rate(rank, weights), many.rank_rate(rank), 1e-12);
      for (double fpir : {0.0, .01, .1, .3, .5, 1.0})
        for (FpirRule rule : {kNist, kBlufr}) {
          const IdentificationPoint a = once.at_fpir(fpir, rank, rule, weights),
                                    b = many.at_fpir(fpir, rank, rule);
          EXPECT_EQ(a.threshold, b.threshold);
          EXPECT_NEAR(a.rate, b.rate, 1e-12);
          EXPECT_NEAR(a.realised_fpir, b.realised_fpir, 1e-12);
        }
    }
    EXPECT_TRUE(std::isnan(once.rank_rate(1, std::vector<float>(found.size(), 0))));
    for (size_t j = 0; j < found.size(); ++j)
      weights[j] = found[j].mated();  // nobody is left to raise an alarm
    EXPECT_TRUE(std::isnan(once.at_fpir(.1, 1, kNist, weights).rate));
  }
}

TEST(OpenSet, IndependentOfThreads) {
  const Drawn d = draw(1, 600, 2100);  // several blocks either way
  const Search s(d.table, d.gallery, d.probes);
  const int before = threads();
  set_threads(1);
  const std::vector<ProbeResult> one = s.run();
  set_threads(4);
  const std::vector<ProbeResult> four = s.run();
  set_threads(before);
  for (size_t j = 0; j < one.size(); ++j) {
    EXPECT_EQ(one[j].rank, four[j].rank);
    EXPECT_EQ(one[j].best, four[j].best);
  }
}

TEST(OpenSet, Faults) {
  const auto message = [](const Search& s) { return thrown<std::exception>([&] { (void)s.run(); }); };
  EXPECT_NE(message(Search({.1f, NAN}, {0, 1}, {0})).find("not finite"), std::string::npos);
  Search wrong({.1f, .2f}, {0, 1}, {0});
  wrong.gallery_people.pop_back();
  EXPECT_NE(message(wrong).find("2 rows of the gallery and 1 probes, but people of 1 and 1"),
            std::string::npos);
  Search wider({.1f, .2f}, {0, 1}, {0});
  wider.probes.D = 2, wider.probes.rows.push_back(0);
  EXPECT_NE(message(wider).find("rows of 1 + 0 numbers cannot meet rows of 2 + 0"), std::string::npos);
  EXPECT_EQ(thrown<Error>([] {
              check_open_set(People{0, -1}, People{-1, 5}, "here");
            }),
            "here: needs probes with and without a mate, got 0 with and 2 without");
  EXPECT_NO_THROW(check_open_set(People{0}, People{0, 5}, "here"));
  EXPECT_NE(message(Search({}, {}, {0})).find("a gallery of 0 rows"), std::string::npos);
  const std::vector<ProbeResult> mated = {{.9f, .9f, 1}}, alone = {{.9f, -INFINITY, 0}};
  for (const auto& probes : {mated, alone, std::vector<ProbeResult>()})
    EXPECT_THROW(Identification(probes).at_fpir(.1, 1, kNist), Error);
  EXPECT_EQ(thrown<Error>([&] { Identification(mated).at_fpir(.1, 1, kNist); }),
            "open-set identification: needs probes with and without a mate, got 1 with and 0 without");
  EXPECT_THROW(Identification(oracle().run()).at_fpir(1.1, 1, kNist), std::invalid_argument);
}

}  // namespace
}  // namespace fr
