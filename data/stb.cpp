// PNG and BMP by stb_image, nothing else compiled in, behind checks of our own: stb reads neither the CRC of
// a PNG chunk nor the length of a BMP's body, and would return a damaged picture as if it were whole.
#include <zlib.h>

#include <climits>
#include <cstdlib>
#include <memory>

#include "data/codec.h"

namespace {

// One decode may hold this much at a time: a 64-megapixel RGB picture and its unfiltered copy.
constexpr size_t kBudget = size_t{512} << 20;
thread_local size_t held = 0;

// The size stands in front of each block, so that free() can give it back to the budget.
constexpr size_t kPrefix = alignof(std::max_align_t);
void* budget_malloc(size_t size) {
  if (size > kBudget - held) return nullptr;
  auto* block = static_cast<char*>(std::malloc(size + kPrefix));
  if (!block) return nullptr;
  *reinterpret_cast<size_t*>(block) = size;
  held += size;
  return block + kPrefix;
}
void budget_free(void* pointer) {
  if (!pointer) return;
  auto* block = static_cast<char*>(pointer) - kPrefix;
  held -= *reinterpret_cast<size_t*>(block);
  std::free(block);
}
void* budget_realloc(void* pointer, size_t size) {
  if (!pointer) return budget_malloc(size);
  auto* block = static_cast<char*>(pointer) - kPrefix;
  const size_t before = *reinterpret_cast<size_t*>(block);
  if (size > before && size - before > kBudget - held) return nullptr;
  block = static_cast<char*>(std::realloc(block, size + kPrefix));
  if (!block) return nullptr;
  *reinterpret_cast<size_t*>(block) = size;
  held = held - before + size;
  return block + kPrefix;
}

}  // namespace

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wall"
#pragma GCC diagnostic ignored "-Wextra"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_ONLY_PNG
#define STBI_ONLY_BMP
#define STBI_NO_STDIO
#define STBI_NO_LINEAR
#define STBI_NO_HDR
#define STBI_MAX_DIMENSIONS 8192
#define STBI_ASSERT(condition) ((void)0)
#define STBI_MALLOC(size) budget_malloc(size)
#define STBI_REALLOC(pointer, size) budget_realloc(pointer, size)
#define STBI_FREE(pointer) budget_free(pointer)
#include <stb/stb_image.h>
#pragma GCC diagnostic pop

namespace fr::codec {
namespace {

uint32_t big32(const uint8_t* at) { return uint32_t{at[0]} << 24 | at[1] << 16 | at[2] << 8 | at[3]; }
uint32_t little32(const uint8_t* at) { return uint32_t{at[3]} << 24 | at[2] << 16 | at[1] << 8 | at[0]; }

Image decode(Bytes bytes, const std::string& name, const char* format) {
  if (bytes.size() > INT_MAX) refuse(name, "larger than 2 GiB");
  const int size = static_cast<int>(bytes.size());
  int width = 0, height = 0, channels = 0;
  const auto damaged = [&] { refuse(name, cat("damaged ", format, ": ", stbi_failure_reason())); };
  if (!stbi_info_from_memory(bytes.data(), size, &width, &height, &channels)) damaged();
  check_size(width, height, name);
  const std::unique_ptr<stbi_uc, decltype(&stbi_image_free)> pixels(
      stbi_load_from_memory(bytes.data(), size, &width, &height, &channels, 3), stbi_image_free);
  if (!pixels) damaged();
  Image image;
  image.width = width, image.height = height;
  image.pixels.assign(pixels.get(), pixels.get() + size_t(width) * size_t(height) * 3);
  return image;
}

// Length, CRC and order of every chunk up to IEND; the size in the header, before a byte is decoded.
void check_png(Bytes bytes, const std::string& name) {
  for (size_t at = 8;;) {
    if (bytes.size() - at < 12) refuse(name, "truncated PNG: no end chunk");
    const uint8_t* chunk = bytes.data() + at;
    const uint32_t length = big32(chunk);
    const std::string type(chunk + 4, chunk + 8);
    if (length > bytes.size() - at - 12) refuse(name, cat("truncated PNG: the file ends in chunk ", type));
    if (crc32(0, chunk + 4, length + 4) != big32(chunk + 8 + length))
      refuse(name, cat("damaged PNG: wrong checksum of chunk ", type));
    if (at == 8 && (type != "IHDR" || length != 13)) refuse(name, "damaged PNG: no header chunk");
    if (at == 8) check_size(big32(chunk + 8), big32(chunk + 12), name);
    if (type == "IEND") return;
    at += size_t{12} + length;
  }
}

}  // namespace

Image decode_png(Bytes bytes, const std::string& name) {
  check_png(bytes, name);
  return decode(bytes, name, "PNG");
}

// The header (BITMAPINFOHEADER and its successors; 12 bytes for OS/2) says where the rows are and how many
// bytes.
Image decode_bmp(Bytes bytes, const std::string& name) {
  if (bytes.size() < 34) refuse(name, "truncated BMP: no header");
  const uint8_t* at = bytes.data();
  const bool old = little32(at + 14) == 12;
  const int64_t width = old ? at[18] | at[19] << 8 : static_cast<int32_t>(little32(at + 18));
  const int64_t height = old ? at[20] | at[21] << 8 : static_cast<int32_t>(little32(at + 22));
  const int64_t bits = old ? at[24] | at[25] << 8 : at[28] | at[29] << 8;
  check_size(width, std::abs(height), name);
  if (!old && (at[30] == 1 || at[30] == 2)) refuse(name, "run-length coded BMP is not supported");
  const int64_t need = little32(at + 10) + (width * bits + 31) / 32 * 4 * std::abs(height);
  if (need > static_cast<int64_t>(bytes.size()))
    refuse(name, cat("truncated BMP: ", bytes.size(), " of ", need, " bytes"));
  return decode(bytes, name, "BMP");
}

}  // namespace fr::codec
