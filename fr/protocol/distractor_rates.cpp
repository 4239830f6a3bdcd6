#include "fr/protocol/distractor_rates.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

namespace fr {
namespace {

double weighted(const std::vector<int64_t>& counts, std::span<const float> weights) {
  double sum = 0;
  for (size_t p = 0; p < counts.size(); ++p) sum += double(counts[p]) * double(weights[p]);
  return sum;
}

}  // namespace

DistractorRates::DistractorRates(const DistractorTest& test, std::span<const int64_t> people,
                                 std::span<const double> far)
    : test_(test), people_(people), far_(far), order_(far.size()) {
  std::iota(order_.begin(), order_.end(), size_t{0});
  std::stable_sort(order_.begin(), order_.end(), [&](size_t a, size_t b) { return far[a] < far[b]; });
  const size_t count = people.empty() ? 0 : size_t(*std::max_element(people.begin(), people.end())) + 1;
  probes_.assign(count, 0), trials_.assign(count, 0);
  right_.assign(test.found.best.size(), trials_);
  for (int64_t p : people) ++probes_[size_t(p)];
  for (const GenuineTrial& t : test.trials) {
    const int64_t person = people[size_t(t.probe)];
    ++trials_[size_t(person)];
    genuine_.push_back({t.score, person});
    for (size_t k = 0; k < right_.size(); ++k)
      right_[k][size_t(person)] += t.score >= test.found.best[k][size_t(t.probe)];
  }
  std::sort(genuine_.begin(), genuine_.end(), std::greater<>());
}

std::vector<double> DistractorRates::rank_1(std::span<const float> weights) const {
  const double all = weighted(trials_, weights);
  std::vector<double> rates;
  for (const auto& right : right_) rates.push_back(weighted(right, weights) / all);
  return rates;
}

// One walk down the tail and the genuine scores serves the ascending FARs.
std::vector<double> DistractorRates::tar(std::span<const float> weights) const {
  const std::vector<ImpostorScore>& tail = test_.found.tail;
  const auto weight = [&](const ImpostorScore& s) {
    return double(weights[size_t(people_[size_t(s.probe)])]);
  };
  const double all = weighted(trials_, weights), drawn = weighted(probes_, weights);
  const double impostors = drawn * (double(test_.found.impostors) / double(people_.size()));
  std::vector<double> rates(far_.size(), std::numeric_limits<double>::quiet_NaN());
  double passed = 0, found = 0;
  size_t next = 0, genuine = 0;
  for (size_t k : order_) {
    const double allowed = std::floor(far_[k] * impostors + 1e-9);
    if (allowed >= impostors) rates[k] = 1;
    while (next < tail.size() && passed + weight(tail[next]) <= allowed) passed += weight(tail[next++]);
    if (next == tail.size()) continue;
    for (; genuine < genuine_.size() && genuine_[genuine].first > tail[next].score; ++genuine)
      found += double(weights[size_t(genuine_[genuine].second)]);
    rates[k] = found / all;
  }
  return rates;
}

std::vector<std::pair<double, double>> roc_of(const DistractorTest& test, int64_t most) {
  std::vector<float> genuine;
  for (const GenuineTrial& g : test.trials) genuine.push_back(g.score);
  std::sort(genuine.begin(), genuine.end(), std::greater<>());
  const auto share = [&](float score) {  // of the genuine scores >= score
    const auto end = std::upper_bound(genuine.begin(), genuine.end(), score, std::greater<>());
    return double(end - genuine.begin()) / double(genuine.size());
  };
  const std::vector<ImpostorScore>& tail = test.found.tail;
  std::vector<std::pair<double, double>> points;
  const double step = std::pow(double(std::max<size_t>(tail.size(), 2)), 1 / double(most));
  double from = 1;
  for (size_t i = 0; i < tail.size(); ++i) {
    const bool ends = i + 1 == tail.size();
    if (!ends && (tail[i + 1].score == tail[i].score || double(i + 1) < from)) continue;
    points.push_back({double(i + 1) / double(test.found.impostors), share(tail[i].score)});
    from = double(i + 1) * step;
  }
  return points;
}

}  // namespace fr
