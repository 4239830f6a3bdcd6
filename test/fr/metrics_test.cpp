// Verification metrics: figures of an independent implementation, and brute force on random scores full of ties.
#include "fr/protocol/metrics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "base/error.h"
#include "base/philox.h"

namespace fr {
namespace {

struct Scores {
  std::vector<double> scores;
  std::vector<uint8_t> same;
  ScoreView view() const { return {scores, same}; }
  int64_t count(bool genuine) const { return std::count(same.begin(), same.end(), uint8_t(genuine)); }
  int64_t at_least(double t, bool genuine) const {
    int64_t n = 0;
    for (size_t i = 0; i < scores.size(); ++i) n += scores[i] >= t && (same[i] != 0) == genuine;
    return n;
  }
};

Scores oracle() { return {{.9, .8, .8, .7, .6, .55, .5, .4, .3, .2}, {1, 1, 0, 1, 1, 0, 1, 0, 0, 0}}; }

// 200 pairs, 21 distinct scores.
Scores random_scores(uint64_t seed) {
  Random random({seed, Purpose::test, 0, 0});
  Scores s;
  for (int i = 0; i < 200; ++i) {
    const bool same = random.chance(0.4);
    s.same.push_back(same);
    s.scores.push_back(
        std::clamp(std::round(10 * (0.3 * random.normal() + (same ? 0.3 : -0.1))), -10.0, 10.0) / 10);
  }
  return s;
}

template <class F>
void expect_data_error(const F& f, const std::string& words) {
  try {
    f();
    FAIL() << "no error";
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::data);
    EXPECT_NE(std::string(e.what()).find(words), std::string::npos) << e.what();
  }
}

TEST(Metrics, AucOracle) { EXPECT_NEAR(auc(oracle().view()), 0.82, 1e-12); }

TEST(Metrics, AucCountsPairs) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    const Scores s = random_scores(seed);
    double wins = 0;
    for (size_t i = 0; i < s.scores.size(); ++i)
      for (size_t j = 0; j < s.scores.size(); ++j)
        if (s.same[i] && !s.same[j])
          wins += s.scores[i] > s.scores[j] ? 1 : s.scores[i] == s.scores[j] ? 0.5 : 0;
    EXPECT_NEAR(auc(s.view()), wins / double(s.count(true) * s.count(false)), 1e-12);
  }
  EXPECT_EQ(auc({std::vector<double>{1, 1}, std::vector<uint8_t>{1, 0}}), 0.5);
}

TEST(Metrics, TarAtFarOracle) {
  const double far[] = {0, .1, .2, .4, .6, 1}, tar[] = {.2, .2, .8, 1, 1, 1},
               threshold[] = {.9, .9, .6, .5, .4, .2};
  const std::vector<OperatingPoint> points = tar_at_far(oracle().view(), far);
  for (size_t i = 0; i < 6; ++i) {
    EXPECT_NEAR(points[i].tar, tar[i], 1e-12) << far[i];
    EXPECT_EQ(points[i].too_few_impostors, far[i] < 0.2) << far[i];
    EXPECT_LE(points[i].realised_far, far[i] + 1e-12);
    EXPECT_EQ(points[i].threshold, threshold[i]) << far[i];
  }
  EXPECT_EQ(points[2].realised_far, 0.2);
}

TEST(Metrics, TarAtFarIsTheBestAdmissible) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    const Scores s = random_scores(seed);
    for (double far : {0.0, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0}) {
      double best = 0;
      for (double t : s.scores)
        if (double(s.at_least(t, false)) <= far * double(s.count(false)) + 1e-9)
          best = std::max(best, double(s.at_least(t, true)) / double(s.count(true)));
      const OperatingPoint p = tar_at_far(s.view(), far);
      EXPECT_EQ(p.tar, best) << far;
      EXPECT_EQ(p.tar, double(s.at_least(p.threshold, true)) / double(s.count(true)));
      EXPECT_EQ(p.realised_far, double(s.at_least(p.threshold, false)) / double(s.count(false)));
    }
  }
}

TEST(Metrics, NoAdmissibleThreshold) {
  const OperatingPoint p = tar_at_far({std::vector<double>{.9, .5, .4}, std::vector<uint8_t>{0, 1, 0}}, 0.01);
  EXPECT_EQ(p.tar, 0);
  EXPECT_EQ(p.realised_far, 0);
  EXPECT_TRUE(std::isinf(p.threshold) && p.too_few_impostors);
}

TEST(Metrics, Roc) {
  const std::vector<RocPoint> points = roc(oracle().view());
  ASSERT_EQ(points.size(), 10u);  // nine distinct scores and the point that accepts nothing
  EXPECT_TRUE(points[0].far == 0 && points[0].tar == 0 && std::isinf(points[0].threshold));
  EXPECT_TRUE(points[2].threshold == .8 && points[2].far == .2 && points[2].tar == .4);
  EXPECT_TRUE(points[9].far == 1 && points[9].tar == 1);
}

