// A figure of a protocol's result by its key.
#pragma once
#include <stdexcept>
#include <string>

#include "fr/protocol/protocol.h"

namespace fr {

inline Figure figure(const ProtocolResult& result, const std::string& key) {
  for (const Figure& f : result.figures)
    if (f.key == key) return f;
  throw std::runtime_error("no figure " + key);
}

}  // namespace fr
