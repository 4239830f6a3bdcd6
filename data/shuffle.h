// A random permutation (Fisher and Yates).
#pragma once
#include <utility>
#include <vector>

#include "base/philox.h"

namespace fr {

template <class T>
void shuffle(std::vector<T>& values, Random& random) {
  for (size_t i = values.size(); i > 1; --i)
    std::swap(values[i - 1], values[random.below(static_cast<uint32_t>(i))]);
}

}  // namespace fr
