// Binary PGM (P5) and PPM (P6), 8 and 16 bits. Our own reader, because Debian's stb_image 2.27 returns
// uninitialised memory for a truncated body.
#include <algorithm>

#include "data/codec.h"

namespace fr::codec {
namespace {

// The header's numbers: white space and # comments before each.
struct Header {
  Bytes bytes;
  const std::string& name;
  size_t at = 2;

  int peek() const { return at < bytes.size() ? bytes[at] : -1; }
  static bool blank(int c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

  int64_t number() {
    while (blank(peek()) || peek() == '#') {
      if (bytes[at++] != '#') continue;
      while (peek() >= 0 && peek() != '\n') ++at;
    }
    int64_t value = 0;
    const size_t start = at;
    for (; peek() >= '0' && peek() <= '9' && value < 1'000'000; ++at) value = 10 * value + (peek() - '0');
    if (at == start) refuse(name, "damaged PNM: a number is missing in the header");
    return value;
  }
};

}  // namespace

Image decode_pnm(Bytes bytes, const std::string& name) {
  Header header{bytes, name};
  const int64_t width = header.number(), height = header.number(), largest = header.number();
  if (!Header::blank(header.peek())) refuse(name, "damaged PNM: no white space behind the header");
  check_size(width, height, name);
  if (largest < 1 || largest > 65535)
    refuse(name, cat("damaged PNM: largest value ", largest, ", expected 1..65535"));
  const int channels = bytes[1] == '6' ? 3 : 1;
  const size_t wide = largest > 255 ? 2 : 1, count = size_t(width) * size_t(height) * size_t(channels);
  const Bytes body = bytes.subspan(header.at + 1);
  if (body.size() < count * wide)
    refuse(name, cat("truncated PNM: ", body.size(), " of ", count * wide, " bytes of pixels"));
  Image image(static_cast<int>(width), static_cast<int>(height));
  const size_t copies = channels == 1 ? 3 : 1;
  for (size_t i = 0; i < count; ++i) {
    const int64_t value = wide == 2 ? body[2 * i] * 256 + body[2 * i + 1] : body[i];
    const int64_t scaled = (std::min(value, largest) * 255 + largest / 2) / largest;
    for (size_t k = 0; k < copies; ++k) image.pixels[i * copies + k] = static_cast<uint8_t>(scaled);
  }
  return image;
}

}  // namespace fr::codec
