// For tests of streamed scores: a calibrator that is the plain inner product, sets of embeddings whose scores tie often, and
// all pairs with their scores in plain lists.
#pragma once
#include <algorithm>
#include <cmath>
#include <mutex>
#include <optional>

#include "base/philox.h"
#include "fr/protocol/score_stream.h"
#include "tensor/kernels.h"

namespace fr {

class InnerProduct : public Calibrator {
 public:
  std::string name() const override { return "test"; }
  std::string score() const override { return "inner product"; }
  CalibratedRows prepare(const EmbeddingView& e) const override {
    return {{e.values.begin(), e.values.end()}, {}, e.N, e.D, 0};
  }
  void scores(float* out, const CalibratedRows& a, int64_t i, int64_t n, const CalibratedRows& b, int64_t j,
              int64_t m) const override {
    GemmShape s;
    s.transpose_b = true;
    s.M = n, s.N = m, s.K = a.D, s.lda = s.ldb = a.D, s.ldc = m;
    kernels<float>().gemm(out, a.rows.data() + i * a.D, b.rows.data() + j * a.D, s, 1, 0);
  }
  double score(const CalibratedRows& a, int64_t i, const CalibratedRows& b, int64_t j) const override {
    double sum = 0;
    for (int64_t d = 0; d < a.D; ++d)
      sum += double(a.rows[size_t(i * a.D + d)]) * double(b.rows[size_t(j * a.D + d)]);
    return sum;
  }
};

enum class Values { whole, real };  // whole numbers of little size: few distinct scores, and exact ones

// People 0 .. people-1, the last ones rare; every fifth row is a distractor when wanted. Rows of a person resemble each other.
struct TestSet {
  CalibratedRows rows;
  std::vector<int64_t> people;

  TestSet(int64_t N, int64_t D, int64_t population, Values values, uint64_t seed, bool distractors = true) {
    Random random({seed, Purpose::test, 0, 0});
    rows.N = N, rows.D = D;
    for (int64_t n = 0; n < N; ++n) {
      const auto person = int64_t(double(population) * random.uniform() * random.uniform());
      people.push_back(distractors && n % 5 == 4 ? -1 - n % 3 : 7 * person + 2);
      Random own({seed + 100, Purpose::test, uint64_t(person), 0});
      for (int64_t d = 0; d < D; ++d) {
        const double x = own.normal() + 0.8 * random.normal();
        rows.rows.push_back(float(values == Values::whole ? std::clamp(std::round(x), -2.0, 2.0) : x));
      }
    }
  }
};

struct TestPairs {
  InnerProduct product;
  TestSet a;
  std::optional<TestSet> b = std::nullopt;

  ScorePairs pairs() const {
    ScorePairs p{&product, &a.rows, a.people, nullptr, {}};
    if (b) p.b = &b->rows, p.people_b = b->people;
    return p;
  }
  const TestSet& columns() const { return b ? *b : a; }
};

// Every pair with its score, in the order of its rows.
struct AllPairs {
  std::vector<ScoredPair> pairs;
  std::vector<double> scores;
  std::vector<uint8_t> same;
  ScoreView view() const { return {scores, same}; }

  explicit AllPairs(const TestPairs& test) {
    std::mutex mutex;
    for_each_block(test.pairs(), [&](const ScoreBlock& block, int) {
      const std::lock_guard lock(mutex);
      for (int64_t r = block.i; r < block.i + block.n; ++r)
        for (int64_t c = test.b ? block.j : std::max(block.j, r + 1); c < block.j + block.m; ++c)
          pairs.push_back({r, c, block.scores[(r - block.i) * block.stride + (c - block.j)]});
    });
    std::sort(pairs.begin(), pairs.end(),
              [](const auto& x, const auto& y) { return std::pair(x.a, x.b) < std::pair(y.a, y.b); });
    for (const ScoredPair& p : pairs) {
      const int64_t person = test.a.people[size_t(p.a)];
      scores.push_back(p.score), same.push_back(person >= 0 && person == test.columns().people[size_t(p.b)]);
    }
  }
  std::vector<double> of(bool genuine) const {
    std::vector<double> chosen;
    for (size_t i = 0; i < scores.size(); ++i)
      if ((same[i] != 0) == genuine) chosen.push_back(scores[i]);
    return chosen;
  }
};

}  // namespace fr
