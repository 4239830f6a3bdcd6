// Rows of products and convolutions that are run in every size of tile, and in TF32: for a card, and for the emulator.
#pragma once
#include <cmath>
#include <string>
#include <vector>

#include "audit/kernels/rows.h"

namespace fr::test {

inline std::vector<audit::Row> product_rows() {
  std::vector<audit::Row> some;
  const std::vector<audit::Row> gemms = audit::gemm_rows();
  for (size_t i = 0; i < gemms.size(); i += 16) some.push_back(gemms[i]);
  for (const char* part : {"136x72x64", "61x69x77", "69x133x1021", "x1344 "})
    for (const audit::Row& row : gemms)
      if (row.name.find(part) != std::string::npos) some.push_back(row);
  for (const audit::Row& row : audit::conv2d_rows())
    for (const char* part :
         {"eights", "shortcut, larger", "downsampling, larger", "two groups, larger", "unit, larger"})
      if (row.name.find(part) != std::string::npos) some.push_back(row);
  return some;
}

// With such operands a product in TF32 is as exact as one in float.
inline double to_tf32(double v) {
  if (v == 0 || !std::isfinite(v)) return v;
  const double unit = std::ldexp(1.0, std::ilogb(v) - 10);
  return std::nearbyint(v / unit) * unit;
}

}  // namespace fr::test