TEST(Metrics, Eer) {
  // 0.6 -> FAR .2, FRR .2
  EXPECT_NEAR(eer(oracle().view()), 0.2, 1e-12);
  // Perfect, useless, reversed.
  EXPECT_EQ(eer({std::vector<double>{.9, .8, .2, .1}, std::vector<uint8_t>{1, 1, 0, 0}}), 0);
  EXPECT_EQ(eer({std::vector<double>{.5, .5}, std::vector<uint8_t>{1, 0}}), 0.5);
  EXPECT_EQ(eer({std::vector<double>{.9, .1}, std::vector<uint8_t>{0, 1}}), 1);
  // Points (0, 2/3) and (1/2, 1): on the line between them far = frr at far = 1/5.
  EXPECT_NEAR(eer({std::vector<double>{.9, .8, .5, .5, .1}, std::vector<uint8_t>{1, 1, 1, 0, 0}}), 0.2,
              1e-12);
}

TEST(Metrics, ExactThresholdOracle) {
  const Scores s = oracle();
  const double t = best_threshold(s.view(), ThresholdMode::exact);
  EXPECT_NEAR(t, 0.45, 1e-12);  // .45 (gap .1) and .575 (gap .05) are both right for .8 of the pairs
  EXPECT_NEAR(accuracy_at(s.view(), t, ThresholdMode::exact), 0.8, 1e-12);
  EXPECT_NEAR(accuracy_at(s.view(), 0.575, ThresholdMode::exact), 0.8, 1e-12);
}

TEST(Metrics, ExactThresholdIsTheBest) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    const Scores s = random_scores(seed);
    const std::set<double> distinct(s.scores.begin(), s.scores.end());
    std::vector<double> candidates = {*distinct.begin() - 1, *distinct.rbegin() + 1};
    for (auto i = distinct.begin(); std::next(i) != distinct.end(); ++i)
      candidates.push_back((*i + *std::next(i)) / 2);
    double best = 0;
    for (double t : candidates) best = std::max(best, accuracy_at(s.view(), t, ThresholdMode::exact));
    EXPECT_EQ(accuracy_at(s.view(), best_threshold(s.view(), ThresholdMode::exact), ThresholdMode::exact),
              best);
  }
}

TEST(Metrics, ExactThresholdTies) {
  const auto threshold = [](std::vector<double> scores, std::vector<uint8_t> same) {
    return best_threshold({scores, same}, ThresholdMode::exact);
  };
  EXPECT_EQ(threshold({4, 2, 1}, {1, 0, 0}), 3);
  EXPECT_EQ(threshold({5, 4, 3, 2}, {1, 0, 1, 0}), 2.5);  // the same gap: the smallest
  EXPECT_EQ(threshold({8, 4, 3, 2}, {1, 0, 1, 0}), 6);    // the widest gap
  EXPECT_LE(threshold({3, 2}, {1, 1}), 2);                // only genuine: accept all
  EXPECT_GT(threshold({3, 2}, {0, 0}), 3);                // only impostors: reject all
  const double a = 0.1, b = std::nextafter(a, 1);
  EXPECT_EQ(threshold({b, a}, {1, 0}), b);  // no number lies between
}

TEST(Metrics, SpherefaceThresholdOracle) {
  const Scores s = oracle();
  const double t = best_threshold(s.view(), ThresholdMode::sphereface);
  EXPECT_NEAR(t, 0.491638851803, 1e-9);
  EXPECT_NEAR(accuracy_at(s.view(), t, ThresholdMode::sphereface), 0.8, 1e-12);
  // A score equal to the threshold is wrong on either side.
  EXPECT_EQ(
      accuracy_at({std::vector<double>{.5, .5}, std::vector<uint8_t>{1, 0}}, 0.5, ThresholdMode::sphereface),
      0);
}

TEST(Metrics, GridThresholdsEqualBruteForce) {
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    const Scores s = random_scores(seed);
    double best = -1, first = 0;
    for (int i = 0; i < 400; ++i) {
      const double a = accuracy_at(s.view(), i * 0.01, ThresholdMode::insightface);
      if (a > best) best = a, first = i * 0.01;
    }
    EXPECT_EQ(best_threshold(s.view(), ThresholdMode::insightface), first);
    best = -1;
    double sum = 0, count = 0;
    for (int n = -10000; n <= 10000; ++n) {
      const double a = accuracy_at(s.view(), n / 10000.0, ThresholdMode::sphereface);
      if (a > best) best = a, sum = 0, count = 0;
      if (a == best) sum += n / 10000.0, ++count;
    }
    EXPECT_NEAR(best_threshold(s.view(), ThresholdMode::sphereface), sum / count, 1e-12);
  }
}

