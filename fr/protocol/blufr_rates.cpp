#include "fr/protocol/blufr_rates.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/parallel.h"
#include "fr/protocol/open_set.h"
#include "fr/protocol/pair_index.h"

namespace fr {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();
// A replicate may need more impostors than the list itself: those of people it draws often.
constexpr int64_t kReserve = 3, kFewest = 1000;

}  // namespace

BlufrRates::BlufrRates(const ScorePairs& pairs, int64_t people, std::span<const double> far, int64_t kept)
    : far_(far.begin(), far.end()), pictures_(size_t(people), 0) {
  FR_CHECK(!pairs.b, "BLUFR: verification is within one set");
  for (const double f : far) FR_CHECK(f >= 0 && f <= 1, "BLUFR: a false accept rate lies in [0, 1], got ", f);
  for (const int64_t p : pairs.people_a) {
    FR_CHECK(p >= 0 && p < people, "BLUFR: person ", p, " of ", people);
    ++pictures_[size_t(p)];
  }
  const PairIndex index(pairs);
  impostor_ = index.impostor();
  if (index.genuine() == 0 || impostor_ == 0)
    throw Error(ErrorKind::data,
                cat("BLUFR: ", index.genuine(), " genuine and ", impostor_, " impostor pairs in a test set"));
  std::vector<int64_t> n, ranks = {1};
  for (const double f : far) n.push_back(int64_t(std::round(f * double(impostor_))));
  int64_t most = 0;
  for (const int64_t r : n) most = std::max(most, r), ranks.push_back(std::max<int64_t>(r, 1));
  const int64_t reach = std::min({impostor_, kReserve * most + kFewest, kept});
  const bool whole = reach == impostor_;  // the tail holds every impostor pair
  ranks.push_back(reach);
  const std::vector<float> largest = largest_impostors(pairs, ranks);
  collect(pairs, whole ? -kInfinity : double(largest.back()));
  for (size_t k = 0; k < n.size(); ++k)
    points_.push_back(point(far[k], n[k], double(largest[0]), double(largest[k + 1])));
}

// Genuine pairs, and impostors that score higher than `floor`: fewer than were asked for, however many are equal to it.
void BlufrRates::collect(const ScorePairs& pairs, double floor) {
  const PairIndex index(pairs);
  std::vector<std::vector<Pair>> genuine(static_cast<size_t>(threads())), tail(genuine.size());
  for_each_block(pairs, [&](const ScoreBlock& block, int thread) {
    for (int64_t r = block.i; r < block.i + block.n; ++r) {
      const auto pair = [&](int64_t c) {
        return Pair{score_at(block, r, c), int32_t(pairs.people_a[size_t(r)]),
                    int32_t(pairs.people_a[size_t(c)])};
      };
      index.visit(
          block, r,
          [&](int64_t begin, int64_t end) {
            for (int64_t c = begin; c < end; ++c)
              if (double(score_at(block, r, c)) > floor) tail[size_t(thread)].push_back(pair(c));
          },
          [&](int64_t c) { genuine[size_t(thread)].push_back(pair(c)); });
    }
  });
  const auto join = [](std::vector<Pair>& to, std::vector<std::vector<Pair>>& parts) {
    for (auto& part : parts) to.insert(to.end(), part.begin(), part.end()), part = {};
    std::sort(to.begin(), to.end(), [](const Pair& a, const Pair& b) {
      return a.score != b.score ? a.score > b.score : a.a != b.a ? a.a < b.a : a.b < b.b;
    });
  };
  join(genuine_, genuine), join(tail_, tail);
}

BlufrPoint BlufrRates::point(double far, int64_t n, double largest, double nth) const {
  BlufrPoint p;
  p.far = far, p.threshold = nth, p.too_few = far * double(impostor_) < 1;
  if (n == 0) {
    double next = kInfinity;  // the lowest genuine score above the largest impostor's
    for (const Pair& g : genuine_)
      if (double(g.score) > largest) next = double(g.score);
    p.threshold = next < kInfinity ? (largest + next) / 2 : largest + kRootEps;
  }
  if (n == impostor_) p.threshold = std::min(nth, double(genuine_.back().score)) - kRootEps;
  const auto passing = [&](const std::vector<Pair>& pairs) {
    return std::partition_point(pairs.begin(), pairs.end(),
                                [&](const Pair& q) { return double(q.score) >= p.threshold; }) -
           pairs.begin();
  };
  p.rate = double(passing(genuine_)) / double(genuine());
  const int64_t accepted = n == impostor_ ? impostor_ : passing(tail_);
  // Beyond the tail nobody has counted the ties; n is what the rule aims at.
  p.realised_far = double(std::max(accepted, n)) / double(impostor_);
  return p;
}

BlufrRates::Cut BlufrRates::cut(double far, FarRule rule, double total, std::span<const float> w) const {
  // Accepted are impostors up to a weight of n, the last with its ties; or as many as do not exceed n, ties refused.
  const double n = rule == FarRule::blufr ? std::round(far * total) : std::floor(far * total + 1e-9);
  if (n >= total) return {-kInfinity, true};
  const bool refuses = rule == FarRule::at_most || n == 0;
  double seen = 0;
  for (const Pair& p : tail_) {
    seen += double(w[size_t(p.a)] * w[size_t(p.b)]);
    if (refuses ? seen > n : seen >= n) return {double(p.score), !refuses};
  }
  return {kNone, false};
}

std::vector<double> BlufrRates::rates(std::span<const float> w, FarRule rule) const {
  FR_CHECK(w.size() == pictures_.size(), "BLUFR: ", w.size(), " weights for ", pictures_.size(), " people");
  double all = 0, own = 0, pairs = 0;
  for (size_t p = 0; p < w.size(); ++p) {
    const double n = double(pictures_[p]), weight = double(w[p]);
    all += weight * n, own += weight * weight * n * n, pairs += weight * n * (n - 1) / 2;
  }
  const double total = (all * all - own) / 2;  // of the impostor pairs
  std::vector<double> rates;
  for (const double f : far_) {
    const Cut t = cut(f, rule, total, w);
    double passed = 0;
    for (const Pair& g : genuine_) {
      if (t.itself ? double(g.score) < t.score : double(g.score) <= t.score) break;
      passed += double(w[size_t(g.a)]);
    }
    rates.push_back(std::isnan(t.score) || total == 0 || pairs == 0 ? kNone : passed / pairs);
  }
  return rates;
}

}  // namespace fr
