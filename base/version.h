// What this build is: recorded in every run and printed by --version.
#pragma once
#include <string>

namespace fr {

inline constexpr const char* kVersion = "0.1.0";
std::string commit();    // short hash of the source, "-changed" when the tree differs, "unknown" outside git
std::string compiler();  // "g++ 12.2.0"
std::string cpu_name();  // from /proc/cpuinfo, "unknown" elsewhere
std::string version_text();  // "0.1.0 (commit, compiler)"

}  // namespace fr
