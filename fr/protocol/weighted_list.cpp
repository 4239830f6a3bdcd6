#include "fr/protocol/weighted_list.h"

#include <algorithm>

namespace fr {
namespace {

constexpr int64_t kChunk = 128;  // weights are whole numbers: a float holds the sum of so many exactly
constexpr int64_t kSumsOfOne = 1 << 14;  // up to so many pairs a chunk is one pair

}  // namespace

void WeightedList::finish() { chunk_ = size() <= kSumsOfOne ? 1 : kChunk; }

void WeightedList::accumulate(Lanes& sum, const LaneWeights& w, int64_t begin, int64_t end) const {
  if (begin >= end) return;
  std::array<float, kLanes> part{};
  for (int64_t i = begin; i < end; ++i) {
    const auto &a = w.rows[size_t(pairs_[size_t(i)].a)], &b = w.rows[size_t(pairs_[size_t(i)].b)];
    for (size_t lane = 0; lane < kLanes; ++lane) part[lane] += a[lane] * b[lane];
  }
  const double mass = begin < exact_ ? 1 : mass_;
  for (size_t lane = 0; lane < kLanes; ++lane) sum[lane] += mass * double(part[lane]);
}

std::vector<Lanes> WeightedList::sums(const LaneWeights& w) const {
  std::vector<Lanes> sums(1, Lanes{});
  sums.reserve(size_t(size() / chunk_ + 2));
  for (int64_t begin = 0; begin < size(); begin += chunk_) {
    const int64_t end = std::min(size(), begin + chunk_), middle = std::clamp(exact_, begin, end);
    Lanes sum = sums.back();
    accumulate(sum, w, begin, middle), accumulate(sum, w, middle, end);
    sums.push_back(sum);
  }
  return sums;
}

double WeightedList::before(const std::vector<Lanes>& sums, const LaneWeights& w, int64_t end,
                            int lane) const {
  const int64_t chunk = end / chunk_;
  double sum = sums[size_t(chunk)][size_t(lane)];
  for (int64_t i = chunk * chunk_; i < end; ++i) sum += weight(w, i, lane);
  return sum;
}

int64_t WeightedList::exceeding(const std::vector<Lanes>& sums, const LaneWeights& w, double limit,
                                int lane) const {
  const auto chunk = std::partition_point(sums.begin() + 1, sums.end(),
                                          [&](const Lanes& s) { return s[size_t(lane)] <= limit; }) -
                     sums.begin() - 1;
  double sum = sums[size_t(chunk)][size_t(lane)];
  int64_t i = chunk * chunk_;
  while (i < size() && (sum += weight(w, i, lane)) <= limit) ++i;
  return std::min(i, size());
}

Lanes WeightedList::near(const std::vector<Lanes>& sums, int64_t place) const {
  const auto chunk = std::min(place / chunk_, int64_t(sums.size()) - 2);
  const int64_t begin = chunk * chunk_, length = std::min(chunk_, size() - begin);
  const double part = double(place - begin) / double(length);
  const Lanes &low = sums[size_t(chunk)], &high = sums[size_t(chunk) + 1];
  Lanes out;
  for (size_t lane = 0; lane < kLanes; ++lane) out[lane] = low[lane] + part * (high[lane] - low[lane]);
  return out;
}

}  // namespace fr
