#include "bench/worker/probe.h"

#include <immintrin.h>

#include <algorithm>
#include <cstring>
#include <ctime>
#include <vector>

#include "base/parallel.h"

namespace fr::bench {
namespace {

double now(bool busy = false) {
  timespec t;
  clock_gettime(busy ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

// 12 chains hide the latency of 4 cycles on 2 ports.
#define FR_CHAINS(f) f(0) f(1) f(2) f(3) f(4) f(5) f(6) f(7) f(8) f(9) f(10) f(11)
constexpr int kChains = 12;

__attribute__((target("avx2,fma"))) float chains_avx2(int64_t rounds) {
  const __m256 x = _mm256_set1_ps(0.5f), y = _mm256_set1_ps(0.25f);
#define FR_START(i) __m256 a##i = _mm256_set1_ps(i);
#define FR_STEP(i) a##i = _mm256_fmadd_ps(a##i, x, y);
#define FR_SUM(i) sum = _mm256_add_ps(sum, a##i);
  FR_CHAINS(FR_START)
  for (int64_t r = 0; r < rounds; ++r) {
    FR_CHAINS(FR_STEP)
  }
  __m256 sum = x;
  FR_CHAINS(FR_SUM)
  return _mm256_cvtss_f32(sum);
#undef FR_START
#undef FR_STEP
#undef FR_SUM
}

__attribute__((target("avx512f"))) float chains_avx512(int64_t rounds) {
  const __m512 x = _mm512_set1_ps(0.5f), y = _mm512_set1_ps(0.25f);
#define FR_START(i) __m512 a##i = _mm512_set1_ps(i);
#define FR_STEP(i) a##i = _mm512_fmadd_ps(a##i, x, y);
#define FR_SUM(i) sum = _mm512_add_ps(sum, a##i);
  FR_CHAINS(FR_START)
  for (int64_t r = 0; r < rounds; ++r) {
    FR_CHAINS(FR_STEP)
  }
  __m512 sum = x;
  FR_CHAINS(FR_SUM)
  return _mm512_cvtss_f32(sum);
#undef FR_START
#undef FR_STEP
#undef FR_SUM
}

constexpr int64_t kRounds = 200000;

}  // namespace

double fma_flop(std::string_view backend) {
  return 2.0 * kRounds * kChains * (backend == "avx512" ? 16 : 8) * threads();
}

double fma_peak(std::string_view backend, bool busy) {
  const bool wide = backend == "avx512";
  std::vector<float> sink(static_cast<size_t>(threads()));
  const double start = now(busy);
  parallel_for(threads(), [&](int64_t i) {
    sink[static_cast<size_t>(i)] = wide ? chains_avx512(kRounds) : chains_avx2(kRounds);
  });
  const double seconds = now(busy) - start;
  volatile float keep = sink[0];
  (void)keep;
  return fma_flop(backend) / seconds;
}

double copy_bandwidth() {
  constexpr size_t kBytes = size_t{64} << 20;
  std::vector<char> from(kBytes * static_cast<size_t>(threads()), 1), to(from.size());
  double best = 1e300;
  for (int i = 0; i < 5; ++i) {
    const double start = now();
    parallel_for(threads(), [&](int64_t t) {
      std::memcpy(to.data() + static_cast<size_t>(t) * kBytes, from.data() + static_cast<size_t>(t) * kBytes,
                  kBytes);
    });
    best = std::min(best, now() - start);
  }
  return 2.0 * static_cast<double>(from.size()) / best;
}

}  // namespace fr::bench
