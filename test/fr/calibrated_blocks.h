// Blocks of a calibrator's scores, and that they are cut-outs of the whole.
#pragma once
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/philox.h"
#include "fr/calibration/calibrator.h"

namespace fr {

inline std::vector<float> block(const Calibrator& c, const CalibratedRows& a, int64_t i, int64_t n,
                                const CalibratedRows& b, int64_t j, int64_t m) {
  std::vector<float> out(size_t(n * m), NAN);
  c.scores(out.data(), a, i, n, b, j, m);
  return out;
}

// Sixty random blocks, many of few rows or columns: the same bits as in one block of everything.
inline void expect_blocks(const Calibrator& c, const CalibratedRows& a, const CalibratedRows& b) {
  const std::vector<float> whole = block(c, a, 0, a.N, b, 0, b.N);
  Random random({2, Purpose::test, 0, 0});
  for (int k = 0; k < 60; ++k) {
    const int64_t i = random.below(uint32_t(a.N)), j = random.below(uint32_t(b.N));
    const int64_t n = 1 + random.below(k % 2 ? 6 : uint32_t(a.N)) % (a.N - i);
    const int64_t m = 1 + random.below(k % 3 ? 6 : uint32_t(b.N)) % (b.N - j);
    const std::vector<float> part = block(c, a, i, n, b, j, m);
    for (int64_t r = 0; r < n; ++r)
      for (int64_t s = 0; s < m; ++s)
        ASSERT_EQ(part[size_t(r * m + s)], whole[size_t((i + r) * b.N + j + s)])
            << "block (" << i << " + " << n << ", " << j << " + " << m << "), element " << r << ", " << s;
  }
}

}  // namespace fr
