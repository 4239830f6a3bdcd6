// Verification with folds: plain cosines are those of verify(), bit for bit; intervals, groups and parts by brute force.
#include "fr/protocol/fold_verification.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "fr/config.h"
#include "fr/protocol/insightface_val.h"
#include "test/data/temporary.h"
#include "test/fr/fold_faces.h"
#include "test/fr/thrown.h"

namespace fr {
namespace {

const std::unique_ptr<Calibrator> kNone = make_calibrator({});

ProtocolOptions few_replicates(int64_t replicates = 40) {
  ProtocolOptions o;
  o.bootstrap.replicates = replicates;
  return o;
}

TEST(FoldVerification, PlainCosinesAreThoseOfVerifyBitForBit) {
  const FoldFaces faces, other(15, 3, 0.8, 8);
  const FoldVerification protocol(faces.set);
  for (const auto& [word, mode] : kThresholdWords)
    for (const bool centre : {false, true})
      for (const auto& models : {ModelEmbeddings{faces.view()}, {faces.view(), other.view()}}) {
        ProtocolOptions o = few_replicates(0);
        o.threshold = mode, o.centre = centre;
        const Centring centring = centre ? Centring::training_folds : Centring::none;
        const VerificationResult v =
            verify_mean_scores(models, faces.set.pairs, {.threshold = mode, .centring = centring});
        const ProtocolResult r = protocol.evaluate(models, *kNone, o);
        EXPECT_EQ(scores_of(r), v.scores) << word;
        EXPECT_EQ(figure(r, "accuracy").value, v.accuracy.mean) << word;
        EXPECT_EQ(figure(r, "accuracy_std").value, v.accuracy.std);
        EXPECT_EQ(figure(r, "accuracy_standard_error").value, v.accuracy.standard_error);
        EXPECT_NEAR(figure(r, "threshold").value, v.threshold, 1e-15);
        EXPECT_NEAR(r.threshold, mode == ThresholdMode::insightface ? 1 - v.threshold / 2 : v.threshold,
                    1e-15);
        EXPECT_EQ(figure(r, "auc").value, v.auc);
        EXPECT_NEAR(figure(r, "eer").value, v.eer, 1e-15);
      }
}

// Accuracy of each fold with every pair repeated as often as its people were drawn.
TEST(FoldVerification, TheIntervalIsThatOfDrawnPeople) {
  const FoldFaces faces;
  const ProtocolOptions o = few_replicates(60);
  const ProtocolResult r = FoldVerification(faces.set).evaluate({faces.view()}, *kNone, o);
  const VerificationResult v = verify(faces.view(), faces.set.pairs);
  std::vector<double> accuracies;
  for (int64_t replicate = 0; replicate < 60; ++replicate) {
    const auto drawn = drawn_identities(15, replicate, o.bootstrap.seed);
    double sum = 0, folds = 0;
    for (const FoldAccuracy& f : v.accuracy.folds) {
      double right = 0, all = 0;
      for (size_t i = 0; i < v.pairs.size(); ++i) {
        const VerificationPair& p = v.pairs[i];
        const double w = p.same ? drawn[size_t(p.a / 4)] : drawn[size_t(p.a / 4)] * drawn[size_t(p.b / 4)];
        if (p.fold != f.fold) continue;
        all += w, right += w * ((v.scores[i] >= f.threshold) == p.same);
      }
      if (all > 0) sum += right / all, ++folds;
    }
    accuracies.push_back(sum / folds);
  }
  const Interval expected = percentile_interval(accuracies, 0.95), got = figure(r, "accuracy").interval;
  EXPECT_NEAR(got.low, expected.low, 1e-12);
  EXPECT_NEAR(got.high, expected.high, 1e-12);
  EXPECT_LT(got.low, figure(r, "accuracy").value);
  EXPECT_GT(got.high, figure(r, "accuracy").value);
  EXPECT_FALSE(
      figure(FoldVerification(faces.set).evaluate({faces.view()}, *kNone, few_replicates(0)), "accuracy")
          .interval.known());
}

// Pairs of even people are group x, of odd ones y; people of one group meet those of the other too.
void set_groups(VerificationSet& set) {
  set.groups = {"x", "y"}, set.group_title = "side";
  for (const VerificationPair& p : set.pairs) set.group.push_back(p.a / 4 % 2);
}

TEST(FoldVerification, GroupsAtOneThreshold) {
  FoldFaces faces;
  set_groups(faces.set);
  faces.set.group[5] = -1;  // in no group: counts for all alone
  const ProtocolOptions o = few_replicates();
  const ProtocolResult r = FoldVerification(faces.set).evaluate({faces.view()}, *kNone, o);
  const VerificationResult v = verify(faces.view(), faces.set.pairs);
  const double t = best_threshold({v.scores, v.same}, ThresholdMode::exact);
  ASSERT_EQ(r.groups.size(), 3u);
  EXPECT_EQ(r.group_title, "side");
  for (int k = 0; k < 3; ++k) {
    int64_t genuine = 0, impostor = 0, rejected = 0, accepted = 0;
    for (size_t i = 0; i < v.pairs.size(); ++i) {
      if (k > 0 && faces.set.group[i] != k - 1) continue;
      ++(v.same[i] ? genuine : impostor);
      rejected += v.same[i] && v.scores[i] < t;
      accepted += !v.same[i] && v.scores[i] >= t;
    }
    const GroupRow& row = r.groups[size_t(k)];
    EXPECT_EQ(row.group, k == 0 ? "all" : k == 1 ? "x" : "y");
    EXPECT_EQ(row.genuine, genuine);
    EXPECT_EQ(row.impostor, impostor);
    EXPECT_NEAR(row.far, double(accepted) / double(impostor), 1e-15);
    EXPECT_NEAR(row.frr, double(rejected) / double(genuine), 1e-15);
    EXPECT_NEAR(row.accuracy, 1 - double(rejected + accepted) / double(genuine + impostor), 1e-15);
    for (const Interval& i : {row.accuracy_interval, row.far_interval, row.frr_interval})
      EXPECT_TRUE(i.known());
    EXPECT_LE(row.far_interval.low, row.far);
    EXPECT_GE(row.far_interval.high, row.far);
  }
  EXPECT_EQ(r.threshold, t);
  EXPECT_EQ(r.scores[5].group, "");
  EXPECT_EQ(r.scores[0].group, "x");
}

TEST(FoldVerification, GroupsWithFoldsOfTheirOwn) {
  FoldFaces faces;
  set_groups(faces.set), faces.set.folds_of_groups = true;
  const ProtocolResult r = FoldVerification(faces.set).evaluate({faces.view()}, *kNone, few_replicates());
  double accuracy[2], scores = 0;
  for (int64_t g : {0, 1}) {
    std::vector<VerificationPair> pairs;
    for (size_t i = 0; i < faces.set.pairs.size(); ++i)
      if (faces.set.group[i] == g) pairs.push_back(faces.set.pairs[i]);
    const VerificationResult v = verify(faces.view(), pairs);
    accuracy[g] = v.accuracy.mean;
    for (const double s : v.scores) scores += s;
    EXPECT_EQ(figure(r, g == 0 ? "accuracy_x" : "accuracy_y").value, v.accuracy.mean);
  }
  EXPECT_NEAR(figure(r, "accuracy").value, (accuracy[0] + accuracy[1]) / 2, 1e-15);
  // of two: the sample standard deviation is their distance over the root of 2
  EXPECT_NEAR(figure(r, "accuracy_spread").value, std::abs(accuracy[0] - accuracy[1]) / std::sqrt(2.0),
              1e-15);
  EXPECT_TRUE(figure(r, "accuracy_spread").interval.known());
  double sum = 0;
  for (const double s : scores_of(r)) sum += s;
  EXPECT_NEAR(sum, scores, 1e-9);
  faces.set.group.back() = -1;
  EXPECT_EQ(thrown<std::invalid_argument>([&] { FoldVerification{faces.set}; }),
            "FoldVerification: groups have folds of their own, but pair 119 is in none");
}

TEST(FoldVerification, ScoresOfACalibrator) {
  const FoldFaces faces;
  const LongerIsBetter longer;
  ProtocolOptions o = few_replicates();
  const FoldVerification protocol(faces.set);
  const ProtocolResult r = protocol.evaluate({faces.view()}, longer, o);
  const CalibratedRows rows = longer.prepare(faces.view());
  for (size_t i = 0; i < r.scores.size(); ++i)
    EXPECT_EQ(r.scores[i].score, longer.score(rows, r.scores[i].a, rows, r.scores[i].b));
  EXPECT_EQ(r.calibration, "longer");
  EXPECT_EQ(r.score, "cosine and lengths");
  EXPECT_GT(r.threshold, 1);  // in its own units
  o.threshold = ThresholdMode::pfe;
  EXPECT_GT(figure(protocol.evaluate({faces.view()}, longer, o), "accuracy").value, 0.5);
  o.threshold = ThresholdMode::insightface;
  EXPECT_ERROR(usage, "threshold = insightface: its grid is one of cosines",
               protocol.evaluate({faces.view()}, longer, o));
  o.threshold = ThresholdMode::sphereface;
  EXPECT_ERROR(usage, "calibration.type = longer are none; take exact or pfe",
               protocol.evaluate({faces.view()}, longer, o));
  o.threshold = ThresholdMode::exact, o.centre = true;
  EXPECT_ERROR(usage, "centre = true: calibration.type = longer knows embeddings that are not centred",
               protocol.evaluate({faces.view()}, longer, o));
}

TEST(FoldVerification, WhatAResultTells) {
  const FoldFaces faces;
  const ProtocolResult r = FoldVerification(faces.set).evaluate({faces.view()}, *kNone, few_replicates());
  EXPECT_EQ(r.figures.front().key, "accuracy");
  EXPECT_TRUE(std::isfinite(figure(r, "angular_fisher_score").value));
  EXPECT_EQ(r.scores.size(), 120u);
  EXPECT_EQ(r.scores[3].fold, faces.set.pairs[3].fold);
  ASSERT_EQ(r.hardest_genuine.size(), 12u);
  for (const auto* list : {&r.hardest_genuine, &r.hardest_impostor})
    for (size_t i = 1; i < 12; ++i)
      EXPECT_TRUE(list == &r.hardest_genuine ? (*list)[i - 1].score <= (*list)[i].score
                                             : (*list)[i - 1].score >= (*list)[i].score);
  for (const auto& s : r.scores) EXPECT_TRUE(!s.same || s.score >= r.hardest_genuine[0].score);
  EXPECT_EQ(FoldVerification(faces.set).description(), "pairs, 60 pictures");
}

TEST(FoldVerification, InsightfacesValStandsBesideItsAccuracy) {
  FoldFaces faces;
  ProtocolOptions o = few_replicates(0);
  o.threshold = ThresholdMode::insightface;
  std::vector<int> fold;
  for (const VerificationPair& p : faces.set.pairs) fold.push_back(p.fold);
  const VerificationResult v = verify(faces.view(), faces.set.pairs);
  const ProtocolResult r = FoldVerification(faces.set).evaluate({faces.view()}, *kNone, o);
  EXPECT_EQ(figure(r, "val_at_far_1e-3").value, insightface_val({v.scores, v.same}, fold).val);
  for (VerificationPair& p : faces.set.pairs) p.fold = p.same ? p.fold : p.fold % 2;
  const ProtocolResult lacking = FoldVerification(faces.set).evaluate({faces.view()}, *kNone, o);
  EXPECT_EQ(lacking.notes.front(), "VAL@FAR: no impostor pair in fold 2");
  EXPECT_THROW(figure(lacking, "val_at_far_1e-3"), std::runtime_error);
}

// Two pictures named twice as a pair count twice.
TEST(FoldVerification, DuplicatedPairsCountEachTime) {
  FoldFaces faces;
  const std::vector<VerificationPair> once = faces.set.pairs;
  faces.set.pairs.insert(faces.set.pairs.end(), once.begin(), once.end());
  const ProtocolResult twice = FoldVerification(faces.set).evaluate({faces.view()}, *kNone, few_replicates());
  EXPECT_EQ(twice.scores.size(), 240u);
  EXPECT_NEAR(figure(twice, "accuracy").value, verify(faces.view(), once).accuracy.mean, 1e-15);
}

std::string refusal(const VerificationSet& set, const EmbeddingView& e) {
  return error_of([&] { FoldVerification(set).evaluate({e}, *make_calibrator({}), {}); });
}

TEST(FoldVerification, DegenerateLists) {
  const FoldFaces faces;
  const auto with = [&](const std::vector<VerificationPair>& pairs) {
    VerificationSet set = faces.set;
    set.pairs = pairs;
    return refusal(set, faces.view());
  };
  const std::string need = "4: verification: needs genuine and impostor pairs, got ";
  EXPECT_EQ(with({}), need + "0 genuine and 0 impostor");
  EXPECT_EQ(with({{0, 1, true, 0}}), need + "1 genuine and 0 impostor");
  EXPECT_EQ(with({{0, 1, true, 0}, {0, 2, true, 1}}), need + "2 genuine and 0 impostor");
  EXPECT_EQ(with({{0, 4, false, 0}, {0, 5, false, 1}}), need + "0 genuine and 2 impostor");
  EXPECT_EQ(with({{0, 1, true, 0}, {0, 5, false, 0}}),
            "4: k-fold accuracy: all pairs are in fold 0, none remains to choose the threshold on; give the "
            "pairs at least two folds");
  EXPECT_EQ(with({{0, 1, true, 0}, {0, 5, false, 1}}), "");  // one pair a fold is a protocol, if a poor one
  FoldFaces broken;
  broken.values[5 * 8] = NAN;
  EXPECT_NE(refusal(broken.set, broken.view()).find("has an embedding that is not finite"),
            std::string::npos);
  set_groups(broken.set), broken.set.folds_of_groups = true;
  EXPECT_EQ(refusal(broken.set, broken.view()).substr(0, 19), "4: x: verification:");
  EXPECT_EQ(thrown<std::invalid_argument>([&] {
              refusal(faces.set, {faces.values, 59, 8});
            }),
            "verification: expected 60 embeddings, got 59 x 8 in 480 numbers");
  EXPECT_EQ(thrown<std::invalid_argument>([&] { FoldVerification(faces.set).evaluate({}, *kNone, {}); }),
            "verification: expected a model or more");
}

TEST(SideBySide, CosinesAreTheMeansOfTheModels) {
  const FoldFaces a(6), b(6, 3, 0.8, 9);
  const ModelEmbeddings models = {a.view(), b.view()};
  const std::vector<float> joined = side_by_side(models);
  const auto pairs = a.set.pairs;
  const auto got = verify({joined, 24, 16}, pairs).scores, mean = verify_mean_scores(models, pairs).scores;
  for (size_t i = 0; i < mean.size(); ++i) EXPECT_NEAR(got[i], mean[i], 1e-6);
  EXPECT_EQ(side_by_side({a.view()}), a.values);
  const std::vector<float> zero = {0, 0, 3, 4};
  EXPECT_EQ(side_by_side({{zero, 2, 2}, {zero, 2, 2}})[0], 0);
  EXPECT_NEAR(side_by_side({{zero, 2, 2}, {zero, 2, 2}})[4], 0.6 / std::sqrt(2.0), 1e-7);
  EXPECT_THROW(side_by_side({}), std::invalid_argument);
  EXPECT_THROW(side_by_side({a.view(), {zero, 2, 2}}), std::invalid_argument);
}

}  // namespace
}  // namespace fr
