// Calibrators against brute force in double; the same bits whatever the blocks; symmetries; every fault.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/parallel.h"
#include "fr/calibration/cohort_norm.h"
#include "fr/calibration/inner_products.h"
#include "fr/protocol/verification.h"
#include "tensor/kernels.h"
#include "test/fr/calibrated_blocks.h"
#include "test/fr/random_rows.h"
#include "test/fr/thrown.h"

namespace fr {
namespace {

double exact_cosine(const Rows& a, int64_t i, const Rows& b, int64_t j) {
  double ab = 0, aa = 0, bb = 0;
  for (int64_t d = 0; d < a.D; ++d) {
    const double u = a.values[size_t(i * a.D + d)], v = b.values[size_t(j * a.D + d)];
    ab += u * v, aa += u * u, bb += v * v;
  }
  return ab / std::sqrt(aa * bb);
}

struct Moments {
  double mean, std;
};
Moments exact_moments(const Rows& x, int64_t i, const Rows& cohort, int64_t top) {
  std::vector<double> c;
  for (int64_t j = 0; j < cohort.N; ++j) c.push_back(exact_cosine(x, i, cohort, j));
  std::sort(c.rbegin(), c.rend());
  if (top > 0) c.resize(size_t(top));
  double mean = 0, squares = 0;
  for (double v : c) mean += v / double(c.size());
  for (double v : c) squares += (v - mean) * (v - mean) / double(c.size());
  return {mean, std::sqrt(squares)};
}

double exact_norm(CalibrationType type, const Rows& a, int64_t i, const Rows& b, int64_t j,
                  const Rows& cohort, int64_t top) {
  const double c = exact_cosine(a, i, b, j);
  const Moments of_a = exact_moments(a, i, cohort, top), of_b = exact_moments(b, j, cohort, top);
  const double z = (c - of_a.mean) / of_a.std, t = (c - of_b.mean) / of_b.std;
  return type == CalibrationType::z_norm ? z : type == CalibrationType::t_norm ? t : (z + t) / 2;
}

constexpr CalibrationType kNorms[] = {CalibrationType::z_norm, CalibrationType::t_norm,
                                      CalibrationType::s_norm};

TEST(Calibration, CosineIsThatOfVerification) {
  const Rows x = random_rows(1, 20, 37);
  const Cosine cosine;
  EXPECT_EQ(cosine.name(), "none");
  EXPECT_EQ(cosine.score(), "cosine similarity");
  const CalibratedRows r = cosine.prepare(x.view());
  std::vector<VerificationPair> pairs;
  for (int64_t i = 0; i < 20; ++i) pairs.push_back({i, (i + 7) % 20, i % 2 == 0, int(i % 4 / 2)});
  const VerificationResult raw = verify(x.view(), pairs), unit = verify({r.rows, r.N, r.D}, pairs);
  for (size_t k = 0; k < pairs.size(); ++k) {
    const double score = cosine.score(r, pairs[k].a, r, pairs[k].b);
    EXPECT_EQ(score, unit.scores[k]);         // of the same rows: to the last bit
    EXPECT_NEAR(score, raw.scores[k], 3e-8);  // of the rows before scaling
    EXPECT_EQ(raw.scores[k], fr::cosine(x.row(pairs[k].a), x.row(pairs[k].b), 37));
    EXPECT_NEAR(block(cosine, r, pairs[k].a, 1, r, pairs[k].b, 1)[0], score, 3e-7);
  }
}

TEST(Calibration, UnitRows) {
  Rows x = random_rows(1, 3, 5);
  for (int64_t d = 0; d < 5; ++d) x.values[size_t(5 + d)] = 1e-14f;  // too short
  for (int64_t d = 0; d < 5; ++d) x.values[size_t(10 + d)] *= 1e30f;
  const CalibratedRows r = Cosine().prepare(x.view());
  for (int64_t i : {0, 2}) {
    double squares = 0;
    for (int64_t d = 0; d < 5; ++d) squares += std::pow(r.rows[size_t(i * 5 + d)], 2);
    EXPECT_NEAR(squares, 1, 1e-6);
  }
  for (int64_t d = 0; d < 5; ++d) EXPECT_EQ(r.rows[size_t(5 + d)], 0);
  EXPECT_EQ(Cosine().score(r, 0, r, 1), 0);
  EXPECT_EQ(block(Cosine(), r, 0, 1, r, 1, 1)[0], 0);
}

// 230 x 300, so that the vector backends take each of their ways.
TEST(Calibration, InnerProductsDependOnTheirRowsAlone) {
  const std::string before = kernels<float>().name;
  for (const Kernels<float>* backend : all_backends()) {
    select_backend(backend->name);
    const bool vectors = backend->name != std::string("ref");
    for (int64_t D : {1, 7, 64, 256, 257, 512, 1024, 2100}) {
      if (!vectors && D > 64) continue;  // slow, and one loop for all
      const Rows a = random_rows(1, 230, D), b = random_rows(2, 300, D);
      SCOPED_TRACE(cat(backend->name, ", D = ", D));
      expect_blocks(Cosine(), Cosine().prepare(a.view()), Cosine().prepare(b.view()));
    }
  }
  select_backend(before);
}

TEST(Calibration, InnerProductsFromSeveralThreads) {
  const CalibratedRows a = Cosine().prepare(random_rows(1, 40, 96).view());
  const std::vector<float> whole = block(Cosine(), a, 0, 40, a, 0, 40);
  const int before = threads();
  set_threads(4);
  std::vector<float> rows(1600);
  parallel_for(40, [&](int64_t i) { Cosine().scores(rows.data() + 40 * i, a, i, 1, a, 0, 40); });
  set_threads(before);
  EXPECT_EQ(rows, whole);
}

TEST(Calibration, NormsAgainstBruteForce) {
  const Rows a = random_rows(1, 9, 24), b = random_rows(2, 7, 24), cohort = random_rows(3, 60, 24);
  for (CalibrationType type : kNorms)
    for (int64_t top : {0, 2, 10, 59, 60, 1000}) {
      const CohortNorm norm(type, cohort.view(), top);
      EXPECT_EQ(norm.name(), calibration_word(type));
      const CalibratedRows ra = norm.prepare(a.view()), rb = norm.prepare(b.view());
      const std::vector<float> scores = block(norm, ra, 0, 9, rb, 0, 7);
      for (int64_t i = 0; i < 9; ++i)
        for (int64_t j = 0; j < 7; ++j) {
          const double exact = exact_norm(type, a, i, b, j, cohort, top < 60 ? top : 0);
          const double scale =
              top == 2 ? 100 : 1;  // two neighbours lie close together: small std, large rounding
          EXPECT_NEAR(norm.score(ra, i, rb, j), exact, 1e-5 * scale * std::max(1.0, std::abs(exact)));
          EXPECT_NEAR(scores[size_t(i * 7 + j)], exact, 1e-5 * scale * std::max(1.0, std::abs(exact)));
        }
    }
}

// (1,0) and (0,1) against (1,0), (0,1), (-1,0): cosines 1, 0, -1 and 0, 1, 0.
TEST(Calibration, NormsByHand) {
  const Rows a{{1, 0}, 1, 2}, b{{0, 3}, 1, 2}, cohort{{2, 0, 0, 1, -1, 0}, 3, 2};
  const double std_a = std::sqrt(2.0 / 3), mean_b = 1.0 / 3, std_b = std::sqrt(2.0) / 3;
  const double z = 0 / std_a, t = (0 - mean_b) / std_b;  // t = -1/sqrt 2
  for (CalibrationType type : kNorms) {
    const CohortNorm norm(type, cohort.view(), 0);
    const CalibratedRows ra = norm.prepare(a.view()), rb = norm.prepare(b.view());
    const double expected = type == CalibrationType::z_norm ? z : type == CalibrationType::t_norm ? t : t / 2;
    EXPECT_NEAR(norm.score(ra, 0, rb, 0), expected, 1e-7);
  }
  // The two most similar: 1, 0 for a and 1, 0 for b: mean 1/2, std 1/2.
  const CohortNorm top(CalibrationType::s_norm, cohort.view(), 2);
  EXPECT_NEAR(top.score(top.prepare(a.view()), 0, top.prepare(b.view()), 0), -1, 1e-7);
}

TEST(Calibration, BlocksOfNorms) {
  const Rows a = random_rows(1, 70, 40), b = random_rows(2, 50, 40), cohort = random_rows(3, 1500, 40);
  for (CalibrationType type : kNorms) {
    const CohortNorm norm(type, cohort.view(), 100);
    expect_blocks(norm, norm.prepare(a.view()), norm.prepare(b.view()));
  }
}

// What a row's context is depends on the row and the cohort, not on the set it came with or the threads.
TEST(Calibration, ContextsDependOnTheRowAlone) {
  const Rows x = random_rows(1, 131, 40), cohort = random_rows(3, 2500, 40);
  for (int64_t top : {0, 300}) {
    const CohortNorm norm(CalibrationType::s_norm, cohort.view(), top);
    const CalibratedRows all = norm.prepare(x.view());
    ASSERT_EQ(all.C, 2);
    for (int64_t i : {0, 63, 64, 130}) {
      const Rows one{{x.row(i), x.row(i) + 40}, 1, 40};
      const CalibratedRows r = norm.prepare(one.view());
      EXPECT_EQ(r.context[0], all.context[size_t(2 * i)]);
      EXPECT_EQ(r.context[1], all.context[size_t(2 * i + 1)]);
    }
    const int before = threads();
    set_threads(3);
    EXPECT_EQ(norm.prepare(x.view()).context, all.context);
    set_threads(before);
  }
}

TEST(Calibration, SNormIsSymmetric) {
  const Rows a = random_rows(1, 12, 24), cohort = random_rows(3, 60, 24);
  const CohortNorm norm(CalibrationType::s_norm, cohort.view(), 20);
  const CalibratedRows r = norm.prepare(a.view());
  const std::vector<float> scores = block(norm, r, 0, 12, r, 0, 12);
  for (int64_t i = 0; i < 12; ++i)
    for (int64_t j = 0; j < 12; ++j) {
      EXPECT_EQ(norm.score(r, i, r, j), norm.score(r, j, r, i));
      EXPECT_EQ(scores[size_t(12 * i + j)], scores[size_t(12 * j + i)]);
    }
}

TEST(Calibration, ZNormOfAGalleryIsTNormOfTheProbe) {
  const Rows a = random_rows(1, 4, 24), b = random_rows(2, 4, 24), cohort = random_rows(3, 60, 24);
  const CohortNorm z(CalibrationType::z_norm, cohort.view(), 0), t(CalibrationType::t_norm, cohort.view(), 0);
  const CalibratedRows ra = z.prepare(a.view()), rb = z.prepare(b.view());
  for (int64_t i = 0; i < 4; ++i) EXPECT_EQ(z.score(ra, i, rb, 3 - i), t.score(rb, 3 - i, ra, i));
}

// Lengths of embeddings and of the cohort, its order: nothing changes. Scaled by powers of two: to the last bit.
TEST(Calibration, Invariances) {
  const Rows a = random_rows(1, 5, 24), cohort = random_rows(3, 60, 24);
  const CohortNorm norm(CalibrationType::s_norm, cohort.view(), 20);
  const CalibratedRows r = norm.prepare(a.view());
  Rows longer = a, long_cohort = cohort, turned = cohort;
  for (float& v : longer.values) v *= 8;
  for (float& v : long_cohort.values) v *= 0.25f;
  for (int64_t j = 0; j < 60; ++j) std::copy_n(cohort.row(j), 24, turned.values.begin() + (59 - j) * 24);
  EXPECT_EQ(norm.prepare(longer.view()).context, r.context);
  EXPECT_EQ(CohortNorm(CalibrationType::s_norm, long_cohort.view(), 20).prepare(a.view()).context, r.context);
  EXPECT_EQ(CohortNorm(CalibrationType::s_norm, turned.view(), 20).prepare(a.view()).context, r.context);
}

// The scores of a z-normed row against the cohort itself have mean 0 and standard deviation 1.
TEST(Calibration, TheCohortScoresAsAStandardDistribution) {
  const Rows a = random_rows(1, 3, 24), cohort = random_rows(3, 500, 24);
  const CohortNorm norm(CalibrationType::z_norm, cohort.view(), 0);
  const CalibratedRows r = norm.prepare(a.view()), c = norm.prepare(cohort.view());
  for (int64_t i = 0; i < 3; ++i) {
    double sum = 0, squares = 0;
    for (float s : block(norm, r, i, 1, c, 0, 500)) sum += s, squares += double(s) * s;
    EXPECT_NEAR(sum / 500, 0, 1e-5);
    EXPECT_NEAR(squares / 500, 1, 1e-5);
  }
}

TEST(Calibration, ARowWithoutADirection) {
  Rows a = random_rows(1, 2, 24);
  std::fill(a.values.begin(), a.values.begin() + 24, 0.0f);
  const CohortNorm norm(CalibrationType::z_norm, random_rows(3, 60, 24).view(), 0);
  const CalibratedRows r = norm.prepare(a.view());
  EXPECT_EQ(r.context[0], 0);
  EXPECT_EQ(r.context[1], 1);
  EXPECT_EQ(norm.score(r, 0, r, 1), 0);
}

TEST(Calibration, WhatAScoreIs) {
  const Rows cohort = random_rows(3, 60, 24);
  EXPECT_EQ(CohortNorm(CalibrationType::t_norm, cohort.view(), 0).score(),
            "cosine similarity in standard deviations of impostor scores (t_norm: the probe row's, against a "
            "cohort of "
            "60)");
  EXPECT_EQ(CohortNorm(CalibrationType::s_norm, cohort.view(), 20).score(),
            "cosine similarity in standard deviations of impostor scores (s_norm: the mean over both rows, "
            "against the "
            "20 most similar of a cohort of 60)");
}

TEST(Calibration, Faults) {
  const Rows a = random_rows(1, 3, 4), cohort = random_rows(2, 10, 4);
  const auto norm = [&](const Rows& c, int64_t top, CalibrationType type = CalibrationType::s_norm) {
    return CohortNorm(type, c.view(), top);
  };
  Rows bad = a;
  bad.values[6] = NAN;
  EXPECT_EQ(thrown<Error>([&] { Cosine().prepare(bad.view()); }),
            "calibration: embedding 1 is not finite (column 2)");
  EXPECT_EQ(thrown<Error>([&] { norm(bad, 0); }), "calibration: embedding 1 is not finite (column 2)");
  EXPECT_EQ(thrown<std::invalid_argument>([&] {
              Cosine().prepare({a.values, 3, 5});
            }),
            "calibration: expected 3 x 5 embeddings, got 12 numbers");
  EXPECT_EQ(thrown<Error>([&] { norm(random_rows(1, 1, 4), 0); }),
            "cohort: needs two embeddings or more that have a direction, got 1 of 1");
  EXPECT_EQ(thrown<Error>([&] {
              norm({{1, 0, 0, 0}, 2, 2}, 0);
            }),
            "cohort: needs two embeddings or more that have a direction, got 1 of 2");
  EXPECT_EQ(thrown<Error>([&] { norm(cohort, 1); }),
            "cohort: the most similar one alone has no standard deviation; top = 1");
  EXPECT_EQ(thrown<std::invalid_argument>([&] { norm(cohort, -1); }), "cohort: type s_norm, top -1");
  EXPECT_EQ(thrown<std::invalid_argument>([&] { norm(cohort, 0, CalibrationType::none); }),
            "cohort: type none, top 0");
  EXPECT_EQ(thrown<Error>([&] { norm(cohort, 0).prepare(random_rows(1, 2, 8).view()); }),
            "cohort: its embeddings have 4 numbers, these have 8; calibrate with the same model and flip");
  const CalibratedRows bare = Cosine().prepare(a.view());
  EXPECT_EQ(thrown<std::invalid_argument>([&] { norm(cohort, 0).score(bare, 0, bare, 1); }),
            "cohort: rows with contexts of 2 numbers expected, got 0 and 0");
  EXPECT_EQ(thrown<Error>([&] {
              norm({{1, 0, 2, 0, 3, 0}, 3, 2}, 0).prepare({Rows{{1, 0}, 1, 2}.values, 1, 2});
            }),
            "cohort: embedding 0 has the same cosine, 1, with all that count");
  const CalibratedRows r = Cosine().prepare(a.view()), other = Cosine().prepare(random_rows(1, 2, 8).view());
  float out[16];
  EXPECT_EQ(thrown<std::invalid_argument>([&] { Cosine().scores(out, r, 2, 2, r, 0, 1); }),
            "calibration: asked for rows 2 to 4 of 3");
  EXPECT_EQ(thrown<std::invalid_argument>([&] { Cosine().score(r, 0, r, 3); }),
            "calibration: asked for rows 3 to 4 of 3");
  EXPECT_EQ(thrown<std::invalid_argument>([&] { Cosine().scores(out, r, 0, 1, other, 0, 1); }),
            "calibration: rows of 4 and of 8 numbers");
}

}  // namespace
}  // namespace fr
