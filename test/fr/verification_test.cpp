#include "fr/protocol/verification.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>

#include "base/error.h"
#include "base/file.h"
#include "base/philox.h"

namespace fr {
namespace {

// 20 people, 6 pictures each, around random directions; pairs in 5 folds, shifted by `offset` in every coordinate.
struct Faces {
  static constexpr int64_t kN = 120, kD = 16;
  std::vector<float> values;
  std::vector<VerificationPair> pairs;
  EmbeddingView view() const { return {values, kN, kD}; }

  explicit Faces(double noise, double offset = 0) {
    Random random({5, Purpose::test, 0, 0});
    std::vector<double> centre(20 * kD);
    for (double& c : centre) c = random.normal();
    for (int64_t n = 0; n < kN; ++n)
      for (int64_t d = 0; d < kD; ++d)
        values.push_back(float(centre[size_t(n / 6 * kD + d)] + noise * random.normal() + offset));
    for (int i = 0; i < 300; ++i) {
      const bool same = i % 2 == 0;
      const int64_t a = random.below(120),
                    b = same ? a / 6 * 6 + (a + 1) % 6 : (a + 6 + random.below(108)) % 120;
      pairs.push_back({a, b, same, i / 60});
    }
  }
};

TEST(Verification, SeparableFaces) {
  const VerificationResult r = verify(Faces(0.1).view(), Faces(0.1).pairs);
  EXPECT_EQ(r.genuine, 150);
  EXPECT_EQ(r.impostor, 150);
  EXPECT_EQ(r.accuracy.mean, 1);
  EXPECT_EQ(r.accuracy.std, 0);
  EXPECT_EQ(r.auc, 1);
  EXPECT_EQ(r.eer, 0);
  ASSERT_EQ(r.operating_points.size(), 4u);
  EXPECT_EQ(r.operating_points[0].tar, 1);
  EXPECT_FALSE(r.operating_points[1].too_few_impostors);
  EXPECT_TRUE(r.operating_points[2].too_few_impostors);  // 150 impostors cannot show 1e-3
}

TEST(Verification, ScoresAreCosines) {
  const std::vector<float> e = {3, 4, 4, 3, -3, -4, 0, 0};
  const std::vector<VerificationPair> pairs = {
      {0, 1, true, 0}, {0, 2, false, 0}, {0, 0, true, 1}, {0, 3, false, 1}};
  const VerificationResult r = verify({e, 4, 2}, pairs);
  ASSERT_EQ(r.scores.size(), 4u);
  EXPECT_NEAR(r.scores[0], 24.0 / 25, 1e-15);
  EXPECT_NEAR(r.scores[1], -1, 1e-15);
  EXPECT_NEAR(r.scores[2], 1, 1e-15);
  EXPECT_EQ(r.scores[3], 0);  // a row without length
}

TEST(Verification, ThresholdIsTheMeanOfTheFolds) {
  const Faces faces(1.0);
  const VerificationResult r = verify(faces.view(), faces.pairs);
  EXPECT_GT(r.accuracy.mean, 0.6);
  EXPECT_LT(r.accuracy.mean, 1);
  double mean = 0;
  for (const FoldAccuracy& f : r.accuracy.folds) mean += f.threshold / 5;
  EXPECT_NEAR(r.threshold, mean, 1e-15);
}

// A common offset makes all cosines alike; subtracting the training folds' mean undoes it.
TEST(Verification, CentringRemovesACommonOffset) {
  const Faces faces(0.4, 10), unshifted(0.4);
  VerificationOptions options;
  options.threshold = ThresholdMode::sphereface, options.centring = Centring::training_folds;
  const VerificationResult centred = verify(faces.view(), faces.pairs, options);
  const VerificationResult reference = verify(unshifted.view(), unshifted.pairs, options);
  for (size_t i = 0; i < 300; ++i)
    EXPECT_NEAR(centred.scores[i], reference.scores[i], 1e-5);  // embeddings are float
  EXPECT_GT(centred.accuracy.mean, 0.98);
  options.centring = Centring::none;
  EXPECT_GT(verify(faces.view(), faces.pairs, options).scores[1], 0.9);  // an impostor pair

  // The score of a pair of fold 2, by hand.
  std::vector<double> mean(16, 0);
  for (const VerificationPair& p : faces.pairs)
    for (size_t d = 0; p.fold != 2 && d < 16; ++d)
      mean[d] +=
          (double(faces.values[size_t(p.a) * 16 + d]) + double(faces.values[size_t(p.b) * 16 + d])) / 480;
  const VerificationPair& p = faces.pairs[130];
  ASSERT_EQ(p.fold, 2);
  double ab = 0, aa = 0, bb = 0;
  for (size_t d = 0; d < 16; ++d) {
    const double u = faces.values[size_t(p.a) * 16 + d] - mean[d],
                 v = faces.values[size_t(p.b) * 16 + d] - mean[d];
    ab += u * v, aa += u * u, bb += v * v;
  }
  EXPECT_NEAR(centred.scores[130], ab / std::sqrt(aa * bb), 1e-12);
}

TEST(Verification, CombineFlip) {
  const std::vector<float> e = {1, 2, 3, 4}, f = {10, 20, 30, 40};
  EXPECT_EQ(combine_flip(FlipMode::none, e, {}, 2), e);
  EXPECT_EQ(combine_flip(FlipMode::sum, e, f, 2), (std::vector<float>{11, 22, 33, 44}));
  EXPECT_EQ(combine_flip(FlipMode::concatenate, e, f, 2), (std::vector<float>{1, 2, 10, 20, 3, 4, 30, 40}));
  EXPECT_EQ(combine_flip(FlipMode::mean, e, f, 2), (std::vector<float>{5.5f, 11, 16.5f, 22}));
  EXPECT_THROW(combine_flip(FlipMode::sum, e, {}, 2), std::invalid_argument);
  EXPECT_THROW(combine_flip(FlipMode::mean, e, {}, 2), std::invalid_argument);
  EXPECT_THROW(combine_flip(FlipMode::none, e, {}, 3), std::invalid_argument);
}

TEST(Verification, Csv) {
  const std::vector<float> e = {1, 0, 0, 1, 1, 0};
  const VerificationResult r = verify({e, 3, 2}, {{0, 2, true, 1}, {0, 1, false, 2}});
  const fs::path path = fs::temp_directory_path() / cat("prosopon-scores-", getpid(), ".csv");
  write_scores_csv(path, r);
  EXPECT_EQ(read_text(path), "fold,a,b,same,score\n1,0,2,1,1\n2,0,1,0,0\n");
  write_scores_csv(path, r, {"ann/1.jpg", "bob/1.jpg", "ann/2.jpg"});
  EXPECT_EQ(read_text(path), "fold,a,b,same,score\n1,ann/1.jpg,ann/2.jpg,1,1\n2,ann/1.jpg,bob/1.jpg,0,0\n");
  fs::remove(path);
}

std::string data_error(const EmbeddingView& e, const std::vector<VerificationPair>& pairs) {
  try {
    verify(e, pairs);
  } catch (const Error& error) {
    return error.kind() == ErrorKind::data ? error.what() : "wrong kind";
  }
  return "no error";
}

TEST(Verification, DegenerateInputs) {
  const std::vector<float> e = {1, 0, 0, 1, NAN, 0};
  const EmbeddingView view{e, 3, 2};
  const auto has = [](const std::string& message, const char* words) {
    return message.find(words) != std::string::npos;
  };
  EXPECT_TRUE(has(data_error(view, {{0, 1, true, 0}, {0, 1, true, 1}}), "0 impostor"));
  EXPECT_TRUE(has(data_error(view, {{0, 1, false, 0}, {0, 1, false, 1}}), "0 genuine"));
  EXPECT_TRUE(has(data_error(view, {}), "0 genuine"));
  EXPECT_TRUE(has(data_error(view, {{0, 1, true, 0}, {0, 2, false, 1}}), "pair 1 (rows 0 and 2)"));
  EXPECT_TRUE(has(data_error(view, {{0, 1, true, 3}, {1, 0, false, 3}}), "at least two folds"));
  EXPECT_THROW(verify(view, {{0, 3, true, 0}, {1, 0, false, 1}}), std::invalid_argument);
  EXPECT_THROW(verify({e, 3, 3}, {{0, 1, true, 0}, {1, 0, false, 1}}), std::invalid_argument);
}

}  // namespace
}  // namespace fr
