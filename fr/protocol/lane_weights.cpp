#include "fr/protocol/lane_weights.h"

#include <cmath>

#include "base/philox.h"

namespace fr {
namespace {

constexpr uint32_t kStream = 3;  // 0 to 2 belong to the losses, drawn_identities() and samples of pairs

// The k-th limit: a Poisson(1) number exceeds k as often as 16 random bits reach it.
std::array<uint32_t, 8> poisson_limits() {
  std::array<uint32_t, 8> limits{};
  double at_most = 0, probability = std::exp(-1.0);
  for (size_t k = 0; k < limits.size(); probability /= double(++k))
    at_most += probability, limits[k] = uint32_t(std::lround(65536 * at_most));
  return limits;
}

void poisson(LaneWeights& w, int64_t first, uint64_t seed) {
  const std::array<uint32_t, 8> limits = poisson_limits();
  const PhiloxKey key{seed, Purpose::pairs, uint64_t(first), kStream};
  for (size_t p = 0; p + 1 < w.rows.size(); ++p) {
    const std::array<uint32_t, 4> words = philox4x32(key, p);
    for (size_t lane = 0; lane < kLanes; ++lane) {
      const uint32_t bits = words[lane / 2] >> (lane % 2 * 16) & 0xffff;
      uint32_t times = 0;
      for (uint32_t limit : limits) times += bits >= limit;
      w.rows[p][lane] = float(times);
    }
  }
}

}  // namespace

LaneWeights lane_weights(int64_t identities, int64_t first, const BootstrapOptions& options) {
  LaneWeights w;
  w.rows.resize(size_t(identities) + 1);
  w.rows.back().fill(1);
  if (identities > kMostDrawn) return poisson(w, first, options.seed), w;
  for (int64_t lane = 0; lane < kLanes && first + lane < options.replicates; ++lane) {
    const std::vector<int32_t> drawn = drawn_identities(identities, first + lane, options.seed);
    for (size_t p = 0; p < drawn.size(); ++p) w.rows[p][size_t(lane)] = float(drawn[p]);
  }
  return w;
}

}  // namespace fr
