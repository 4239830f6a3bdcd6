#include "fr/protocol/bootstrap.h"

#include <omp.h>

#include <algorithm>
#include <cmath>
#include <exception>

#include "base/error.h"
#include "base/parallel.h"
#include "base/philox.h"

namespace fr {
namespace {

constexpr uint32_t kStream = 1;           // losses draw their pairs from stream 0
constexpr size_t kFewestReplicates = 20;  // an interval of fewer says nothing

void check(const PairIdentities& p, size_t pairs) {
  FR_CHECK(p.a.size() == pairs && p.b.size() == pairs, "bootstrap: ", pairs, " labels, but ", p.a.size(),
           " and ", p.b.size(), " identities");
  for (size_t i = 0; i < pairs; ++i)
    FR_CHECK(std::min(p.a[i], p.b[i]) >= 0 && std::max(p.a[i], p.b[i]) < p.people, "bootstrap: pair ", i,
             " is of identities ", p.a[i], " and ", p.b[i], " of ", p.people);
}

// A pair of one person counts as often as the person, a pair of two as often as both meet. So pairs labelled against their
// people (or of people unknown, where each picture is its own) have a weight too.
void weigh(std::vector<float>& weights, const PairIdentities& p, const std::vector<int32_t>& drawn) {
  weights.resize(p.a.size());
  for (size_t i = 0; i < weights.size(); ++i) {
    const auto a = float(drawn[size_t(p.a[i])]);
    weights[i] = p.a[i] == p.b[i] ? a : a * float(drawn[size_t(p.b[i])]);
  }
}

// The q-quantile of sorted values, linear between neighbours.
double quantile(const std::vector<double>& sorted, double q) {
  const double at = q * double(sorted.size() - 1);
  const auto below = size_t(at);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (at - double(below)) * (sorted[above] - sorted[below]);
}

}  // namespace

std::vector<int32_t> drawn_identities(int64_t people, int64_t replicate, uint64_t seed) {
  FR_CHECK(people >= 0 && people < int64_t{1} << 32, "bootstrap: cannot draw from ", people, " identities");
  std::vector<int32_t> drawn(size_t(people), 0);
  Random random({seed, Purpose::pairs, uint64_t(replicate), kStream});
  for (int64_t i = 0; i < people; ++i) ++drawn[random.below(uint32_t(people))];
  return drawn;
}

Interval percentile_interval(std::vector<double> values, double confidence) {
  FR_CHECK(confidence > 0 && confidence < 1, "bootstrap: a confidence lies in (0, 1), got ", confidence);
  std::erase_if(values, [](double v) { return !std::isfinite(v); });
  if (values.size() < kFewestReplicates) return {};
  std::sort(values.begin(), values.end());
  return {quantile(values, (1 - confidence) / 2), quantile(values, (1 + confidence) / 2)};
}

std::vector<Interval> bootstrap_pairs(
    const PairIdentities& identities, std::span<const uint8_t> same, const BootstrapOptions& options,
    const std::function<std::vector<double>(std::span<const float> weights)>& statistics) {
  check(identities, same.size());
  FR_CHECK(options.replicates >= 0, "bootstrap: ", options.replicates, " replicates");
  if (options.replicates == 0)
    return std::vector<Interval>(statistics(std::vector<float>(same.size(), 1)).size());
  std::vector<std::vector<double>> values(size_t(options.replicates));
  std::vector<std::exception_ptr> errors(values.size());
  std::vector<std::vector<float>> weights(static_cast<size_t>(threads()));  // a buffer for each thread
  parallel_for(options.replicates, [&](int64_t r) {
    try {
      std::vector<float>& mine = weights[size_t(omp_get_thread_num())];
      weigh(mine, identities, drawn_identities(identities.people, r, options.seed));
      values[size_t(r)] = statistics(mine);
    } catch (...) {
      errors[size_t(r)] = std::current_exception();
    }
  });
  for (const std::exception_ptr& error : errors)
    if (error) std::rethrow_exception(error);
  std::vector<Interval> intervals;
  for (size_t k = 0; k < values.front().size(); ++k) {
    std::vector<double> of_one;
    for (const auto& v : values) of_one.push_back(v.at(k));
    intervals.push_back(percentile_interval(std::move(of_one), options.confidence));
  }
  return intervals;
}

}  // namespace fr
