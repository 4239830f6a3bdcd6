// Threads. Pieces that share a sum are cut by the problem alone, never by the thread count, and added in piece
// order: results are bit-identical for any number of threads.
#pragma once
// The functions are static: files compiled for one instruction set must not lend their copy to the others.
#include <omp.h>

#include <algorithm>
#include <cstdint>

namespace fr {

static inline void set_threads(int n) { omp_set_num_threads(n); }
static inline int threads() { return omp_get_max_threads(); }

// f(piece) for every piece in [0, pieces), on all threads; pieces may run in any order and must not share
// outputs. f must not throw.
template <class F>
void parallel_for(int64_t pieces, const F& f) {
  if (pieces <= 1 || threads() == 1) {
    for (int64_t i = 0; i < pieces; ++i) f(i);
    return;
  }
#pragma omp parallel for schedule(dynamic, 1)
  for (int64_t i = 0; i < pieces; ++i) f(i);
}

// f(begin, end) over [0, n) in pieces of `grain` items.
template <class F>
void parallel_ranges(int64_t n, int64_t grain, const F& f) {
  parallel_for((n + grain - 1) / grain, [&](int64_t i) { f(i * grain, std::min(n, (i + 1) * grain)); });
}

}  // namespace fr
