// IDA: log DAO against the figures of an independent implementation, anchors against brute force, what must not depend on
// anything, and every bad input.
#include "fr/calibration/discrepancy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/parallel.h"
#include "fr/calibration/anchors.h"
#include "fr/protocol/metrics.h"
#include "test/fr/calibrated_blocks.h"
#include "test/fr/random_rows.h"
#include "test/fr/thrown.h"

namespace fr {
namespace {

const std::vector<double> kDense = {.52, .41, .40, .33}, kSparse = {.30, .28, .27, .20};

double dao(double c, const std::vector<double>& s1, const std::vector<double>& s2, double tau) {
  return std::exp(log_dao(c, log_discrepancy(s1, tau), log_discrepancy(s2, tau), tau));
}

TEST(Discrepancy, Oracles) {
  struct {
    double tau, f1, f2, dao;
  } rows[] = {{.5, .203035336517, .219210958117, .528788626598},
              {1, .164700194087, .192146738788, .559647393184},
              {2, .107990776249, .147479076859, .628354445512}};
  for (const auto& o : rows) {
    EXPECT_NEAR(std::exp(log_discrepancy(kDense, o.tau)), o.f1, 1e-9);
    EXPECT_NEAR(std::exp(log_discrepancy(kSparse, o.tau)), o.f2, 1e-9);
    EXPECT_NEAR(dao(.45, kDense, kSparse, o.tau), o.dao, 1e-9);
  }
  EXPECT_NEAR(dao(.45, kDense, kSparse, 8), 1.358415719775, 1e-9);
  EXPECT_NEAR(dao(.45, kDense, kSparse, 0), .5, 1e-9);  // 2 / k
  EXPECT_NEAR(log_dao(.45, log_discrepancy(kDense, 1), log_discrepancy(kSparse, 1), 1), -.580448348598, 1e-9);
  // To first order: tau times the cosine less the mean cosine of both support sets.
  EXPECT_NEAR(.45 - (.415 + .2625) / 2 + std::log(2. / 4), -.581897180560, 1e-9);
}

// A pair with the lower cosine comes first, since its pictures have fewer neighbours.
TEST(Discrepancy, TheOrderChanges) {
  EXPECT_NEAR(dao(.45, kDense, kDense, 1), .516602642679, 1e-9);
  EXPECT_NEAR(dao(.40, kSparse, kSparse, 1), .573298500992, 1e-9);
}

TEST(Discrepancy, LogarithmsDoNotOverflow) {
  const double f1 = log_discrepancy(kDense, 5000), f2 = log_discrepancy(kSparse, 5000);
  EXPECT_NEAR(f1, -5000 * .52, 1e-9);
  EXPECT_NEAR(log_dao(.45, f1, f2, 5000), 5000 * (.45 - .30), 1e-9);
  EXPECT_EQ(log_dao(.45, f1, f2, 5000), log_dao(.45, f2, f1, 5000));
  EXPECT_EQ(thrown<std::invalid_argument>([] { log_discrepancy({}, 1); }), "ida: the support set is empty");
}

TEST(Discrepancy, Bounds) {
  Random random({3, Purpose::test, 0, 0});
  for (int trial = 0; trial < 200; ++trial) {
    const int k = 1 + int(random.below(20));
    const double tau = random.uniform(0, 9);
    std::vector<double> s;
    for (int i = 0; i < k; ++i) s.push_back(random.uniform(-1, 1));
    const double f = log_discrepancy(s, tau);
    EXPECT_LE(f, tau - std::log(k) + 1e-12);
    EXPECT_GE(f, -tau - std::log(k) - 1e-12);
  }
}

// --- anchors ---

double exact_log_f(const Rows& x, int64_t i, const Rows& anchors, int64_t k, double tau,
                   const std::function<bool(int64_t)>& counts) {
  std::vector<double> s;
  for (int64_t j = 0; j < anchors.N; ++j)
    if (counts(j)) s.push_back(cosine(x.row(i), anchors.row(j), x.D));
  std::sort(s.rbegin(), s.rend());
  s.resize(size_t(k));
  return log_discrepancy(s, tau);
}
double exact_log_f(const Rows& x, int64_t i, const Rows& anchors, int64_t k, double tau) {
  return exact_log_f(x, i, anchors, k, tau, [](int64_t) { return true; });
}

TEST(Anchors, AgainstBruteForce) {
  const Rows x = random_rows(1, 9, 24), anchors = random_rows(3, 300, 24);
  for (const int64_t k : {1, 2, 10, 299, 300})
    for (const double tau : {0., 1., 8.}) {
      const AnchorDiscrepancy ida(anchors.view(), k, tau);
      EXPECT_EQ(ida.name(), "ida_r");
      const CalibratedRows r = ida.prepare(x.view());
      const std::vector<double> log_f = ida.log_f(r, {});
      for (int64_t i = 0; i < x.N; ++i) {
        const double exact = exact_log_f(x, i, anchors, k, tau);
        EXPECT_NEAR(log_f[size_t(i)], exact, 1e-7 * (1 + tau));
        EXPECT_FLOAT_EQ(r.context[size_t(i)], float(log_f[size_t(i)]));
        for (int64_t j = 0; j < x.N; ++j) {
          const double score =
              log_dao(cosine(x.row(i), x.row(j), 24), exact, exact_log_f(x, j, anchors, k, tau), tau);
          EXPECT_NEAR(ida.score(r, i, r, j), score, 1e-6 * (1 + tau));
          EXPECT_NEAR(block(ida, r, i, 1, r, j, 1)[0], score, 2e-6 * (1 + tau));
          EXPECT_EQ(ida.score(r, i, r, j), ida.score(r, j, r, i));
        }
      }
    }
}

TEST(Anchors, TauZeroTiesEverything) {
  const AnchorDiscrepancy ida(random_rows(3, 50, 8).view(), 10, 0);
  const CalibratedRows r = ida.prepare(random_rows(1, 6, 8).view());
  for (const float s : block(ida, r, 0, 6, r, 0, 6)) EXPECT_NEAR(s, std::log(2. / 10), 1e-6);
}

TEST(Anchors, Blocks) {
  const Rows a = random_rows(1, 70, 40), b = random_rows(2, 50, 40), anchors = random_rows(3, 1500, 40);
  const AnchorDiscrepancy ida(anchors.view(), 10, 1);
  expect_blocks(ida, ida.prepare(a.view()), ida.prepare(b.view()));
}

// A gallery prepared once is the same as one prepared row by row, whatever the set, the threads and the vector kernels.
TEST(Anchors, AContextDependsOnItsRowAlone) {
  const Rows x = random_rows(1, 131, 40), anchors = random_rows(3, 2500, 40);
  const AnchorDiscrepancy ida(anchors.view(), 10, 1);
  const CalibratedRows all = ida.prepare(x.view());
  ASSERT_EQ(all.C, 1);
  for (const int64_t n : {1, 3, 4, 5, 6})
    for (const int64_t i : {0, 63, 125}) {
      const Rows some{{x.row(i), x.row(i) + n * 40}, n, 40};
      const CalibratedRows r = ida.prepare(some.view());
      for (int64_t j = 0; j < n; ++j) EXPECT_EQ(r.context[size_t(j)], all.context[size_t(i + j)]);
    }
  const int before = threads();
  set_threads(3);
  EXPECT_EQ(ida.prepare(x.view()).context, all.context);
  set_threads(before);
}

TEST(Anchors, OwnPeopleAreLeftOut) {
  const Rows x = random_rows(1, 20, 16), anchors = random_rows(3, 60, 16);
  std::vector<std::string> whose, people;
  for (int64_t j = 0; j < 60; ++j) whose.push_back(j % 7 == 6 ? "" : "p" + std::to_string(j % 6));
  for (int64_t i = 0; i < 20; ++i) people.push_back(i % 4 == 3 ? "" : "p" + std::to_string(i % 9));
  const AnchorDiscrepancy ida({anchors.values, 60, 16, whose}, 10, 1);
  const CalibratedRows r = ida.prepare({x.values, 20, 16, people});
  for (int64_t i = 0; i < 20; ++i) {
    const auto other = [&](int64_t j) {
      return whose[size_t(j)].empty() || whose[size_t(j)] != people[size_t(i)];
    };
    EXPECT_NEAR(r.context[size_t(i)], exact_log_f(x, i, anchors, 10, 1, other), 1e-6);
    const std::vector<std::string> one = {people[size_t(i)]};  // alone: the same bits
    EXPECT_EQ(ida.prepare({{x.row(i), 16}, 1, 16, one}).context[0], r.context[size_t(i)]);
  }
}

// An anchor that is the picture itself would make F the smallest there is.
TEST(Anchors, APictureAmongItsOwnAnchors) {
  Rows anchors = random_rows(3, 40, 16);
  const std::vector<std::string> whose(40, "somebody"), me = {"me"};
  std::vector<std::string> with_me = whose;
  with_me[7] = "me";
  const Rows x{{anchors.row(7), anchors.row(7) + 16}, 1, 16};
  const AnchorDiscrepancy ida({anchors.values, 40, 16, with_me}, 3, 1), blind(anchors.view(), 3, 1);
  EXPECT_GT(ida.prepare({x.values, 1, 16, me}).context[0], blind.prepare(x.view()).context[0] + 0.1);
  EXPECT_EQ(ida.prepare(x.view()).context, blind.prepare(x.view()).context);  // nobody said who it is
}

TEST(Anchors, LengthsAndOrderDoNotMatter) {
  const Rows x = random_rows(1, 5, 24), anchors = random_rows(3, 60, 24);
  Rows turned = anchors, longer = x;
  for (float& v : longer.values) v *= 8;
  for (int64_t j = 0; j < 60; ++j) {
    std::copy_n(anchors.row(j), 24, turned.values.begin() + (59 - j) * 24);
    for (int64_t d = 0; d < 24; ++d) turned.values[size_t((59 - j) * 24 + d)] *= 0.25f;
  }
  const AnchorDiscrepancy ida(anchors.view(), 10, 1), other(turned.view(), 10, 1);
  EXPECT_EQ(other.prepare(longer.view()).context, ida.prepare(x.view()).context);
}

// Anchors that all are at right angles to every embedding give everybody the same F.
TEST(Anchors, ConstantDiscrepancyLeavesTarAtFar) {
  Rows x = random_rows(1, 60, 8), anchors = random_rows(3, 30, 8);
  for (int64_t i = 0; i < 60; ++i) std::fill_n(x.values.begin() + i * 8 + 4, 4, 0.0f);
  for (int64_t i = 0; i < 30; ++i) std::fill_n(anchors.values.begin() + i * 8, 4, 0.0f);
  const AnchorDiscrepancy ida(anchors.view(), 10, 1);
  const CalibratedRows r = ida.prepare(x.view()), plain = Cosine().prepare(x.view());
  std::vector<double> raw, calibrated;
  std::vector<uint8_t> same;
  for (int64_t i = 0; i < 60; ++i)
    for (int64_t j = 0; j < i; ++j) {
      raw.push_back(Cosine().score(plain, i, plain, j)), calibrated.push_back(ida.score(r, i, r, j));
      same.push_back(i % 12 == j % 12);
    }
  for (const double far : {0., 1e-3, 1e-2, 1e-1, .5})
    EXPECT_EQ(tar_at_far({raw, same}, far).tar, tar_at_far({calibrated, same}, far).tar) << far;
}

TEST(Anchors, OneAnchor) {
  const Rows x = random_rows(1, 3, 8), anchor = random_rows(3, 1, 8);
  const AnchorDiscrepancy ida(anchor.view(), 1, 1);
  const CalibratedRows r = ida.prepare(x.view());
  for (int64_t i = 0; i < 3; ++i)
    EXPECT_NEAR(r.context[size_t(i)], -cosine(x.row(i), anchor.row(0), 8), 1e-6);
}

TEST(Anchors, DuplicatesCountTwice) {
  const Rows x = random_rows(1, 2, 8), anchors = random_rows(3, 30, 8);
  Rows twice = anchors;
  twice.N = 60, twice.values.insert(twice.values.end(), anchors.values.begin(), anchors.values.end());
  const AnchorDiscrepancy once(anchors.view(), 5, 1), doubled(twice.view(), 10, 1);
  for (int64_t i = 0; i < 2; ++i)
    EXPECT_NEAR(doubled.prepare(x.view()).context[size_t(i)] + std::log(2),
                once.prepare(x.view()).context[size_t(i)], 1e-6);
}

TEST(Anchors, WithoutADirection) {
  Rows x = random_rows(1, 2, 8), anchors = random_rows(3, 30, 8);
  std::fill_n(x.values.begin(), 8, 0.0f);
  std::fill_n(anchors.values.begin() + 80, 8, 0.0f);
  const AnchorDiscrepancy ida(anchors.view(), 10, 1);
  EXPECT_EQ(ida.anchors(), 29);
  EXPECT_NEAR(ida.prepare(x.view()).context[0], -std::log(10), 1e-6);  // cosine 0 with everybody
}

TEST(Anchors, Faults) {
  const Rows x = random_rows(1, 3, 8), anchors = random_rows(3, 12, 8);
  const auto make = [&](int64_t k, double tau) { AnchorDiscrepancy(anchors.view(), k, tau); };
  EXPECT_EQ(thrown<Error>([&] { make(0, 1); }), "ida: k = 0, expected 1 neighbour or more");
  EXPECT_EQ(thrown<Error>([&] { make(13, 1); }), "ida: k = 13, but only 12 of 12 anchors have a direction");
  EXPECT_EQ(thrown<Error>([&] { make(3, -1); }), "ida: tau = -1, expected a number of 0 or more");
  EXPECT_EQ(thrown<Error>([&] { make(3, NAN); }), "ida: tau = nan, expected a number of 0 or more");
  Rows bad = x;
  bad.values[17] = NAN;
  const AnchorDiscrepancy ida(anchors.view(), 3, 1);
  EXPECT_EQ(thrown<Error>([&] { ida.prepare(bad.view()); }),
            "calibration: embedding 2 is not finite (column 1)");
  EXPECT_EQ(thrown<Error>([&] { AnchorDiscrepancy(bad.view(), 3, 1); }),
            "calibration: embedding 2 is not finite (column 1)");
  EXPECT_EQ(thrown<Error>([&] { ida.prepare(random_rows(1, 2, 16).view()); }),
            "ida: made for embeddings of 8 numbers, these have 16; calibrate with the same model and flip");
  const std::vector<std::string> all(12, "ann"), who = {"bob", "ann", "cid"}, two = {"ann", "bob"};
  const AnchorDiscrepancy of_ann({anchors.values, 12, 8, all}, 3, 1);
  EXPECT_EQ(thrown<Error>([&] {
              of_ann.prepare({x.values, 3, 8, who});
            }),
            "ida: embedding 1: k = 3, but only 0 of 12 anchors are of other people than ann");
  EXPECT_EQ(thrown<std::invalid_argument>([&] {
              ida.prepare({x.values, 3, 8, two});
            }),
            "ida: 3 embeddings of 2 people");
  EXPECT_EQ(thrown<std::invalid_argument>([&] {
              AnchorDiscrepancy({anchors.values, 12, 8, two}, 3, 1);
            }),
            "ida: 12 anchors of 2 people");
  const CalibratedRows bare = Cosine().prepare(x.view());
  EXPECT_EQ(thrown<std::invalid_argument>([&] { ida.score(bare, 0, bare, 1); }),
            "ida: rows with contexts of 1 number expected, got 0 and 0");
}

TEST(Anchors, WhatAScoreIs) {
  EXPECT_EQ(
      AnchorDiscrepancy(random_rows(3, 12, 8).view(), 3, .5).score(),
      "log DAO: cosine similarity less the density of other people around both faces (ida_r: 12 anchors, "
      "k = 3, tau = 0.5)");
}

}  // namespace
}  // namespace fr
