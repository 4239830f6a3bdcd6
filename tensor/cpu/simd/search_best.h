// The k best rows of the gallery so far, for each query. Private to search.cpp.
#pragma once
#include "tensor/cpu/simd/vec.h"

namespace fr::FR_ISA {
namespace {

// A score and its row as one number, the larger the earlier in the order of the contract. The upper half orders the
// scores: floats by their bits, those of negative numbers inverted, NaN below all (a sum that starts at 0 is never -0).
// The lower half is the complement of the row. 0 is no row at all, so there must be fewer than 2^32 - 1 of them.
using Entry = uint64_t;

FR_VEC Entry entry_of(float s, int64_t row) {
  const auto bits = __builtin_bit_cast(uint32_t, s);
  const uint32_t order = s != s ? 0 : bits >> 31 ? ~bits : bits | 1u << 31;
  return Entry{order} << 32 | static_cast<uint32_t>(~row);
}
FR_VEC int64_t row_of(Entry e) { return e ? static_cast<int64_t>(static_cast<uint32_t>(~e)) : -1; }
FR_VEC float score_of(Entry e) {
  const auto order = static_cast<uint32_t>(e >> 32);
  if (order == 0) return e ? __builtin_nanf("") : -__builtin_inff();
  return __builtin_bit_cast(float, order >> 31 ? order ^ 1u << 31 : ~order);
}

// Puts e at the root of a heap of n whose root is the least, and lets it sink.
FR_VEC void replace_root(Entry* heap, int64_t n, Entry e) {
  int64_t i = 0;
  for (int64_t child = 1; child < n; child = 2 * i + 1) {
    if (child + 1 < n) child += heap[child + 1] < heap[child];
    if (e <= heap[child]) break;
    heap[i] = heap[child];
    i = child;
  }
  heap[i] = e;
}

// What one worker has kept for the queries of a chunk: heaps of k entries. It must be offered the rows in increasing
// order: then a score at or below the worst of a full heap cannot enter, which is what the threshold says. It is NaN,
// which nothing is at or below, while there are empty places or NaN to replace.
struct Kept {
  float* threshold;  // (queries, padded to whole panels)
  Entry* heap;       // (queries, k)
  int64_t k;

  Entry* heap_of(int64_t query) const { return heap + query * k; }
  void offer(int64_t query, float s, int64_t row) const {
    Entry* best = heap_of(query);
    const Entry e = entry_of(s, row);
    if (e <= best[0]) return;
    replace_root(best, k, e);
    threshold[query] = best[0] >> 32 ? score_of(best[0]) : __builtin_nanf("");
  }
  void clear(int64_t queries, int64_t padded) const {
    for (int64_t i = 0; i < queries * k; ++i) heap[i] = 0;
    for (int64_t i = 0; i < padded; ++i) threshold[i] = i < queries ? __builtin_nanf("") : __builtin_inff();
  }
};

}  // namespace
}  // namespace fr::FR_ISA
