// The nearest-neighbour search of every backend against its definition, and what must not change its result.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <vector>

#include "base/parallel.h"
#include "base/philox.h"
#include "tensor/kernels.h"

namespace fr::test {
namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN(), kInf = std::numeric_limits<float>::infinity();

struct Found {
  std::vector<int64_t> index;
  std::vector<float> score;
};

Found top_k(const Kernels<float>& kernels, const std::vector<float>& q, const std::vector<float>& g,
            int64_t D, int64_t k) {
  const auto Q = static_cast<int64_t>(q.size()) / D, N = static_cast<int64_t>(g.size()) / D;
  Found found{std::vector<int64_t>(static_cast<size_t>(Q * k)),
              std::vector<float>(static_cast<size_t>(Q * k))};
  kernels.top_k(found.index.data(), found.score.data(), q.data(), g.data(), Q, N, D, k);
  return found;
}

std::vector<float> normals(int64_t n, uint32_t seed) {
  Random random({.seed = seed, .purpose = Purpose::test});
  std::vector<float> values(static_cast<size_t>(n));
  for (float& value : values) value = static_cast<float>(random.normal());
  return values;
}

// Both paths of the vector kernels, on an odd D.
constexpr int64_t kQueries[] = {3, 50};

TEST(Search, AgreesWithAFullSortInDouble) {
  constexpr int64_t N = 3000, D = 77, k = 9;
  const std::vector<float> g = normals(N * D, 2);
  for (const int64_t Q : kQueries) {
    const std::vector<float> q = normals(Q * D, 1);
    for (const Kernels<float>* kernels : all_backends()) {
      const Found found = top_k(*kernels, q, g, D, k);
      for (int64_t i = 0; i < Q; ++i) {
        std::vector<double> score(N), sorted;
        for (int64_t n = 0; n < N; ++n)
          for (int64_t d = 0; d < D; ++d)
            score[static_cast<size_t>(n)] +=
                static_cast<double>(q[static_cast<size_t>(i * D + d)]) * g[static_cast<size_t>(n * D + d)];
        sorted = score;
        std::sort(sorted.begin(), sorted.end(), std::greater<>());
        std::vector<int64_t> rows;
        for (int64_t j = 0; j < k; ++j) {
          const auto at = static_cast<size_t>(i * k + j);
          rows.push_back(found.index[at]);
          ASSERT_TRUE(rows.back() >= 0 && rows.back() < N);
          EXPECT_NEAR(found.score[at], sorted[static_cast<size_t>(j)], 1e-4) << kernels->name;
          EXPECT_NEAR(found.score[at], score[static_cast<size_t>(rows.back())], 1e-4) << kernels->name;
          EXPECT_TRUE(j == 0 || found.score[at] <= found.score[at - 1]) << kernels->name;
        }
        std::sort(rows.begin(), rows.end());
        EXPECT_EQ(std::unique(rows.begin(), rows.end()), rows.end()) << kernels->name << " names a row twice";
      }
    }
  }
}

// A score does not depend on where its row lies, nor do other rows: all bits stay, only the names change.
TEST(Search, PermutingTheGalleryPermutesTheIndices) {
  constexpr int64_t N = 1111, D = 45, k = 20;
  const std::vector<float> g = normals(N * D, 2);
  std::vector<int64_t> order(N);
  std::iota(order.begin(), order.end(), 0);
  Random random({.seed = 3, .purpose = Purpose::test});
  for (int64_t n = N - 1; n > 0; --n)
    std::swap(order[static_cast<size_t>(n)], order[random.below(static_cast<uint32_t>(n + 1))]);
  std::vector<float> permuted;
  for (const int64_t n : order) permuted.insert(permuted.end(), g.begin() + n * D, g.begin() + (n + 1) * D);
  for (const int64_t Q : kQueries)
    for (const Kernels<float>* kernels : all_backends()) {
      const std::vector<float> q = normals(Q * D, 1);
      const Found a = top_k(*kernels, q, g, D, k);
      Found b = top_k(*kernels, q, permuted, D, k);
      for (int64_t& n : b.index) n = order[static_cast<size_t>(n)];
      EXPECT_EQ(a.index, b.index) << kernels->name;
      EXPECT_EQ(a.score, b.score) << kernels->name;
    }
}

// The best of k are the first of the best of more.
TEST(Search, FewerAreAPrefixOfMore) {
  constexpr int64_t N = 500, D = 33;
  const std::vector<float> g = normals(N * D, 2);
  for (const int64_t Q : kQueries)
    for (const Kernels<float>* kernels : all_backends()) {
      const std::vector<float> q = normals(Q * D, 1);
      const Found all = top_k(*kernels, q, g, D, N + 3);
      for (const int64_t k : {1, 2, 31, 500}) {
        const Found some = top_k(*kernels, q, g, D, k);
        for (int64_t i = 0; i < Q * k; ++i) {
          const auto at = static_cast<size_t>(i / k * (N + 3) + i % k);
          ASSERT_EQ(some.index[static_cast<size_t>(i)], all.index[at]) << kernels->name;
          ASSERT_EQ(some.score[static_cast<size_t>(i)], all.score[at]) << kernels->name;
        }
      }
      for (int64_t i = 0; i < 3; ++i) {
        EXPECT_EQ(all.index[static_cast<size_t>(N + i)], -1) << kernels->name;
        EXPECT_EQ(all.score[static_cast<size_t>(N + i)], -kInf) << kernels->name;
      }
    }
}

// Every row once more behind all of them: the copy directly follows, with the same score.
TEST(Search, CopiesFollowTheirOriginals) {
  constexpr int64_t N = 333, D = 19, k = 8;
  std::vector<float> g = normals(N * D, 2);
  const std::vector<float> once = g;
  g.insert(g.end(), once.begin(), once.end());
  for (const int64_t Q : kQueries)
    for (const Kernels<float>* kernels : all_backends()) {
      const Found found = top_k(*kernels, normals(Q * D, 1), g, D, k);
      for (size_t i = 0; i < found.index.size(); i += 2) {
        EXPECT_LT(found.index[i], N) << kernels->name;
        EXPECT_EQ(found.index[i + 1], found.index[i] + N) << kernels->name;
        EXPECT_EQ(found.score[i + 1], found.score[i]) << kernels->name;
      }
    }
}

// Each row better than all before it: every one enters the lists.
TEST(Search, AscendingGallery) {
  constexpr int64_t N = 4000;
  std::vector<float> g;
  for (int64_t n = 0; n < N; ++n) g.insert(g.end(), {static_cast<float>(n), 1});
  for (const int64_t Q : kQueries)
    for (const Kernels<float>* kernels : all_backends()) {
      const Found found = top_k(*kernels, std::vector<float>(static_cast<size_t>(2 * Q), 1), g, 2, 7);
      for (size_t i = 0; i < found.index.size(); ++i)
        EXPECT_EQ(found.index[i], N - 1 - static_cast<int64_t>(i % 7)) << kernels->name;
    }
}

// D = 1 and the query 1: the scores are the gallery.
TEST(Search, NaNComesAfterEveryNumberAndBeforeNothing) {
  std::vector<float> g = {kNaN, -kInf, 2, kNaN, kInf, -kInf, 0, 2};
  const std::vector<int64_t> want = {4, 2, 7, 6, 1, 5, 0, 3, -1, -1};
  for (const int64_t Q : kQueries)
    for (const int64_t k : {1, 3, 5, 7, 8, 10})
      for (const Kernels<float>* kernels : all_backends()) {
        const Found found = top_k(*kernels, std::vector<float>(static_cast<size_t>(Q), 1), g, 1, k);
        for (int64_t i = 0; i < Q * k; ++i) {
          const int64_t n = want[static_cast<size_t>(i % k)];
          const float s = found.score[static_cast<size_t>(i)],
                      expected = n < 0 ? -kInf : g[static_cast<size_t>(n)];
          ASSERT_EQ(found.index[static_cast<size_t>(i)], n)
              << kernels->name << " k " << k << " place " << i % k;
          ASSERT_TRUE(s == expected || (std::isnan(s) && std::isnan(expected))) << kernels->name;
        }
      }
}

// A gallery of NaN first, then numbers: a list full of NaN still takes every number.
TEST(Search, NumbersReplaceNaN) {
  constexpr int64_t N = 200;
  std::vector<float> g(N, kNaN);
  for (int64_t n = 150; n < N; ++n) g[static_cast<size_t>(n)] = -static_cast<float>(n);
  for (const int64_t Q : kQueries)
    for (const Kernels<float>* kernels : all_backends()) {
      const Found found = top_k(*kernels, std::vector<float>(static_cast<size_t>(Q), 1), g, 1, 60);
      for (int64_t i = 0; i < Q * 60; ++i)
        ASSERT_EQ(found.index[static_cast<size_t>(i)], i % 60 < 50 ? 150 + i % 60 : i % 60 - 50)
            << kernels->name;
    }
}

// The realistic size, and lists so long that the queries are searched a few at a time: the threads may not show.
TEST(Search, ThreadsDoNotShow) {
  struct Size {
    int64_t Q, N, D, k;
  };
  const int before = threads();
  for (const Size& s : {Size{1, 20000, 512, 10}, {64, 6000, 512, 10}, {50, 4000, 130, 4000}}) {
    const std::vector<float> q = normals(s.Q * s.D, 1), g = normals(s.N * s.D, 2);
    for (const Kernels<float>* kernels : all_backends()) {
      if (kernels == all_backends().front()) continue;
      set_threads(1);
      const Found one = top_k(*kernels, q, g, s.D, s.k);
      for (const int n : {2, 3}) {
        set_threads(n);
        const Found more = top_k(*kernels, q, g, s.D, s.k);
        EXPECT_EQ(one.index, more.index) << kernels->name;
        EXPECT_EQ(one.score, more.score) << kernels->name;
      }
      int64_t disordered = 0;
      for (size_t i = 1; i < one.score.size(); ++i)
        disordered += i % static_cast<size_t>(s.k) != 0 && !(one.score[i] <= one.score[i - 1]);
      EXPECT_EQ(disordered, 0) << kernels->name;
    }
    set_threads(before);
  }
}

}  // namespace
}  // namespace fr::test
