#include "fr/protocol/pair_sample.h"

#include <array>

namespace fr {

// Radix sort by 11 bits of the key at a time, for millions of pairs; then the few pairs with the same key.
void sort_descending(std::vector<RankedPair>& pairs) {
  constexpr uint32_t kBits = 11, kDigits = 1u << kBits;
  std::vector<RankedPair> other(pairs.size());
  for (uint32_t shift = 0; shift < 32; shift += kBits) {
    const auto digit = [&](const RankedPair& p) { return ~p.key >> shift & (kDigits - 1); };
    std::array<size_t, kDigits + 1> place{};
    for (const RankedPair& p : pairs) ++place[digit(p) + 1];
    for (size_t d = 0; d < kDigits; ++d) place[d + 1] += place[d];
    for (const RankedPair& p : pairs) other[place[digit(p)]++] = p;
    pairs.swap(other);
  }
  for (auto first = pairs.begin(); first != pairs.end();) {
    const auto last =
        std::find_if(first, pairs.end(), [&](const RankedPair& p) { return p.key != first->key; });
    std::sort(first, last);
    first = last;
  }
}

}  // namespace fr
