// PNG writer (ISO/IEC 15948), 8 bits, gray or RGB: signature, IHDR, one IDAT, IEND. Each row is filtered by
// Sub or Up, whichever leaves the smaller sum of absolute differences.
#include <zlib.h>

#include <cstdlib>

#include "base/error.h"
#include "data/image.h"

namespace fr {
namespace {

using Buffer = std::vector<uint8_t>;

void put32(Buffer& to, size_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) to.push_back(static_cast<uint8_t>(value >> shift));
}

void put_chunk(Buffer& to, const char (&type)[5], const Buffer& body) {
  put32(to, body.size());
  const size_t start = to.size();
  to.insert(to.end(), type, type + 4);
  to.insert(to.end(), body.begin(), body.end());
  put32(to, crc32(0, to.data() + start, static_cast<uInt>(to.size() - start)));
}

// One filtered row: the filter's number, then each byte minus its left (Sub, 1) or upper (Up, 2) neighbour.
struct Filtered {
  Buffer bytes;
  uint64_t cost = 0;

  Filtered(uint8_t filter, const uint8_t* row, const uint8_t* above, size_t size, size_t channels)
      : bytes{filter} {
    for (size_t i = 0; i < size; ++i) {
      const uint8_t left = i >= channels ? row[i - channels] : 0, up = above ? above[i] : 0;
      bytes.push_back(static_cast<uint8_t>(row[i] - (filter == 1 ? left : up)));
      cost += static_cast<uint64_t>(std::abs(static_cast<int8_t>(bytes.back())));
    }
  }
};

Buffer filter(const Image& image) {
  const size_t channels = static_cast<size_t>(image.channels), size = size_t(image.width) * channels;
  Buffer all;
  all.reserve((size + 1) * size_t(image.height));
  for (int y = 0; y < image.height; ++y) {
    const uint8_t *row = image.at(0, y), *above = y > 0 ? image.at(0, y - 1) : nullptr;
    const Filtered sub(1, row, above, size, channels), up(2, row, above, size, channels);
    const Buffer& best = sub.cost <= up.cost ? sub.bytes : up.bytes;
    all.insert(all.end(), best.begin(), best.end());
  }
  return all;
}

}  // namespace

Buffer encode_png(const Image& image) {
  FR_CHECK(image.channels == 1 || image.channels == 3, "encode_png: 1 or 3 channels, got ", image.channels);
  FR_CHECK(image.width > 0 && image.height > 0, "encode_png: an empty picture");
  const Buffer rows = filter(image);
  uLongf packed_size = compressBound(rows.size());
  Buffer packed(packed_size);
  if (compress2(packed.data(), &packed_size, rows.data(), rows.size(), Z_DEFAULT_COMPRESSION) != Z_OK)
    throw Error(ErrorKind::memory, "encode_png: zlib failed");
  packed.resize(packed_size);

  Buffer header;
  put32(header, size_t(image.width));
  put32(header, size_t(image.height));
  const uint8_t color_type = image.channels == 3 ? 2 : 0;
  header.insert(header.end(), {8, color_type, 0, 0, 0});  // 8 bits; deflate, adaptive filters, not interlaced

  Buffer png = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
  put_chunk(png, "IHDR", header);
  put_chunk(png, "IDAT", packed);
  put_chunk(png, "IEND", {});
  return png;
}

}  // namespace fr
