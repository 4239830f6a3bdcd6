// What bin/audit does, for the program and for its tests.
#pragma once
#include <iosfwd>
#include <string>

#include "audit/audit.h"

namespace fr::audit {

struct Request {
  Options options;
  bool verbose = false;                 // of the table: every row, and every buffer of it
  bool list = false;                    // the lines alone, nothing is measured
  bool markdown = false, json = false;  // in place of the table
  std::string docs;                     // folder of the pages to write the errors into, when all is well
};

// Prints to `out`. Returns the exit code: 0, or 1 when anything failed; what failed is said in the table's last lines, or
// on `complaints` where there is no table. Throws Error{usage} when the filters leave nothing, or
// with `docs`, whose pages need every line.
int run(const Subjects& subjects, const Request& request, std::ostream& out, std::ostream& complaints);

}  // namespace fr::audit
