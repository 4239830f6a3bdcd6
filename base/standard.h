// What nearly every source includes of the standard library, for the precompiled header of the Makefile. No source
// relies on it: the CMake build does without.
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
