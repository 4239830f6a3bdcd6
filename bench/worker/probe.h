// What the machine can do at this moment: fused multiply-adds in registers, and copying memory.
#pragma once
#include <string_view>

namespace fr::bench {

// flop/s of independent FMAs on all threads, with the vectors of "avx2" or "avx512"; about a millisecond, for fma_flop().
// busy: one thread by its processor time, not the clock.
double fma_flop(std::string_view backend);
double fma_peak(std::string_view backend, bool busy = false);
// bytes/s (read + written) of copying 64 MiB per thread, best of five.
double copy_bandwidth();

}  // namespace fr::bench
