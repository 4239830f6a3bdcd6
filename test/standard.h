// What nearly every test includes, for the precompiled header of the Makefile. No test relies on it: the CMake build does
// without.
#include <gtest/gtest.h>

#include "base/standard.h"
