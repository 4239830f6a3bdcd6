#include "fr/protocol/stream_bootstrap.h"

#include <cmath>

#include "base/parallel.h"
#include "fr/protocol/score_counts.h"
#include "fr/protocol/weighted_list.h"

namespace fr {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// How many of the descending keys are higher than `key`.
int64_t count_above(const std::vector<uint32_t>& keys, uint32_t key) {
  return std::partition_point(keys.begin(), keys.end(), [&](uint32_t k) { return k > key; }) - keys.begin();
}
int64_t count_at_least(const std::vector<uint32_t>& keys, uint32_t key) {
  return std::partition_point(keys.begin(), keys.end(), [&](uint32_t k) { return k >= key; }) - keys.begin();
}

class Bootstrap {
 public:
  Bootstrap(const PairIndex& index, const BootstrapLists& lists, std::span<const double> far,
            const BootstrapOptions& options)
      : index_(index), far_(far), options_(options), of_a_(size_t(index.identities())), of_b_(of_a_) {
    for (int32_t p : index.rows_a()) ++of_a_[size_t(p)];
    for (int32_t p : index.rows_b()) ++of_b_[size_t(p)];
    fill(lists);
    for (uint32_t key : genuine_keys_)
      place_.push_back({count_above(impostor_keys_, key), count_at_least(impostor_keys_, key)});
    values_.assign(far.size() + 1, std::vector<double>(size_t(options.replicates), kNaN));
  }

  StreamIntervals run() {
    if (genuine_.size() > 0 && impostor_.size() > 0)
      parallel_for((options_.replicates + kLanes - 1) / kLanes,
                   [&](int64_t group) { replicate(group * kLanes); });
    StreamIntervals intervals;
    for (size_t i = 0; i < far_.size(); ++i) intervals.tar.push_back(interval(i));
    intervals.auc = interval(far_.size());
    return intervals;
  }

 private:
  void fill(const BootstrapLists& lists) {
    const auto ones = int32_t(index_.identities());
    for (const RankedPair& p : lists.genuine)
      genuine_.add(index_.identity_a(p.a), ones), genuine_keys_.push_back(p.key);
    const auto add = [&](const RankedPair& p) {
      impostor_.add(index_.identity_a(p.a), index_.identity_b(p.b)), impostor_keys_.push_back(p.key);
    };
    const auto exact = int64_t(lists.tail.size());
    for (const RankedPair& p : lists.tail) add(p);
    for (const RankedPair& p : lists.sample)
      if (exact == 0 || p.key < lists.tail.back().key) add(p);
    impostor_.set_mass(exact, double(index_.impostor() - exact) /
                                  std::max(1.0, double(int64_t(impostor_keys_.size()) - exact)));
    genuine_.set_mass(genuine_.size(), 1);
    genuine_.finish(), impostor_.finish();
  }

  LaneWeights draw(int64_t first) const {
    LaneWeights w;
    w.rows.resize(size_t(index_.identities()) + 1);
    w.rows.back().fill(1);
    for (int64_t lane = 0; lane < kLanes && first + lane < options_.replicates; ++lane) {
      const std::vector<int32_t> drawn = drawn_identities(index_.identities(), first + lane, options_.seed);
      for (size_t p = 0; p < drawn.size(); ++p) w.rows[p][size_t(lane)] = float(drawn[p]);
    }
    return w;
  }

  // sum w_a w_b over all impostor pairs, from the numbers of rows n_p: (sum n w)(sum n' w) - sum n n' w^2, for one set half.
  Lanes impostor_weight(const LaneWeights& w) const {
    Lanes a{}, b{}, own{};
    for (size_t p = 0; p < of_a_.size(); ++p)
      for (size_t lane = 0; lane < kLanes; ++lane) {
        const double x = of_a_[p] * double(w.rows[p][lane]), y = of_b_[p] * double(w.rows[p][lane]);
        a[lane] += x, b[lane] += y, own[lane] += x * y;
      }
    for (size_t lane = 0; lane < kLanes; ++lane)
      a[lane] = (a[lane] * b[lane] - own[lane]) / (index_.one_set() ? 2 : 1);
    return a;
  }

  // Replicates first .. first + kLanes - 1.
  void replicate(int64_t first) {
    const LaneWeights w = draw(first);
    const Lanes impostors = impostor_weight(w);
    const std::vector<Lanes> genuine_sums = genuine_.sums(w), impostor_sums = impostor_.sums(w);
    const Lanes area = auc(w, genuine_sums.back(), impostor_sums);
    for (int lane = 0; lane < kLanes && first + lane < options_.replicates; ++lane) {
      const double all = impostors[size_t(lane)], genuine = genuine_sums.back()[size_t(lane)];
      if (all == 0 || genuine == 0) continue;
      const auto r = size_t(first + lane);
      for (size_t i = 0; i < far_.size(); ++i) {
        const double allowed = std::floor(far_[i] * all + 1e-9);
        const int64_t at =
            allowed < all ? impostor_.exceeding(impostor_sums, w, allowed, lane) : impostor_.size();
        const int64_t passed =
            at < impostor_.size() ? count_above(genuine_keys_, impostor_keys_[size_t(at)]) : genuine_.size();
        values_[i][r] = genuine_.before(genuine_sums, w, passed, lane) / genuine;
      }
      values_[far_.size()][r] = area[size_t(lane)];
    }
  }

  // 1 - sum_g w_g (impostors above g, and half of those equal) / (sum_g w_g  sum of impostors)
  Lanes auc(const LaneWeights& w, const Lanes& genuine, const std::vector<Lanes>& impostor_sums) const {
    Lanes lost{};
    for (int64_t g = 0; g < genuine_.size(); ++g) {
      const auto [above, at_least] = place_[size_t(g)];
      const Lanes higher = impostor_.near(impostor_sums, above);
      const Lanes not_lower = at_least == above ? higher : impostor_.near(impostor_sums, at_least);
      const auto& weight = w.rows[size_t(genuine_.first(g))];
      for (size_t lane = 0; lane < kLanes; ++lane)
        lost[lane] += double(weight[lane]) * (higher[lane] + not_lower[lane]) / 2;
    }
    for (size_t lane = 0; lane < kLanes; ++lane)
      lost[lane] = 1 - lost[lane] / (genuine[lane] * impostor_sums.back()[lane]);
    return lost;
  }

  Interval interval(size_t i) { return percentile_interval(std::move(values_[i]), options_.confidence); }

  const PairIndex& index_;
  const std::span<const double> far_;
  const BootstrapOptions& options_;
  std::vector<double> of_a_, of_b_;  // rows of each identity
  WeightedList genuine_, impostor_;
  std::vector<uint32_t> genuine_keys_, impostor_keys_;  // descending
  std::vector<std::pair<int64_t, int64_t>>
      place_;                                // of each genuine pair: impostors above it, and at least as high
  std::vector<std::vector<double>> values_;  // (FARs and the area, replicates)
};

}  // namespace

StreamIntervals bootstrap_stream(const PairIndex& index, const BootstrapLists& lists,
                                 std::span<const double> far, const BootstrapOptions& options) {
  if (options.replicates <= 0) return {std::vector<Interval>(far.size()), {}};
  return Bootstrap(index, lists, far, options).run();
}

}  // namespace fr
