#include "base/version.h"

#include <fstream>

#ifndef PROSOPON_COMMIT
#define PROSOPON_COMMIT "unknown"
#endif

namespace fr {

std::string commit() { return PROSOPON_COMMIT; }

std::string compiler() {
#ifdef __clang__
  return "clang++ " __clang_version__;
#else
  return "g++ " __VERSION__;
#endif
}

std::string cpu_name() {
  std::ifstream in("/proc/cpuinfo");
  for (std::string line; std::getline(in, line);)
    if (line.rfind("model name", 0) == 0) return line.substr(line.find(':') + 2);
  return "unknown";
}

std::string version_text() { return std::string(kVersion) + " (" + commit() + ", " + compiler() + ")"; }

}  // namespace fr
