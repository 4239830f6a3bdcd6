// Scores of distributions: the mutual likelihood, and the same within the discrepancy alignment.
#include "fr/calibration/pfe.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "base/error.h"
#include "fr/calibration/anchors.h"
#include "fr/calibration/cohort_file.h"
#include "test/data/temporary.h"
#include "test/fr/calibrated_blocks.h"
#include "test/fr/random_rows.h"
#include "test/fr/thrown.h"

namespace fr {
namespace {

Rows oracle_rows() {
  Rows x{{.6f, .8f, 0, .01f, .02f, .04f, 0, .8f, .6f, .02f, .02f, .01f}, 2, 6};
  for (const size_t i : {3u, 4u, 5u, 9u, 10u, 11u}) x.values[i] = std::log(x.values[i]);
  return x;
}
Rows distributions(uint64_t seed, int64_t N, int64_t D) {
  Rows r = random_rows(seed, N, 2 * D);
  for (int64_t i = 0; i < N; ++i)
    for (int64_t d = D; d < 2 * D; ++d) r.values[size_t(i * 2 * D + d)] -= 4;
  return r;
}

const Rows& people() {
  static const Rows rows = random_rows(7, 9, 5);
  return rows;
}
std::unique_ptr<AnchorDiscrepancy> nearest(int64_t k, double tau, const Rows& rows = people()) {
  return std::make_unique<AnchorDiscrepancy>(rows.view(), k, tau);
}

TEST(PfeCalibrator, Oracle) {
  const MutualLikelihood calibrator(Fusion::product);
  const CalibratedRows r = calibrator.prepare(oracle_rows().view());
  EXPECT_EQ(r.D, 3);
  EXPECT_EQ(r.C, 3);
  EXPECT_NEAR(calibrator.score(r, 0, r, 1), -7.496232601743, 5e-6);
  EXPECT_EQ(calibrator.score(r, 0, r, 1), calibrator.score(r, 1, r, 0));
  EXPECT_EQ(calibrator.fusion(), Fusion::product);
}

TEST(PfeCalibrator, InBlocks) {
  const MutualLikelihood plain(Fusion::minimum);
  expect_blocks(plain, plain.prepare(distributions(1, 40, 12).view()),
                plain.prepare(distributions(2, 30, 12).view()));
  const PfeDiscrepancy aligned(Fusion::minimum, .01, nearest(3, 1, random_rows(7, 50, 12)));
  expect_blocks(aligned, aligned.prepare(distributions(1, 40, 12).view()),
                aligned.prepare(distributions(2, 30, 12).view()));
}

// tau 2 v MLS + log(F1 + F2), F from the definition: the k anchors of the largest cosines, by sorting all.
TEST(PfeCalibrator, WithinTheDiscrepancyAlignment) {
  const int64_t D = 5, k = 3;
  const double tau = 1.5, v = .02;
  const Rows x = distributions(4, 6, D);
  const MutualLikelihood plain(Fusion::product);
  const PfeDiscrepancy aligned(Fusion::product, v, nearest(k, tau));
  const CalibratedRows p = plain.prepare(x.view()), a = aligned.prepare(x.view()),
                       anchors = unit_rows(people().view());
  EXPECT_EQ(a.C, D + 1);
  const auto f = [&](int64_t i) {
    std::vector<std::pair<double, double>> similar;  // cosine and likelihood of each anchor
    for (int64_t n = 0; n < anchors.N; ++n) {
      double c = 0, mls = -D / 2.0 * std::log(2 * std::numbers::pi);
      for (int64_t d = 0; d < D; ++d) {
        const double m = p.rows[size_t(i * D + d)], w = anchors.rows[size_t(n * D + d)],
                     s = double(p.context[size_t(i * D + d)]) + double(float(v));
        c += m * w, mls -= ((m - w) * (m - w) / s + std::log(s)) / 2;
      }
      similar.emplace_back(c, mls);
    }
    std::sort(similar.rbegin(), similar.rend());
    double sum = 0;
    for (int64_t n = 0; n < k; ++n) sum += std::exp(tau * 2 * v * similar[size_t(n)].second);
    return 1 / sum;
  };
  for (int64_t i = 0; i < 6; ++i)
    for (int64_t j = 0; j < 6; ++j)
      EXPECT_NEAR(aligned.score(a, i, a, j), tau * 2 * v * plain.score(p, i, p, j) + std::log(f(i) + f(j)),
                  1e-6);
}

// With one variance for everything, v of it, the score is that of the operator on cosines but for a constant.
TEST(PfeCalibrator, OneVarianceLeavesTheDiscrepancyAlignment) {
  Rows x = random_rows(4, 8, 10);
  for (int64_t i = 0; i < 8; ++i) {
    float* row = x.values.data() + i * 10;
    const double norm = std::sqrt(std::inner_product(row, row + 5, row, 0.0));
    for (int64_t d = 0; d < 5; ++d) row[d] /= float(norm), row[5 + d] = std::log(.03f);
  }
  const PfeDiscrepancy aligned(Fusion::product, .03, nearest(4, 2));
  const auto plain = nearest(4, 2);
  Rows means{{}, 8, 5};
  for (int64_t i = 0; i < 8; ++i)
    means.values.insert(means.values.end(), x.values.begin() + i * 10, x.values.begin() + i * 10 + 5);
  const CalibratedRows a = aligned.prepare(x.view()), c = plain->prepare(means.view());
  const auto rest = [&](int64_t i, int64_t j) {
    return aligned.score(a, i, a, j) - plain->score(c, i, c, j);
  };
  for (int64_t i = 0; i < 8; ++i)
    for (int64_t j = 0; j < 8; ++j) EXPECT_NEAR(rest(i, j), rest(0, 1), 1e-5);
}

// A picture that says little is likelier to be any stranger; F takes that back.
TEST(PfeCalibrator, AnUncertainPictureHasASmallerF) {
  Rows x = distributions(4, 2, 5);
  std::copy_n(x.values.begin(), 5, x.values.begin() + 10);  // one mean
  for (int64_t d = 5; d < 10; ++d) x.values[size_t(10 + d)] = x.values[size_t(d)] + 2;
  const PfeDiscrepancy aligned(Fusion::product, .02, nearest(3, 1));
  const CalibratedRows a = aligned.prepare(x.view());
  EXPECT_LT(a.context[11], a.context[5] - .05);
}

TEST(PfeCalibrator, IsChosenByItsWord) {
  CalibrationOptions options;
  options.type = CalibrationType::pfe, options.variances.module = "0a1b2c3d";
  const auto calibrator = make_calibrator(options);
  EXPECT_EQ(calibrator->name(), "pfe");
  EXPECT_EQ(calibrator->score(),
            "mutual likelihood score, natural logarithm (templates fused as independent; uncertainty module "
            "0a1b2c3d)");
  options.fusion = Fusion::minimum;
  EXPECT_EQ(make_calibrator(options)->fusion(), Fusion::minimum);
  EXPECT_TRUE(scores_distributions(options.type));
  EXPECT_FALSE(scores_distributions(CalibrationType::s_norm));
  options.file = "cohort.safetensors";
  EXPECT_EQ(
      thrown<Error>([&] { make_calibrator(options); }),
      "cohort.safetensors: calibration.type = pfe needs no file: the model's own says how certain it is");
}

TEST(PfeCalibrator, WithAnchorsIsMadeOfTheirFile) {
  const TemporaryFolder folder;
  Cohort anchors;
  anchors.type = CalibrationType::ida_r, anchors.top = 3, anchors.tau = 2, anchors.M = 9, anchors.D = 5;
  anchors.origin = {"", "0123abcd", "none", "full"};
  anchors.rows = unit_rows(random_rows(7, 9, 5).view()).rows;
  CalibrationOptions options;
  options.type = CalibrationType::pfe_ida, options.file = (folder.path / "anchors").string();
  write_cohort(options.file, anchors);
  EXPECT_TRUE(scores_distributions(options.type));
  EXPECT_EQ(
      thrown<Error>([&] { make_calibrator(options); }),
      "calibration.type = pfe_ida: the model gives points, not distributions: its file has no uncertainty "
      "module. bin/train with pfe.model trains one");
  options.variances.typical_variance = .03, options.weights = "0123abcd";
  const auto made = make_calibrator(options);
  EXPECT_EQ(made->name(), "pfe_ida");
  EXPECT_EQ(made->fusion(), Fusion::product);
  const PfeDiscrepancy wanted(Fusion::product, .03,
                              std::make_unique<AnchorDiscrepancy>(anchors.view(), 3, 2));
  EXPECT_EQ(made->score(), wanted.score());
  const Rows x = distributions(4, 6, 5);
  const CalibratedRows rows = made->prepare(x.view());
  EXPECT_EQ(made->score(rows, 1, rows, 4), wanted.score(rows, 1, rows, 4));
  EXPECT_EQ(rows.context, wanted.prepare(x.view()).context);
  // Joined with a mirror image, a row of unit length has half the variances.
  options.flip = "none", options.weights = "";
  EXPECT_EQ(made->score(), make_calibrator(options)->score());
  anchors.origin.flip = options.flip = "sum";
  write_cohort(options.file, anchors);
  const PfeDiscrepancy mirrored(Fusion::product, .015,
                                std::make_unique<AnchorDiscrepancy>(anchors.view(), 3, 2));
  EXPECT_EQ(make_calibrator(options)->score(), mirrored.score());
  options.weights = "ffffffff";
  EXPECT_NE(thrown<Error>([&] { make_calibrator(options); }).find("weights 0123abcd, not ffffffff"),
            std::string::npos);
  options.weights = "", options.file = "";
  EXPECT_NE(thrown<Error>([&] { make_calibrator(options); }).find("bin/anchors makes it of pictures"),
            std::string::npos);
}

TEST(PfeCalibrator, RefusesWhatDoesNotFit) {
  const MutualLikelihood plain(Fusion::product);
  const auto message = [](const auto& f) { return thrown<std::invalid_argument>(f); };
  EXPECT_EQ(message([&] { plain.prepare(random_rows(1, 2, 5).view()); }),
            "distributions: expected rows of means and as many log variances, got 2 x 5 in 10 numbers");
  const CalibratedRows a = plain.prepare(distributions(1, 2, 3).view()),
                       b = plain.prepare(distributions(1, 2, 4).view());
  EXPECT_EQ(message([&] { plain.score(a, 0, b, 0); }),
            "pfe: rows of 3 and 4 numbers with contexts of 3 and 4");
  EXPECT_EQ(message([] { PfeDiscrepancy(Fusion::product, 0, nearest(3, 1)); }),
            "pfe_ida: expected a variance > 0, got 0");
  EXPECT_EQ(message([] { PfeDiscrepancy(Fusion::product, 1, nullptr); }), "pfe_ida: no anchors");
  const PfeDiscrepancy aligned(Fusion::product, 1, nearest(3, 1));
  EXPECT_EQ(thrown<Error>([&] { aligned.prepare(distributions(1, 2, 3).view()); }),
            "ida: made for embeddings of 5 numbers, these have 3; calibrate with the same model and flip");
}

}  // namespace
}  // namespace fr