// The best genuine scores of the oracle are .6 and .5 (8 of 10); just below their mean only 7 are right.
TEST(Metrics, PfeThreshold) {
  const Scores s = oracle();
  const double t = best_threshold(s.view(), ThresholdMode::pfe);
  EXPECT_NEAR(t, 0.55, 1e-12);
  EXPECT_NEAR(accuracy_at(s.view(), 0.6, ThresholdMode::pfe), 0.8, 1e-12);
  EXPECT_NEAR(accuracy_at(s.view(), 0.549, ThresholdMode::pfe), 0.7, 1e-12);
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    const Scores r = random_scores(seed);
    double best = -1, sum = 0, count = 0;
    for (size_t i = 0; i < r.scores.size(); ++i) {
      if (!r.same[i]) continue;
      const double a = accuracy_at(r.view(), r.scores[i], ThresholdMode::pfe);
      if (a > best) best = a, sum = 0, count = 0;
      if (a == best) sum += r.scores[i], ++count;
    }
    EXPECT_NEAR(best_threshold(r.view(), ThresholdMode::pfe), sum / count, 1e-12);
  }
  // One best score that occurs three times is the threshold itself, not a number beside it.
  const Scores thrice{{.1, .1, .1, .05}, {1, 1, 1, 0}};
  EXPECT_EQ(best_threshold(thrice.view(), ThresholdMode::pfe), .1);
  expect_data_error(
      [] {
        best_threshold({std::vector<double>{.5}, std::vector<uint8_t>{0}}, ThresholdMode::pfe);
      },
      "no genuine pair");
}

TEST(Metrics, InsightfaceDistances) {
  // Squared distances .2 and 1: the first threshold above .2 is .21 (.2 itself: strictly below is needed).
  const Scores s{{0.9, 0.5}, {1, 0}};
  EXPECT_NEAR(best_threshold(s.view(), ThresholdMode::insightface), 0.21, 0.0101);
  EXPECT_EQ(accuracy_at(s.view(), 0.3, ThresholdMode::insightface), 1);
  EXPECT_EQ(accuracy_at(s.view(), 0.1, ThresholdMode::insightface), 0.5);
}

TEST(Metrics, KFold) {
  Scores s = random_scores(9);
  std::vector<int> fold(200);
  for (int i = 0; i < 200; ++i) fold[size_t(i)] = 3 + i / 40;
  for (ThresholdMode mode : {ThresholdMode::exact, ThresholdMode::insightface, ThresholdMode::sphereface}) {
    const KFoldAccuracy r = kfold_accuracy(s.view(), fold, mode);
    ASSERT_EQ(r.folds.size(), 5u);
    double mean = 0, squares = 0;
    for (int f = 0; f < 5; ++f) {
      Scores train, test;
      for (size_t i = 0; i < 200; ++i) {
        Scores& to = fold[i] == 3 + f ? test : train;
        to.scores.push_back(s.scores[i]), to.same.push_back(s.same[i]);
      }
      const double t = best_threshold(train.view(), mode);
      EXPECT_EQ(r.folds[size_t(f)].fold, 3 + f);
      EXPECT_EQ(r.folds[size_t(f)].pairs, 40);
      EXPECT_EQ(r.folds[size_t(f)].threshold, t);
      EXPECT_EQ(r.folds[size_t(f)].accuracy, accuracy_at(test.view(), t, mode));
      mean += r.folds[size_t(f)].accuracy / 5;
    }
    for (const FoldAccuracy& f : r.folds) squares += (f.accuracy - mean) * (f.accuracy - mean);
    EXPECT_NEAR(r.mean, mean, 1e-12);
    EXPECT_NEAR(r.std, std::sqrt(squares / 5), 1e-12);
    EXPECT_NEAR(r.standard_error, std::sqrt(squares / 4) / std::sqrt(5.0), 1e-12);
  }
}

TEST(Metrics, DegenerateInputs) {
  const Scores genuine{{.5, .6}, {1, 1}}, impostor{{.5, .6}, {0, 0}}, nan{{.5, NAN, .6}, {1, 0, 0}};
  const std::vector<int> fold = {0, 1};
  expect_data_error([&] { auc(genuine.view()); }, "no impostor pair");
  expect_data_error([&] { eer(impostor.view()); }, "no genuine pair");
  expect_data_error([&] { roc({}); }, "no genuine pair");
  expect_data_error([&] { tar_at_far(genuine.view(), 0.1); }, "no impostor pair");
  expect_data_error([&] { auc(nan.view()); }, "pair 1 is nan");
  expect_data_error([&] { best_threshold(nan.view(), ThresholdMode::exact); }, "pair 1 is nan");
  expect_data_error([&] { kfold_accuracy(genuine.view(), fold, ThresholdMode::exact); }, "no impostor pair");
  expect_data_error([&] { kfold_accuracy(oracle().view(), std::vector<int>(10, 4), ThresholdMode::exact); },
                    "at least two folds");
  EXPECT_THROW(tar_at_far(oracle().view(), 1.5), std::invalid_argument);
  EXPECT_THROW(kfold_accuracy(oracle().view(), fold, ThresholdMode::exact), std::invalid_argument);
}

}  // namespace
}  // namespace fr
