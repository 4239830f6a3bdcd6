// Which decoder: by the first bytes of the file. Formats we know but do not read are refused by name.
#include "data/image.h"

#include <algorithm>
#include <cctype>

#include "base/file.h"
#include "data/codec.h"

namespace fr {
namespace {

using codec::Bytes;

bool has(Bytes bytes, size_t at, std::string_view text) {
  return bytes.size() >= at + text.size() &&
         std::equal(text.begin(), text.end(), bytes.begin() + static_cast<std::ptrdiff_t>(at),
                    [](char c, uint8_t b) { return static_cast<uint8_t>(c) == b; });
}

struct Signature {
  size_t at;
  std::string_view text;
  const char* what;
};
using namespace std::string_view_literals;
constexpr Signature kUnsupported[] = {
    {0, "GIF8"sv, "GIF"},         {8, "WEBP"sv, "WebP"},          {0, "II*\0"sv, "TIFF"},
    {0, "MM\0*"sv, "TIFF"},       {4, "ftyp"sv, "HEIF/AVIF/MP4"}, {4, "jP  "sv, "JPEG 2000"},
    {0, "\xff\x0a"sv, "JPEG XL"}, {0, "8BPS"sv, "Photoshop"},     {0, "P1"sv, "PBM"},
    {0, "P2"sv, "text PGM"},      {0, "P3"sv, "text PPM"},        {0, "P4"sv, "PBM"},
    {0, "%PDF"sv, "PDF"},         {0, "PK\3\4"sv, "ZIP"},         {0, "\x1f\x8b"sv, "gzip"},
};

[[noreturn]] void refuse_unknown(Bytes bytes, const std::string& name) {
  if (bytes.empty()) codec::refuse(name, "an empty file");
  for (const Signature& s : kUnsupported)
    if (has(bytes, s.at, s.text))
      codec::refuse(name, cat(s.what, " is not supported (JPEG, PNG, BMP, PGM, PPM are)"));
  const auto first = std::find_if_not(bytes.begin(), bytes.end(), [](uint8_t b) { return std::isspace(b); });
  if (first != bytes.end() && (*first == '<' || *first == '{'))
    codec::refuse(name, "not a picture but text (HTML, XML or JSON)");
  codec::refuse(name, "not a picture in a format known here (JPEG, PNG, BMP, PGM, PPM)");
}

std::vector<uint8_t> encode_pnm(const Image& image) {
  FR_CHECK(image.channels == 1 || image.channels == 3, "encode_pnm: 1 or 3 channels, got ", image.channels);
  const std::string header =
      cat(image.channels == 3 ? "P6\n" : "P5\n", image.width, " ", image.height, "\n255\n");
  std::vector<uint8_t> bytes(header.begin(), header.end());
  bytes.insert(bytes.end(), image.pixels.begin(), image.pixels.end());
  return bytes;
}

}  // namespace

void codec::check_size(int64_t width, int64_t height, const std::string& name) {
  constexpr int64_t kSide = 8192, kPixels = 64'000'000;
  if (width < 1 || height < 1) refuse(name, cat("damaged: a size of ", width, " x ", height));
  if (width > kSide || height > kSide || width * height > kPixels)
    refuse(name, cat(width, " x ", height, " pixels: more than ", kSide, " a side or 64 megapixels"));
}

Image decode_image(Bytes bytes, const std::string& name) {
  if (has(bytes, 0, "\xff\xd8\xff")) return codec::decode_jpeg(bytes, name);
  if (has(bytes, 0, "\x89PNG\r\n\x1a\n")) return codec::decode_png(bytes, name);
  if (has(bytes, 0, "BM")) return codec::decode_bmp(bytes, name);
  if (has(bytes, 0, "P5") || has(bytes, 0, "P6")) return codec::decode_pnm(bytes, name);
  refuse_unknown(bytes, name);
}

Image load_image(const std::filesystem::path& path) {
  constexpr uint64_t kLimit = uint64_t{256} << 20;
  return decode_image(read_file(path, kLimit), path.string());
}

void save_image(const std::filesystem::path& path, const Image& image, int jpeg_quality) {
  std::string extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  std::vector<uint8_t> bytes;
  if (extension == ".jpg" || extension == ".jpeg")
    bytes = encode_jpeg(image, jpeg_quality);
  else if (extension == ".png")
    bytes = encode_png(image);
  else if (extension == ".ppm" || extension == ".pgm")
    bytes = encode_pnm(image);
  else
    FR_CHECK(false, "save_image: .jpg, .png, .ppm or .pgm, got ", path.string());
  write_file_atomic(path, std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

}  // namespace fr
