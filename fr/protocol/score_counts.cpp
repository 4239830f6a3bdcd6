#include "fr/protocol/score_counts.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"

namespace fr {

Tally BinCounts::above(int64_t bin) const {
  Tally sum;
  for (size_t b = size_t(bin) + 1; b < size_t(kBins); ++b)
    sum.genuine += genuine[b], sum.impostor += impostor[b];
  return sum;
}

int64_t BinCounts::bin_of_impostor(int64_t rank) const {
  int64_t bin = kBins;
  for (int64_t seen = 0; seen < rank;) seen += impostor[size_t(--bin)];
  return bin;
}

int64_t BinCounts::next_bin(int64_t bin) const {
  while (bin < kBins && empty(bin)) ++bin;
  return bin;
}

bool BinCounts::finite() const { return next_bin(0) >= kFirstFinite && next_bin(kBehindFinite) == kBins; }

int64_t BinCounts::tail_bin(int64_t most) const {
  int64_t bin = kBins;
  for (int64_t seen = 0; bin > 0 && (seen += impostor[size_t(bin - 1)]) <= most;) --bin;
  return bin;
}

int64_t allowed_impostors(double far, int64_t N) {
  return static_cast<int64_t>(std::floor(far * double(N) + 1e-9));
}

KeyCounts::KeyCounts(const BinCounts& coarse, std::vector<int64_t> bins)
    : coarse_(coarse), slot_(size_t(kBins), -1) {
  std::sort(bins.begin(), bins.end());
  bins.erase(std::unique(bins.begin(), bins.end()), bins.end());
  if (!bins.empty() && bins.back() == kBins) bins.pop_back();
  for (size_t i = 0; i < bins.size(); ++i) slot_[size_t(bins[i])] = int32_t(i);
  genuine.resize(bins.size() << kFineBits), impostor.resize(genuine.size());
}

std::vector<int64_t> KeyCounts::bins_of(const BinCounts& coarse, double far, int64_t N) {
  const int64_t allowed = allowed_impostors(far, N);
  if (allowed >= N) return {coarse.next_bin(0)};
  const int64_t bin = coarse.bin_of_impostor(allowed + 1);
  return {bin, coarse.next_bin(bin + 1)};
}

uint32_t KeyCounts::impostor_key(int64_t rank) const {
  const int64_t bin = coarse_.bin_of_impostor(rank);
  int64_t seen = coarse_.above(bin).impostor;
  uint32_t key = first_key(bin) + uint32_t(kFine);
  while (seen < rank) seen += at(--key).impostor;
  return key;
}

Tally KeyCounts::at_least(uint32_t key) const {
  Tally sum = coarse_.above(bin_of(key));
  for (uint32_t k = key; bin_of(k) == bin_of(key); ++k) {
    sum.genuine += at(k).genuine, sum.impostor += at(k).impostor;
    if (k == std::numeric_limits<uint32_t>::max()) break;
  }
  return sum;
}

int64_t KeyCounts::lowest_from(int64_t key) const {
  for (int64_t bin; (bin = coarse_.next_bin(key >> kFineBits)) < kBins; key = (bin + 1) << kFineBits)
    for (key = std::max(key, bin << kFineBits); key >> kFineBits == bin; ++key)
      if (const Tally t = at(uint32_t(key)); t.genuine + t.impostor > 0) return key;
  return -1;
}

// With s the (allowed + 1)-th largest impostor score, exactly the scores above s let few enough impostors pass.
OperatingPoint KeyCounts::operating_point(double far, Tally all) const {
  OperatingPoint point;
  point.far = far, point.threshold = std::numeric_limits<double>::infinity();
  point.too_few_impostors = far * double(all.impostor) < 1;
  const int64_t allowed = allowed_impostors(far, all.impostor);
  const int64_t key = lowest_from(allowed < all.impostor ? int64_t{impostor_key(allowed + 1)} + 1 : 0);
  if (key < 0) return point;
  const Tally passed = at_least(uint32_t(key));
  point.threshold = score_of(uint32_t(key));
  point.tar = double(passed.genuine) / double(all.genuine);
  point.realised_far = double(passed.impostor) / double(all.impostor);
  return point;
}

}  // namespace fr
