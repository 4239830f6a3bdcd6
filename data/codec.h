// The decoders behind data/image.h, one per file. Internal to data/.
// All of them return 3 channels and throw Error{data} "name: reason".
#pragma once
#include <cstdint>
#include <span>
#include <string>

#include "base/error.h"
#include "data/image.h"

namespace fr::codec {

using Bytes = std::span<const uint8_t>;

[[noreturn]] inline void refuse(const std::string& name, const std::string& reason) {
  throw Error(ErrorKind::data, cat(name, ": ", reason));
}

// Before anything is allocated: 1..8192 pixels a side, at most 64 megapixels.
void check_size(int64_t width, int64_t height, const std::string& name);

Image decode_jpeg(Bytes bytes, const std::string& name);  // data/jpeg.cpp
Image decode_png(Bytes bytes, const std::string& name);   // data/stb.cpp
Image decode_bmp(Bytes bytes, const std::string& name);   // data/stb.cpp
Image decode_pnm(Bytes bytes, const std::string& name);   // data/pnm.cpp

}  // namespace fr::codec
