// What a row showed when it was measured: errors as numbers, and a sentence for each that is not within its tolerance.
#pragma once
#include <map>
#include <string>
#include <vector>

namespace fr::audit {

using Failures = std::vector<std::string>;

// One comparison: the gradients with finite differences, or all results of one backend with those in double.
struct Check {
  std::string column;  // "differences", "stated", or the backend's name
  std::map<std::string, double>
      errors;  // the largest of each buffer: "y", "dx"; what is not a number is infinite
  double allowed = 0;
  double largest() const;
};

struct Finding {
  std::string row;
  std::vector<Check> checks;
  std::string reason;  // of the tolerance
  Failures failures;   // "l2_normalize 3x13 on avx2: y[4] = 0.5, expected 0.25 (tolerance 5e-06)"
};

// The largest error in the column, -1: nothing was compared there.
double largest(const std::vector<Finding>& findings, const std::string& column);

}  // namespace fr::audit
