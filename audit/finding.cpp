#include "audit/finding.h"

#include <algorithm>

namespace fr::audit {

double Check::largest() const {
  double error = 0;
  for (const auto& [name, e] : errors) error = std::max(error, e);
  return error;
}

double largest(const std::vector<Finding>& findings, const std::string& column) {
  double error = -1;
  for (const Finding& f : findings)
    for (const Check& c : f.checks)
      if (c.column == column) error = std::max(error, c.largest());
  return error;
}

}  // namespace fr::audit
