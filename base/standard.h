// What nearly every source includes of the standard library: the precompiled header of the Makefile and of CMake. No source
// relies on it: -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON builds without.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <sstream>
#include <string>
#include <vector>
