// A figure of a protocol's result by its key.
#pragma once
#include <algorithm>
#include <stdexcept>
#include <string>

#include "fr/protocol/protocol.h"

namespace fr {

inline const Figure& figure(const ProtocolResult& r, const std::string& key) {
  const auto at =
      std::find_if(r.figures.begin(), r.figures.end(), [&](const Figure& f) { return f.key == key; });
  if (at == r.figures.end()) throw std::out_of_range(key);
  return *at;
}

}  // namespace fr
