// Pictures: decode, encode, resample. Host memory only.
//   JPEG by libjpeg-turbo, PNG, BMP and PNM by stb_image (restricted, size-limited), recognised by content
//   and not by name. EXIF orientation is not applied. A damaged file is an error that names the reason, never
//   a black square.
#pragma once
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace fr {

// 8-bit interleaved pixels, row-major (height, width, channels), RGB.
struct Image {
  int width = 0, height = 0, channels = 3;
  std::vector<uint8_t> pixels;

  Image() = default;
  Image(int w, int h, int c = 3) : width(w), height(h), channels(c), pixels(size_t(w) * h * c) {}
  uint8_t* at(int x, int y) { return &pixels[(size_t(y) * width + x) * channels]; }
  const uint8_t* at(int x, int y) const { return &pixels[(size_t(y) * width + x) * channels]; }
  bool operator==(const Image&) const = default;
};

// Always 3 channels (gray is replicated, alpha dropped). Throws Error{data} naming `name` and the reason:
// unknown or unsupported format, truncated or damaged stream, CMYK, more than 8192 pixels a side or 64
// megapixels.
Image decode_image(std::span<const uint8_t> bytes, const std::string& name);
Image load_image(const std::filesystem::path& path);  // + Error{io}

std::vector<uint8_t> encode_jpeg(const Image& image, int quality);  // 4:2:0, quality 1..100
std::vector<uint8_t> encode_png(const Image& image);                // 1 or 3 channels, compressed
void save_image(const std::filesystem::path& path, const Image& image,
                int jpeg_quality = 95);  // by extension, atomic

}  // namespace fr
