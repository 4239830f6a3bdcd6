// Alignment against stated numbers, against what must hold, and on a picture.
#include "data/align.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/philox.h"

namespace fr {
namespace {

constexpr Landmarks kFace = {{{105, 120}, {170, 115}, {140, 155}, {112, 190}, {168, 186}}};

void expect_map(const Affine& m, const std::array<double, 6>& expected) {
  const double found[] = {m.a, m.b, m.tx, m.c, m.d, m.ty};
  for (size_t i = 0; i < 6; ++i) EXPECT_NEAR(found[i], expected[i], 1e-9) << i;
}

TEST(Align, UmeyamaIsTheStatedMap) {
  const Landmarks& square = alignment_template(112, 112);
  const Affine m = fit_similarity(kFace, square);
  expect_map(m, {0.556459981, -0.025470051, -17.419765477, 0.025470051, 0.556459981, -16.889226144});
  EXPECT_NEAR(alignment_error(kFace, square, m), 1.249436995, 1e-9);
}

TEST(Align, Cp2tformIsTheStatedMap) {
  const Landmarks& square = alignment_template(112, 112);
  const Affine m = fit_similarity(kFace, square, SimilarityFit::cp2tform);
  expect_map(m, {0.558072096, -0.025543840, -17.632545010, 0.025543840, 0.558072096, -17.146458876});
  EXPECT_NEAR(alignment_error(kFace, square, m), 1.251245553, 1e-9);
}

std::vector<Point> random_points(uint64_t seed, size_t n) {
  Random random({seed, Purpose::test, 0, 0});
  std::vector<Point> points(n);
  for (Point& p : points) p = {random.uniform(0, 200), random.uniform(0, 200)};
  return points;
}

// No similarity near the one that was found has a smaller error, and an exact one is found exactly, by both fits.
TEST(Align, TheFitIsTheLeast) {
  const std::vector<Point> p = random_points(1, 5), q = random_points(2, 5);
  const Affine m = fit_similarity(p, q);
  const double least = alignment_error(p, q, m);
  for (const double h : {1e-3, -1e-3}) {
    EXPECT_GT(alignment_error(p, q, {m.a + h, m.b, m.tx, m.c, m.d + h, m.ty}), least);
    EXPECT_GT(alignment_error(p, q, {m.a, m.b - h, m.tx, m.c + h, m.d, m.ty}), least);
    EXPECT_GT(alignment_error(p, q, {m.a, m.b, m.tx + h, m.c, m.d, m.ty}), least);
    EXPECT_GT(alignment_error(p, q, {m.a, m.b, m.tx, m.c, m.d, m.ty + h}), least);
  }
}

TEST(Align, AnExactSimilarityIsFound) {
  const std::vector<Point> p = random_points(3, 7);
  const Affine truth{0.6, -0.3, 12, 0.3, 0.6, -5};
  std::vector<Point> q;
  for (const Point& x : p) q.push_back({0.6 * x.x - 0.3 * x.y + 12, 0.3 * x.x + 0.6 * x.y - 5});
  for (SimilarityFit how : {SimilarityFit::umeyama, SimilarityFit::cp2tform})
    expect_map(fit_similarity(p, q, how), {truth.a, truth.b, truth.tx, truth.c, truth.d, truth.ty});
}

// Only cp2tform may turn a picture over.
TEST(Align, Cp2tformTakesTheMirrorImageWhereItFitsBetter) {
  const std::vector<Point> p = random_points(4, 6);
  std::vector<Point> q;
  for (const Point& x : p) q.push_back({100 - x.x, x.y});
  expect_map(fit_similarity(p, q, SimilarityFit::cp2tform), {-1, 0, 100, 0, 1, 0});
  EXPECT_GT(alignment_error(p, q, fit_similarity(p, q)), 1);
}

TEST(Align, TheNarrowTemplateIsTheSquareOneWithoutEightColumns) {
  for (size_t i = 0; i < 5; ++i) {
    EXPECT_NEAR(alignment_template(112, 112)[i].x - alignment_template(112, 96)[i].x, 8, 1e-12);
    EXPECT_EQ(alignment_template(112, 112)[i].y, alignment_template(112, 96)[i].y);
  }
}

TEST(Align, RefusesWhatHasNoFit) {
  EXPECT_THROW(alignment_template(128, 128), std::invalid_argument);
  const std::vector<Point> same(5, Point{3, 4}), other = random_points(5, 5);
  EXPECT_THROW(fit_similarity(same, other), std::invalid_argument);
  EXPECT_THROW(fit_similarity(other, same, SimilarityFit::cp2tform), std::invalid_argument);
  EXPECT_THROW(fit_similarity({other.data(), 1}, {other.data(), 1}), std::invalid_argument);
  EXPECT_THROW(fit_similarity(other, {other.data(), 4}), std::invalid_argument);
}

// Bright squares on the landmarks come to lie on the template; beyond the picture it is black.
TEST(Align, MovesAPicture) {
  Image image(200, 200);
  for (const Point& p : kFace)
    for (int y = -4; y <= 4; ++y)
      for (int x = -4; x <= 4; ++x)
        for (int c = 0; c < 3; ++c) image.at(int(p.x) + x, int(p.y) + y)[c] = 255;
  for (int width : {112, 96}) {
    const Image aligned = align_face(image, kFace, 112, width);
    ASSERT_EQ(aligned.width, width);
    for (const Point& t : alignment_template(112, width))
      EXPECT_EQ(aligned.at(int(std::lround(t.x)), int(std::lround(t.y)))[1], 255) << width;
    EXPECT_EQ(aligned.at(width / 2, 5)[0], 0);
  }
}

TEST(Align, LandmarksInOnePlaceGiveTheCentre) {
  Image image(224, 112);
  for (int y = 0; y < 112; ++y)
    for (int x = 0; x < 224; ++x) image.at(x, y)[0] = uint8_t(x);
  Landmarks one;
  one.fill({7, 7});
  const Image centre = align_face(image, one, 112, 112);
  EXPECT_EQ(centre.at(0, 0)[0], 56);
  EXPECT_EQ(centre.at(111, 50)[0], 167);
}

}  // namespace
}  // namespace fr
