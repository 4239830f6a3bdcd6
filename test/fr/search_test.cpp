#include "fr/search.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/error.h"

namespace fr {
namespace {

TEST(FaceSearch, FindsTheMostSimilarRows) {
  const std::vector<float> gallery = {1, 0, 0, 1, 0.6f, 0.8f, 0, 1}, queries = {0, 2, 1, 0};
  const Hits hits = search({queries, 2, 2}, {gallery, 4, 2}, 3);
  EXPECT_EQ(hits.indices, (std::vector<int64_t>{1, 3, 2, 0, 2, 1}));
  EXPECT_EQ(hits.scores, (std::vector<float>{2, 2, 1.6f, 1, 0.6f, 0}));
}

TEST(FaceSearch, FewerRowsThanAsked) {
  const float none = -std::numeric_limits<float>::infinity();
  const std::vector<float> gallery = {3, 4}, query = {1, 1};
  const Hits one = search({query, 1, 2}, {gallery, 1, 2}, 2), empty = search({query, 1, 2}, {{}, 0, 2}, 2);
  EXPECT_EQ(one.indices, (std::vector<int64_t>{0, -1}));
  EXPECT_EQ(one.scores, (std::vector<float>{7, none}));
  EXPECT_EQ(empty.indices, (std::vector<int64_t>{-1, -1}));
  EXPECT_EQ(empty.scores, (std::vector<float>{none, none}));
  EXPECT_TRUE(search({{}, 0, 2}, {gallery, 1, 2}, 2).indices.empty());
}

TEST(FaceSearch, AGallerySearchedAgainGivesTheSame) {
  const std::vector<float> gallery = {1, 0, 0, 1}, query = {0.5f, 0.25f};
  const Gallery checked({gallery, 2, 2});
  for (int i = 0; i < 2; ++i) EXPECT_EQ(checked.search({query, 1, 2}, 1).indices, (std::vector<int64_t>{0}));
}

template <class E, class F>
std::string message(const F& f) {
  try {
    f();
  } catch (const E& error) {
    return error.what();
  }
  return "no error";
}

TEST(FaceSearch, RefusesWhatDoesNotFit) {
  const std::vector<float> four = {1, 0, 0, 1}, two = {1, 0};
  const EmbeddingView gallery{four, 2, 2}, query{two, 1, 2};
  using Invalid = std::invalid_argument;
  EXPECT_EQ(message<Invalid>([&] {
              search({four, 1, 4}, gallery, 1);
            }),
            "search: queries have 4 columns, the gallery 2");
  EXPECT_EQ(message<Invalid>([&] { search(query, gallery, 0); }), "search: k must be at least 1, got 0");
  EXPECT_EQ(message<Invalid>([&] {
              search({two, 2, 2}, gallery, 1);
            }),
            "search: expected 2 x 2 queries, got 2 numbers");
  EXPECT_EQ(message<Invalid>([&] {
              search(query, {four, 3, 2}, 1);
            }),
            "search: expected 3 x 2 gallery, got 4 numbers");
}

TEST(FaceSearch, RefusesWhatIsNotFinite) {
  for (const float bad : {NAN, INFINITY, -INFINITY}) {
    const std::vector<float> broken = {1, 0, 0, bad}, fine = {1, 0, 0, 1};
    const EmbeddingView b{broken, 2, 2}, f{fine, 2, 2};
    EXPECT_EQ(message<Error>([&] { search(f, b, 1); }),
              "search: row 1 of the gallery is not finite (column 1)");
    EXPECT_EQ(message<Error>([&] { search(b, f, 1); }),
              "search: row 1 of the queries is not finite (column 1)");
  }
}

}  // namespace
}  // namespace fr
