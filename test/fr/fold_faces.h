// Pairs in folds over embeddings around random directions, and the small things that tests of protocols share.
#pragma once
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/philox.h"
#include "fr/protocol/fold_verification.h"
#include "test/fr/figure_of.h"

namespace fr {

// `people` people, 4 pictures each, in `folds` folds: every picture with the next of its person, and with one of another.
struct FoldFaces {
  VerificationSet set;
  std::vector<float> values;
  int64_t D = 8;
  EmbeddingView view() const { return {values, set.rows(), D}; }

  explicit FoldFaces(int64_t people = 15, int folds = 3, double noise = 0.8, uint64_t seed = 7) {
    Random random({seed, Purpose::test, 0, 0});
    std::vector<double> centre(size_t(people * D));
    for (double& c : centre) c = random.normal() + 0.5;
    const int64_t N = 4 * people;
    for (int64_t n = 0; n < N; ++n) {
      set.pictures.names.push_back("person" + std::to_string(n / 4) + "/" + std::to_string(n) + ".jpg");
      set.people.push_back(n / 4);
      for (int64_t d = 0; d < D; ++d)
        values.push_back(float(centre[size_t(n / 4 * D + d)] + noise * random.normal()));
    }
    for (int64_t n = 0; n < N; ++n) {
      const int fold = int(n * folds / N);
      set.pairs.push_back({n, n / 4 * 4 + (n + 1) % 4, true, fold});
      set.pairs.push_back({n, (n + 4 + int64_t(random.below(uint32_t(N - 7)))) % N, false, fold});
      if (set.pairs.back().b / 4 == n / 4) set.pairs.back().b = (n + 4) % N;
    }
    set.people_from = PeopleFrom::names;
    set.description = "pairs";
  }
};

// A calibrator that is no cosine: twice the cosine, plus the mean of the two rows' lengths.
class LongerIsBetter : public Calibrator {
 public:
  std::string name() const override { return "longer"; }
  std::string score() const override { return "cosine and lengths"; }
  CalibratedRows prepare(const EmbeddingView& e) const override {
    return {{e.values.begin(), e.values.end()}, {}, e.N, e.D, 0};
  }
  void scores(float* out, const CalibratedRows& a, int64_t i, int64_t n, const CalibratedRows& b, int64_t j,
              int64_t m) const override {
    for (int64_t r = 0; r < n; ++r)
      for (int64_t c = 0; c < m; ++c) *out++ = float(score(a, i + r, b, j + c));
  }
  double score(const CalibratedRows& a, int64_t i, const CalibratedRows& b, int64_t j) const override {
    double ab = 0, aa = 0, bb = 0;
    for (int64_t d = 0; d < a.D; ++d) {
      const double u = a.rows[size_t(i * a.D + d)], v = b.rows[size_t(j * b.D + d)];
      ab += u * v, aa += u * u, bb += v * v;
    }
    return 2 * ab / std::sqrt(aa * bb) + (std::sqrt(aa) + std::sqrt(bb)) / 2;
  }
};

inline std::vector<double> scores_of(const ProtocolResult& result) {
  std::vector<double> scores;
  for (const auto& s : result.scores) scores.push_back(s.score);
  return scores;
}

}  // namespace fr
